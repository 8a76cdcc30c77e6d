using System.Runtime.InteropServices;

namespace MLNetLosses.Interop;

/// <summary>
/// NNPACK, which libtorch tries for small convolutions on Linux and macOS. On processors that it does not know (many virtual machines, among
/// them) each such convolution writes a line to the standard error, which belongs to the user's program. TorchSharp has no switch for it.
/// </summary>
internal static unsafe class Nnpack
{
    private static readonly Lazy<bool> Off = new(Switch);

    /// <summary>Turns it off, once and for the process. Convolutions use what they use where there is no NNPACK.</summary>
    /// <returns>Whether that worked. Where libtorch is built otherwise nothing happens.</returns>
    public static bool TurnOff() => Off.Value;

    private static bool Switch()
    {
        var file = OperatingSystem.IsLinux() ? "libtorch_cpu.so" : "libtorch_cpu.dylib";
        NativeLibraryCheck.Ensure();
        if (
            OperatingSystem.IsWindows()
            || !NativeLibrary.TryLoad(file, out var library)
            || !NativeLibrary.TryGetExport(library, "_ZN2at13globalContextEv", out var getContext)
            || !NativeLibrary.TryGetExport(library, "_ZN2at7Context20setUserEnabledNNPACKEb", out var enable)
            || !NativeLibrary.TryGetExport(library, "_ZNK2at7Context17userEnabledNNPACKEv", out var isEnabled)
        )
            return false;
        var context = ((delegate* unmanaged[Cdecl]<nint>)getContext)();
        ((delegate* unmanaged[Cdecl]<nint, byte, void>)enable)(context, 0);
        return ((delegate* unmanaged[Cdecl]<nint, byte>)isEnabled)(context) == 0;
    }
}
