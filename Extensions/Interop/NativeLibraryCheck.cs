using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TorchSharp;

namespace MLNetLosses.Interop;

/// <summary>
/// Lets TorchSharp load its native library, and where that fails says what is missing in which version, and the cure. TorchSharp's own
/// message says nothing of versions.
/// </summary>
internal static class NativeLibraryCheck
{
    private static readonly Lazy<(string Message, Exception Cause)?> Problem = new(Find);

    /// <summary>To be called before anything of TorchSharp is touched. After the first time it costs nothing.</summary>
    /// <exception cref="DllNotFoundException">The library does not load; the message says why and what to do.</exception>
    public static void Ensure()
    {
        if (Problem.Value is var (message, cause))
            throw new DllNotFoundException(message, cause);
    }

    private static (string, Exception)? Find()
    {
        try
        {
            Load();
            return null;
        }
        catch (Exception error)
        {
            return (NativeLibraryFacts.Gather(error).Explain(), error);
        }
    }

    // In a method of its own: the runtime may load TorchSharp when it compiles the method that uses it.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Load() => torch.InitializeDeviceType(DeviceType.CPU);
}
