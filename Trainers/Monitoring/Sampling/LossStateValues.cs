using MLNetLosses.Losses;
using static TorchSharp.torch;

namespace MLNetLosses.Training;

/// <summary>Reads what a loss learns or remembers.</summary>
internal static class LossStateValues
{
    private const int Few = 16;

    /// <summary>Parameters and small buffers by name; null where there are none.</summary>
    public static IReadOnlyDictionary<string, StateRecord>? Read(LossFunction loss, nn.Module? weighting)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        var values = new Dictionary<string, StateRecord>();
        foreach (var (module, prefix) in new[] { (loss, ""), (weighting, "weighting.") })
        {
            if (module is null)
                continue;
            foreach (var (name, parameter) in module.named_parameters())
                Add(prefix + name, parameter, summarize: true);
            foreach (var (name, buffer) in module.named_buffers())
                Add(prefix + name, buffer, summarize: false);
        }
        return values.Count == 0 ? null : values;

        void Add(string name, Tensor tensor, bool summarize)
        {
            if (!tensor.is_floating_point() || tensor.numel() == 0)
                return;
            name = name.Replace("state.", "", StringComparison.Ordinal);
            if (tensor.numel() <= Few)
                values[name] = new()
                {
                    Values = [.. tensor.detach().to(ScalarType.Float64).cpu().reshape([-1]).contiguous().data<double>().ToArray()],
                };
            else if (summarize)
                values[name] = new() { Count = tensor.numel(), Norm = tensor.detach().norm().to(ScalarType.Float64).item<double>() };
        }
    }
}
