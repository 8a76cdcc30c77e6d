using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// A loss on class scores of pixels: <c>logits</c> [N, C, ...] (never probabilities; any number of spatial axes) and <c>targets</c>: class indices
/// int64 [N, ...], or labels [N, C, ...] of 0/1 (one sigmoid a channel). C = 1 is binary with one sigmoid. Every <see cref="ClassificationLoss"/> is one:
/// it serves pixel by pixel.
/// </summary>
[LossFamily("Segmentation")]
[SumType(typeof(SegmentationSumLoss))]
public abstract record SegmentationLoss : Loss
{
    /// <summary>Adds two segmentation losses; a sum's terms stay flat and named.</summary>
    /// <param name="left">A loss or sum.</param>
    /// <param name="right">A loss or sum.</param>
    public static SegmentationLoss operator +(SegmentationLoss left, SegmentationLoss right) =>
        new SegmentationSumLoss { Terms = SumComposition.Add(left, right) };

    /// <summary>Weighs a loss; a sum's terms are weighed one by one.</summary>
    /// <param name="weight">At least 0.</param>
    /// <param name="loss">A loss or sum.</param>
    public static SegmentationLoss operator *(double weight, SegmentationLoss loss) =>
        new SegmentationSumLoss { Terms = SumComposition.Scale(weight, loss) };

    /// <summary>Names the loss as a term of a sum: <c>dice.Named("overlap") + focal</c>.</summary>
    /// <param name="name">A word of letters, digits and underscores.</param>
    public SegmentationLoss Named(string name) => new SegmentationSumLoss { Terms = SumComposition.Rename(name, this) };

    /// <inheritdoc/>
    public override IReadOnlyList<string> RequiredInputs => ["logits", "targets"];

    /// <summary>The value for logits and targets, for a loss without state.</summary>
    /// <param name="logits">[N, C, ...] of a floating-point type.</param>
    /// <param name="targets">int64 [N, ...] or labels [N, C, ...].</param>
    /// <param name="weights">[N], one weight a row of the batch; null: 1.</param>
    /// <param name="reduction">How the terms become the value.</param>
    /// <returns>The value; it lives in the caller's dispose scope.</returns>
    /// <exception cref="ArgumentException">Shapes, types or values do not fit.</exception>
    public Tensor Compute(Tensor logits, Tensor targets, Tensor? weights = null, Reduction reduction = Reduction.Mean)
    {
        var inputs = new LossInputs { ["logits"] = logits, ["targets"] = targets };
        return Compute(weights is null ? inputs : inputs.With(("weights", weights)), reduction);
    }

    /// <summary>The forms of targets that the loss takes. Default: indices and labels.</summary>
    protected internal virtual TargetForms TargetForms => TargetForms.Indices | TargetForms.Labels;

    /// <summary>The target that counts nowhere; null when the loss ignores nothing.</summary>
    protected internal virtual long? IgnoredTarget => null;

    /// <inheritdoc/>
    protected internal override LossTerms ComputeTerms(LossCall call) => Score(call["logits"], ClassTargets.Read(this, call), call);

    /// <summary>The formula for checked inputs.</summary>
    /// <param name="logits">[N, C, ...].</param>
    /// <param name="targets">The targets in one of the accepted forms.</param>
    /// <param name="call">Further inputs and state.</param>
    protected virtual LossTerms Score(Tensor logits, ClassTargets targets, LossCall call) =>
        throw new NotSupportedException($"{GetType().Name} must override {nameof(Score)} or {nameof(ComputeTerms)}.");
}
