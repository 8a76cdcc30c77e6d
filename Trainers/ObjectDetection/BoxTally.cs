using Microsoft.ML.Runtime;
using MLNetLosses.Interop;

namespace MLNetLosses;

/// <summary>What became of a box on its way into a batch.</summary>
internal enum BoxFate
{
    /// <summary>It is learned as it is.</summary>
    Whole,

    /// <summary>It lies outside its image and is left out.</summary>
    Outside,

    /// <summary>It reaches a pixel or more beyond its image and is cut at the border.</summary>
    Beyond,

    /// <summary>It is cut where the augmentation moved it over the border.</summary>
    Cut,

    /// <summary>The augmentation leaves less of it than can be learned.</summary>
    Lost,

    /// <summary>It is too small to be learned at the size that images are brought to.</summary>
    TooSmall,
}

/// <summary>Counts the fates of boxes. Any number of threads may add.</summary>
internal sealed class BoxTally
{
    private readonly int[] counts = new int[Enum.GetValues<BoxFate>().Length];

    public void Add(BoxFate fate) => Interlocked.Increment(ref counts[(int)fate]);

    public int this[BoxFate fate] => Volatile.Read(ref counts[(int)fate]);

    /// <summary>Tells the log what the user may want to know.</summary>
    public void Tell(IChannel channel)
    {
        Warn(BoxFate.Outside, "Left out", "whose boxes lie outside their images");
        Warn(BoxFate.Beyond, "Cut at the border", "whose boxes reach a pixel or more beyond their images");
        Warn(BoxFate.TooSmall, "Left out", "with a side of less than half a pixel at the size that images are brought to; raise ImageSize");
        if (this[BoxFate.Cut] + this[BoxFate.Lost] > 0)
            channel.Info(
                $"Of {Quantity.Of(counts.Sum(), "object")} in the first epoch the augmentation cut {this[BoxFate.Cut]} at the border and left nothing to learn of {this[BoxFate.Lost]}."
            );

        void Warn(BoxFate fate, string what, string why)
        {
            if (this[fate] > 0)
                channel.Warning($"{what}: {Quantity.Of(this[fate], "object")} {why}.");
        }
    }
}
