using TorchSharp;

namespace MLNetLosses.UnitTests;

/// <summary>Counts native tensors, for tests that nothing is left behind.</summary>
internal static class LiveTensors
{
    /// <summary>The number alive once what earlier tests dropped has been finalized: a finalizer in the middle of a test would lower the count.</summary>
    public static long Settled()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return torch.Tensor.TotalCount;
    }
}
