using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// A loss that compares images: <c>predictions</c> and <c>targets</c> [N, C, H, W] in [0, 1] (regression losses: of any one shape). Every
/// <see cref="RegressionLoss"/> is one.
/// </summary>
[LossFamily("Generation")]
[SumType(typeof(ImageSumLoss))]
public abstract record ImageLoss : GenerationLoss
{
    /// <summary>Adds two image losses; a sum's terms stay flat and named.</summary>
    /// <param name="left">A loss or sum.</param>
    /// <param name="right">A loss or sum.</param>
    public static ImageLoss operator +(ImageLoss left, ImageLoss right) => new ImageSumLoss { Terms = SumComposition.Add(left, right) };

    /// <summary>Weighs a loss; a sum's terms are weighed one by one.</summary>
    /// <param name="weight">At least 0.</param>
    /// <param name="loss">A loss or sum.</param>
    public static ImageLoss operator *(double weight, ImageLoss loss) => new ImageSumLoss { Terms = SumComposition.Scale(weight, loss) };

    /// <summary>Names the loss as a term of a sum: <c>dice.Named("overlap") + focal</c>.</summary>
    /// <param name="name">A word of letters, digits and underscores.</param>
    public new ImageLoss Named(string name) => new ImageSumLoss { Terms = SumComposition.Rename(name, this) };

    /// <inheritdoc/>
    public override IReadOnlyList<string> RequiredInputs => ["predictions", "targets"];

    /// <summary>The value for predictions and targets, for a loss without state.</summary>
    /// <param name="predictions">Of a floating-point type.</param>
    /// <param name="targets">Of the same shape.</param>
    /// <param name="weights">Weights of the terms; null: 1.</param>
    /// <param name="reduction">How the terms become the value.</param>
    /// <returns>The value; it lives in the caller's dispose scope.</returns>
    /// <exception cref="ArgumentException">Shapes or types do not fit.</exception>
    public Tensor Compute(Tensor predictions, Tensor targets, Tensor? weights = null, Reduction reduction = Reduction.Mean)
    {
        var inputs = new LossInputs { ["predictions"] = predictions, ["targets"] = targets };
        return Compute(weights is null ? inputs : inputs.With(("weights", weights)), reduction);
    }

    /// <inheritdoc/>
    protected internal override LossTerms ComputeTerms(LossCall call)
    {
        var (predictions, targets) = Pair(call);
        return Compare(predictions, targets, call);
    }

    internal (Tensor Predictions, Tensor Targets) Pair(LossCall call)
    {
        var (predictions, targets) = (call["predictions"], call["targets"]);
        Shapes.Floating(this, "predictions", predictions);
        Shapes.Same(this, "predictions", predictions, "targets", targets);
        return (predictions, targets);
    }

    /// <summary>The formula for checked inputs.</summary>
    /// <param name="predictions">Of a floating-point type.</param>
    /// <param name="targets">Of the same shape.</param>
    /// <param name="call">Further inputs and state.</param>
    protected virtual LossTerms Compare(Tensor predictions, Tensor targets, LossCall call) =>
        throw new NotSupportedException($"{GetType().Name} must override {nameof(Compare)} or {nameof(ComputeTerms)}.");
}
