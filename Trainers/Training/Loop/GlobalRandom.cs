using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MLNetLosses.Training;

/// <summary>
/// torch's process-wide generator, from which dropout draws. Seeded at the start of each epoch from seed and epoch, so that a resumed
/// training draws what an uninterrupted one would have; its state before the training is put back in the end.
/// </summary>
internal sealed class GlobalRandom : IDisposable
{
    private readonly Tensor? before;

    public GlobalRandom(bool isUsed) => before = isUsed ? random.get_rng_state().DetachFromDisposeScope() : null;

    /// <summary>Whether a network holds a layer of torch that draws from it.</summary>
    public static bool IsUsedBy(nn.Module network) =>
        network.modules().Any(m => m is Dropout or Dropout1d or Dropout2d or Dropout3d or AlphaDropout or FeatureAlphaDropout);

    public void Begin(long seed, int epoch)
    {
        if (before is null)
            return;
        using var generator = random.manual_seed((long)(Mix((ulong)seed ^ Mix((ulong)epoch)) >> 1));
    }

    public void Dispose()
    {
        if (before is null)
            return;
        random.set_rng_state(before);
        before.Dispose();
    }

    // SplitMix64's finalizer: neighbouring numbers give unrelated seeds.
    private static ulong Mix(ulong x)
    {
        x += 0x9E3779B97F4A7C15;
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        return x ^ (x >> 31);
    }
}
