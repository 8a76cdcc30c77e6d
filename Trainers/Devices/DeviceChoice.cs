using System.Globalization;
using Microsoft.ML.Runtime;
using MLNetLosses.Interop;
using TorchSharp;

namespace MLNetLosses;

/// <summary>Where a network runs, and why there.</summary>
internal sealed record DeviceChoice(torch.Device Device, string Reason, bool IsFallback = false)
{
    /// <summary>
    /// The device that was asked for by name, else the one that the context names, else the first CUDA device where there is one, else the
    /// CPU. What was asked for and is not there is an error, except a context's GPU where the context allows to fall back.
    /// </summary>
    /// <param name="name">cpu, cuda, cuda:N, or null for no wish.</param>
    /// <param name="environment">The context.</param>
    /// <exception cref="ArgumentException">No such name.</exception>
    /// <exception cref="InvalidOperationException">The device asked for is not there.</exception>
    public static DeviceChoice Make(string? name, IHostEnvironment environment)
    {
        if (name is not null)
        {
            var (cuda, index) = Parse(name);
            return !cuda ? new(torch.CPU, "the option Device says so")
                : IsThere(index) ? new(torch.device(DeviceType.CUDA, index), "the option Device says so")
                : throw new InvalidOperationException($"The option Device asks for '{name}', but {WhyNot(index)}");
        }
        if (Hosts.GpuDeviceId(environment) is { } wanted)
            return IsThere(wanted) ? new(torch.device(DeviceType.CUDA, wanted), "MLContext.GpuDeviceId says so")
                : Hosts.FallbackToCpu(environment)
                    ? new(torch.CPU, $"MLContext.GpuDeviceId is {wanted}, but {WhyNot(wanted)}", IsFallback: true)
                : throw new InvalidOperationException(
                    $"MLContext.GpuDeviceId is {wanted}, but {WhyNot(wanted)} Set MLContext.FallbackToCpu to true to run on the CPU instead."
                );
        return IsThere(0)
            ? new(torch.device(DeviceType.CUDA, 0), "there is a CUDA device, and nothing else was asked for")
            : new(torch.CPU, "nothing else was asked for, and there is no CUDA device");
    }

    /// <summary>Reads the name of a device.</summary>
    /// <exception cref="ArgumentException">It is none; the message lists what there is.</exception>
    public static (bool Cuda, int Index) Parse(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var parts = name.Trim().ToLowerInvariant().Split(':');
        return parts switch
        {
            ["cpu"] => (false, 0),
            ["cuda"] or ["gpu"] => (true, 0),
            ["cuda" or "gpu", var number] when int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var index) => (
                true,
                index
            ),
            _ => throw new ArgumentException($"'{name}' is no device: use cpu, cuda or cuda:N (such as cuda:1).", nameof(name)),
        };
    }

    private static bool IsThere(int index) => index >= 0 && torch.cuda.is_available() && index < torch.cuda.device_count();

    private static string WhyNot(int index) =>
        torch.cuda.is_available()
            ? $"here {Quantity.Of(torch.cuda.device_count(), "CUDA device")} can be used, counted from 0: {index} is none of them."
            : "CUDA is not available here: install a driver, and reference a TorchSharp-cuda package instead of TorchSharp-cpu.";
}
