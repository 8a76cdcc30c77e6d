using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>A segmentation loss that can leave pixels out.</summary>
public abstract record MaskLoss : SegmentationLoss
{
    /// <summary>
    /// Pixels (multi-label: elements) with this target belong to no class and count nowhere: in no sum, mean or distance map. Default -100; 255 is usual
    /// in masks, -1 in multi-label targets.
    /// </summary>
    public long IgnoreIndex { get; init; } = -100;

    /// <inheritdoc/>
    protected internal override long? IgnoredTarget => IgnoreIndex;
}

/// <summary>A segmentation loss that weighs classes.</summary>
public abstract record WeightedMaskLoss : MaskLoss
{
    /// <summary>
    /// [C], &gt;= 0 and not all 0: the weight of each class, indexed by class also where the background is left out. Null: 1. <c>mean</c> divides by
    /// the sum of weights.
    /// </summary>
    [Interval("[0, inf)")]
    public ValueList<double>? ClassWeights
    {
        get;
        init => field = Valid(value);
    }

    /// <inheritdoc/>
    protected internal override void Validate()
    {
        if (ClassWeights is not null && ClassWeights.All(weight => weight == 0))
            throw new ArgumentException(
                $"{Name}: ClassWeights are all 0; nothing would count. Give a positive weight or null.",
                nameof(ClassWeights)
            );
    }

    /// <summary>The class weights as a tensor, or null.</summary>
    private protected Tensor? Weights(int count, Tensor like, LossCall call)
    {
        if (ClassWeights is null)
            return null;
        if (ClassWeights.Count != count)
            throw new ArgumentException(
                $"{Name}: ClassWeights has {ClassWeights.Count} entries; {count} are needed, one a class.",
                nameof(ClassWeights)
            );
        return call.Constant(ClassWeights, like);
    }
}
