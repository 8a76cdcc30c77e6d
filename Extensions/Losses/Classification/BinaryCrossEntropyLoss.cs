using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Labels t [N, C, ...] (also soft, in [0, 1], with a gradient to them), or indices as one-vs-rest, or one logit with indices 0/1. s =
/// sigmoid, P = PositiveWeight: l = -P t log s(x) - (1 - t) log s(-x), a value an element; <c>mean</c> is over all elements. With indices
/// and 1,000 classes that is a mean over 1,000 elements a row: the learning rate of cross-entropy is then far too small. An ignored index
/// leaves its whole row out, an ignored label its element. Exact at logits of thousands. Follows
/// <c>torch.nn.functional.binary_cross_entropy_with_logits</c> with the house mean (torch's <c>weight</c> divides by the number of
/// elements). segmentation_models_pytorch's <c>smooth_factor</c> f is LabelSmoothing = 2 f.
/// </summary>
/// <exception cref="ArgumentException">Shapes or types do not fit, or a list has another length than the classes.</exception>
[LossGuide(
    "-P t log s(x) - (1 - t) log s(-x)",
    Use = "several labels an image; binary masks; soft labels",
    Avoid = "one class of many (CrossEntropy): the mean over all classes makes the gradients tiny",
    Cost = "one pass, fused",
    Paper = "Cox 1958"
)]
public sealed record BinaryCrossEntropyLoss : WeightedClassificationLoss
{
    private const long Few = 1 << 20;

    /// <summary>
    /// P, one for all or one a class: multiplies the positive part and does not enter the denominator. Negatives / positives balances.
    /// Null: 1.
    /// </summary>
    [Interval("(0, inf)")]
    public ValueList<double>? PositiveWeight
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>e: labels become t (1 - e) + e / 2; indices one-hot (1 - e) + e / C. Default 0.</summary>
    [Interval("[0, 1]")]
    public double LabelSmoothing
    {
        get;
        init => field = Valid(value);
    }

    /// <inheritdoc/>
    protected internal override TargetForms TargetForms => TargetForms.Indices | TargetForms.SoftLabels;

    internal override bool IsByPixel(LossCall call) => true;

    /// <inheritdoc/>
    protected override LossTerms Score(Tensor logits, ClassTargets targets, LossCall call)
    {
        var positive = PositiveWeightFor(logits, call);
        return targets.AreBinary
            ? ByColumn(OfLabels(logits, targets, positive), targets.AsLabels(), call)
            : ByColumn(OfIndices(logits, targets, positive), targets, call);
    }

    private LabelFormula Labelled => LabelFormula.Of(new Formula(PositiveWeight?[0] ?? 1, LabelSmoothing));

    private protected override LabelFormula? OfLabel => ClassWeights is null && PositiveWeight is null or { Count: 1 } ? Labelled : null;

    /// <inheritdoc/>
    protected internal override Tensor? FusedMean(LossCall call) => FewByTorch(call) ?? base.FusedMean(call);

    // Of few numbers torch's kernel is a little faster; it keeps three maps of the logits. Indices are few enough to be written out.
    private Tensor? FewByTorch(LossCall call)
    {
        var logits = call["logits"];
        if (ClassWeights is not null || PositiveWeight is not null || logits.numel() > Few)
            return null;
        var areLabels = ClassTargets.MayBeBinary(call);
        if (!areLabels && (LabelSmoothing > 0 || logits.dim() > 2))
            return null;
        var read = ClassTargets.Read(this, call);
        if (read.MayIgnore)
            return null;
        var labels = areLabels
            ? read.AsLabels().Raw.to(logits.dtype)
            : OneVsRest.SetTarget(zeros_like(logits), read, ones(read.Raw.shape, logits.dtype, logits.device));
        return OfLabelsByTorch(logits, labels, null, nn.Reduction.Mean);
    }

    private Tensor OfLabels(Tensor logits, ClassTargets targets, Tensor? positive) =>
        PositiveWeight is null or { Count: 1 }
            ? Labelled.Values(logits, targets)
            : OfLabelsByTorch(logits, targets.AsLabels().Safe.to(logits.dtype), positive, nn.Reduction.None);

    private Tensor OfLabelsByTorch(Tensor logits, Tensor t, Tensor? positive, nn.Reduction reduction)
    {
        if (LabelSmoothing > 0)
            t = t * (1 - LabelSmoothing) + LabelSmoothing / 2;
        return nn.functional.binary_cross_entropy_with_logits(
            logits,
            t,
            reduction: reduction,
            pos_weights: positive is null ? null : ClassScores.AlongClasses(positive, logits)
        );
    }

    /// <summary>Inputs: the logit and its label in [0, 1].</summary>
    internal readonly record struct Formula(double PositiveWeight, double LabelSmoothing) : IElementFormula
    {
        public V Evaluate<V>(ReadOnlySpan<V> inputs, Span<V> slopes, out V count)
            where V : struct, IFormulaNumber<V>
        {
            count = V.Of(1);
            var (x, label) = (inputs[0], inputs[1] * (1 - LabelSmoothing) + LabelSmoothing / 2);
            var (yes, no) = (label * PositiveWeight, -label + 1);
            var score = V.LogisticOf(x);
            if (!slopes.IsEmpty)
            {
                slopes[0] = no * score.Sigmoid - yes * score.Rest;
                slopes[1] = (score.Opposite * PositiveWeight - score.Softplus) * (1 - LabelSmoothing);
            }
            return yes * score.Opposite + no * score.Softplus;
        }
    }

    // Every class as a negative, then the target's column again as a positive.
    private Tensor OfIndices(Tensor logits, ClassTargets targets, Tensor? positive)
    {
        if (LabelSmoothing == 0 && positive is null)
            return Softplus.Of(OneVsRest.Away(logits, targets));
        var rest = LabelSmoothing / targets.ClassCount;
        var no = Softplus.Of(logits) * (1 - rest);
        if (rest > 0)
            no = no + Softplus.Of(-logits) * (positive is null ? rest : ClassScores.AlongClasses(positive * rest, logits));
        var x = targets.Pick(logits);
        var yes = Softplus.Of(-x) * (1 - LabelSmoothing + rest);
        if (positive is not null)
            yes = yes * (positive.numel() == 1 ? positive : positive.take(targets.Safe));
        return OneVsRest.SetTarget(no, targets, LabelSmoothing > 0 ? yes + Softplus.Of(x) * (LabelSmoothing - rest) : yes);
    }

    private Tensor? PositiveWeightFor(Tensor logits, LossCall call)
    {
        if (PositiveWeight is null)
            return null;
        if (PositiveWeight.Count != 1 && PositiveWeight.Count != logits.shape[1])
            throw new ArgumentException(
                $"{Name}: PositiveWeight has {PositiveWeight.Count} entries; it needs 1 or one for each class of the logits {Shapes.Text(logits)}.",
                nameof(PositiveWeight)
            );
        return call.Constant(PositiveWeight, logits);
    }
}
