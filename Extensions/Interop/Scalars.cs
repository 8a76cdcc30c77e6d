using TorchSharp;

namespace MLNetLosses.Interop;

/// <summary>
/// Numbers that are never freed. TorchSharp makes a native scalar of every number that is given to an operation, and its finalizer may free it while native code
/// still reads it (dotnet/TorchSharp, pull requests 1434 and 1496): with the processors overcommitted a training was seen to end so. Operations that every
/// layer does at every step take these instead; a sum of two tensors has one too, the factor 1 that it does not show.
/// </summary>
internal static class Scalars
{
    public static readonly Scalar One = 1;
}
