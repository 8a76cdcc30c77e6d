using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// A loss on how a predicted and a true region overlap. <c>logits</c> [N, C, ...] with any number of spatial axes; <c>targets</c>: indices int64 [N, ...]
/// (softmax over C, or one sigmoid when C = 1), or labels [N, C, ...] in [0, 1], hard or soft (a sigmoid a channel). One term for each cell:
/// (image, class), or class when <see cref="PerImage"/> is false. A term's weight is its class weight, 0 when the cell has no valid pixel;
/// <c>mean</c> is sum(w l) / sum(w), <c>none</c> is w l: [N, C'] or [C'], C' = C, or C - 1 without background.
/// Own region losses derive from <see cref="RegionOverlapLoss"/>.
/// </summary>
public abstract record RegionLoss : WeightedMaskLoss
{
    private protected RegionLoss() { }

    /// <summary>False leaves out class 0 of a softmax; it has no effect on sigmoid outputs, which have no background channel. Default true unless said.</summary>
    public bool IncludeBackground { get; init; } = true;

    /// <summary>True: one term for each image and class. False: sums run over the batch first, one term a class. Default true unless said.</summary>
    public bool PerImage { get; init; } = true;

    /// <summary>True: a class without target pixels, in that image or in the batch, has weight 0. Default false.</summary>
    public bool PresentClassesOnly { get; init; }

    /// <summary>
    /// True: the classes are pooled into one region, "micro" averaging: large classes dominate; <c>none</c> is [N] or a scalar. Default false. Contradicts ClassWeights.
    /// </summary>
    public bool PoolClasses { get; init; }

    /// <inheritdoc/>
    protected internal override TargetForms TargetForms => TargetForms.Indices | TargetForms.SoftLabels;

    /// <inheritdoc/>
    protected internal override void Validate()
    {
        base.Validate();
        if (PoolClasses && ClassWeights is not null)
            throw new ArgumentException(
                $"{Name}: PoolClasses makes one region of all classes; ClassWeights must then be null.",
                nameof(PoolClasses)
            );
    }

    /// <inheritdoc/>
    protected sealed override LossTerms Score(Tensor logits, ClassTargets targets, LossCall call)
    {
        if (ClassWeights is not null && logits.shape[1] == 1)
            throw new ArgumentException(
                $"{Name}: ClassWeights have no meaning for one sigmoid output (logits [N, 1, ...]), which is one region.",
                nameof(ClassWeights)
            );
        var weights = Weights(targets.ClassCount, logits, call);
        var first = !IncludeBackground && PixelScores.HaveBackground(targets) ? 1 : 0;
        var rows = Measure(logits, targets, first);
        if (!PerImage)
            rows = rows.sum(1);
        if (PoolClasses)
            rows = rows.sum(-1);
        var counted = rows[^1].gt(0);
        if (PresentClassesOnly)
            counted = counted.logical_and(rows[^2].gt(0));
        var weight = counted.to(logits.dtype);
        if (weights is not null)
            weight = weight * weights.narrow(0, first, weights.shape[0] - first);
        return new(Cell(rows), weight.detach()) { ByRow = PerImage };
    }

    /// <summary>What the formula needs of every image and class from the first class on, [K, N, C'], summed over pixels; the last two rows: sum y, and the valid pixels.</summary>
    private protected abstract Tensor Measure(Tensor logits, ClassTargets targets, int first);

    /// <summary>The formula, for rows [K, ...] of <see cref="Measure"/>, perhaps added over images and classes.</summary>
    private protected abstract Tensor Cell(Tensor rows);
}

/// <summary>A region loss that is a function of true positives, false positives and false negatives.</summary>
public abstract record RegionOverlapLoss : RegionLoss
{
    /// <summary>Whether FP and FN are made of sums of p^2 and y^2 rather than of p and y. Default false.</summary>
    protected virtual bool SumsSquares => false;

    /// <summary>The formula: one value for each cell.</summary>
    /// <param name="sums">The soft counts of every cell.</param>
    /// <returns>Of the shape of the counts, finite also for a cell without pixels.</returns>
    protected abstract Tensor Cell(RegionSums sums);

    private protected sealed override Tensor Measure(Tensor logits, ClassTargets targets, int first)
    {
        var rows = RegionSums.Measure(this, logits, targets, SumsSquares);
        return first == 0 ? rows : rows.narrow(2, first, rows.shape[2] - first);
    }

    private protected sealed override Tensor Cell(Tensor rows) => Cell(RegionSums.From(rows));
}
