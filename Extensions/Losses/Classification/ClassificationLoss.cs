using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// A loss on class scores: <c>logits</c> [N, C], never probabilities, and <c>targets</c>: class indices int64 [N], or probabilities [N, C]
/// whose rows sum to 1, or labels [N, C] of 0/1 for several classes at once; each loss says which it takes. One logit [N, 1] with indices
/// 0/1 is binary. The formula is element-wise over further axes, so that the loss serves pixels [N, C, H, W] as well.
/// </summary>
[LossFamily("Classification")]
[SumType(typeof(ClassificationSumLoss))]
public abstract record ClassificationLoss : SegmentationLoss
{
    /// <summary>Adds two classification losses; a sum's terms stay flat and named.</summary>
    /// <param name="left">A loss or sum.</param>
    /// <param name="right">A loss or sum.</param>
    public static ClassificationLoss operator +(ClassificationLoss left, ClassificationLoss right) =>
        new ClassificationSumLoss { Terms = SumComposition.Add(left, right) };

    /// <summary>Weighs a loss; a sum's terms are weighed one by one.</summary>
    /// <param name="weight">At least 0.</param>
    /// <param name="loss">A loss or sum.</param>
    public static ClassificationLoss operator *(double weight, ClassificationLoss loss) =>
        new ClassificationSumLoss { Terms = SumComposition.Scale(weight, loss) };

    /// <summary>Names the loss as a term of a sum: <c>dice.Named("overlap") + focal</c>.</summary>
    /// <param name="name">A word of letters, digits and underscores.</param>
    public new ClassificationLoss Named(string name) => new ClassificationSumLoss { Terms = SumComposition.Rename(name, this) };

    /// <summary>
    /// Whether the terms of a pixel are made of that pixel's inputs alone, so that pixels may be taken part by part; false also where a kernel over all of them
    /// is better. Default false.
    /// </summary>
    internal virtual bool IsByPixel(LossCall call) => false;

    /// <summary>The loss of labels, where it is a formula of a logit and its label and weighs all classes alike; null (the default) where not.</summary>
    private protected virtual LabelFormula? OfLabel => null;

    internal override LossTerms? ComputeRowSums(LossCall call)
    {
        if (!PixelSums.Serve(this, call))
            return null;
        if (Labelled(call) is var (formula, targets))
            return formula.RowSums(call["logits"], targets);
        return IsByPixel(call) ? PixelSums.Of(this, call, (part, _) => ComputeTerms(part)) : null;
    }

    /// <inheritdoc/>
    protected internal override Tensor? FusedMean(LossCall call) =>
        Labelled(call) is var (formula, targets) ? formula.Mean(call["logits"], targets) : null;

    private (LabelFormula Formula, ClassTargets Targets)? Labelled(LossCall call) =>
        OfLabel is { } formula && ClassTargets.MayBeBinary(call) && ClassTargets.Read(this, call) is { AreBinary: true } targets
            ? (formula, targets)
            : null;
}

/// <summary>A classification loss that can leave rows (or labels) out.</summary>
public abstract record IndexedClassificationLoss : ClassificationLoss
{
    /// <summary>A row with this index (labels: an element with this value) has weight 0, value 0 and gradient 0. Default -100.</summary>
    public long IgnoreIndex { get; init; } = -100;

    /// <inheritdoc/>
    protected internal override long? IgnoredTarget => IgnoreIndex;

    /// <summary>A value a row, weighed 1, or 0 where ignored.</summary>
    private protected static LossTerms ByRow(Tensor values, ClassTargets targets) => new(values, targets.WeightsIfIgnoring(values));

    /// <summary>The weight of the target's class for each row, 0 where ignored.</summary>
    private protected static Tensor? RowWeights(Tensor? classWeights, Tensor like, ClassTargets targets)
    {
        var valid = targets.WeightsIfIgnoring(like);
        var picked = classWeights?.take(targets.Safe);
        return picked is null || valid is null ? picked ?? valid : picked * valid;
    }
}

/// <summary>A classification loss that weighs classes.</summary>
public abstract record WeightedClassificationLoss : IndexedClassificationLoss
{
    /// <summary>
    /// [C], &gt;= 0: the weight of a row is that of its target class; for labels and one-vs-rest, the weight of a column. Of one logit also [2]: the weights of targets 0
    /// and 1. Null: 1. <c>mean</c> divides by the sum of weights.
    /// </summary>
    [Interval("[0, inf)")]
    public ValueList<double>? ClassWeights
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>ClassWeights as a tensor [C], or null.</summary>
    /// <exception cref="ArgumentException">There are not as many as classes.</exception>
    private protected Tensor? ClassWeightsFor(Tensor logits, LossCall call, int? classCount = null)
    {
        var classes = classCount ?? (int)logits.shape[1];
        if (ClassWeights is not null && ClassWeights.Count != classes)
            throw new ArgumentException(
                $"{Name}: ClassWeights has {ClassWeights.Count} entries; the logits {Shapes.Text(logits)} have {classes} classes.",
                nameof(ClassWeights)
            );
        return ClassWeights is null ? null : call.Constant(ClassWeights, logits);
    }

    /// <summary>A value a row, weighed by its target class, 0 where ignored.</summary>
    private protected LossTerms ByTargetClass(Tensor values, Tensor logits, ClassTargets targets, LossCall call) =>
        new(values, RowWeights(ClassWeightsFor(logits, call), logits, targets));

    // Between the two for a soft label.
    private Tensor BinaryWeights(Tensor values, ClassTargets targets, LossCall call)
    {
        var pair = call.Constant(ClassWeights!, values);
        return lerp(pair[0], pair[1], targets.Safe.to(values.dtype));
    }

    /// <summary>A value an element [N, C, ...], weighed by its column, 0 where ignored (indices: in the whole row).</summary>
    private protected LossTerms ByColumn(Tensor values, ClassTargets targets, LossCall call)
    {
        var valid = targets.WeightsIfIgnoring(values);
        if (targets.AreIndices)
            valid = valid?.unsqueeze(1);
        var columns =
            ClassWeights is { Count: 2 } && targets.AreBinary && values.shape[1] == 1 ? BinaryWeights(values, targets, call)
            : ClassWeightsFor(values, call) is { } given ? ClassScores.AlongClasses(given, values)
            : null;
        return new(values, valid is null || columns is null ? valid ?? columns : valid * columns);
    }
}
