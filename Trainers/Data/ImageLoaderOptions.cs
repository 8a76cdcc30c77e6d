using static TorchSharp.torch;

namespace MLNetLosses.Data;

/// <summary>How a loader makes batches.</summary>
internal sealed record ImageLoaderOptions
{
    /// <summary>Images a batch, 1 or more.</summary>
    public int BatchSize
    {
        get;
        init =>
            field = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(BatchSize), value, "BatchSize must be 1 or more.");
    } = 32;

    /// <summary>The order of an epoch.</summary>
    public SampleOrder Order { get; init; } = SampleOrder.Shuffled;

    /// <summary>Decides the order and the augmentation, together with epoch and step.</summary>
    public long Seed { get; init; }

    /// <summary>Leaves out an incomplete last batch, unless it is the only one.</summary>
    public bool DropLast { get; init; }

    /// <summary>Threads that decode and put batches together, 1 or more; default half the processors, at most 4.</summary>
    public int Readers
    {
        get;
        init => field = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(Readers), value, "Readers must be 1 or more.");
    } = Math.Clamp(Environment.ProcessorCount / 2, 1, 4);

    /// <summary>Batches made ahead, as bytes, 1 or more.</summary>
    public int QueueLength
    {
        get;
        init =>
            field =
                value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(QueueLength), value, "QueueLength must be 1 or more.");
    } = 3;

    /// <summary>What is changed at random.</summary>
    public Augmentation Augmentation { get; init; } = Augmentation.None;

    /// <summary>Where batches are handed over.</summary>
    public Device Device { get; init; } = CPU;

    /// <summary>
    /// Leaves out rows whose image cannot be read, after looking at all of them once, instead of throwing when such a row comes up.
    /// </summary>
    public bool SkipUndecodable { get; init; }
}
