using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// A loss that compares boxes pair by pair: <c>predictedBoxes</c> and <c>targetBoxes</c> [N, 4] as x0 y0 x1 y1 with x0 &lt;= x1 and y0 &lt;= y1, decoded,
/// in any unit; optional <c>weights</c> [N], one a pair. <c>mean</c> is over the pairs; no pair: 0. Gradients flow to both inputs. Encoded offsets take a
/// <see cref="RegressionLoss"/> instead. Clamp inverted boxes before: values are not checked.
/// </summary>
[LossFamily("Detection")]
[SumType(typeof(BoxSumLoss))]
public abstract record BoxLoss : Loss
{
    /// <summary>Adds two box losses; a sum's terms stay flat and named.</summary>
    /// <param name="left">A loss or sum.</param>
    /// <param name="right">A loss or sum.</param>
    public static BoxLoss operator +(BoxLoss left, BoxLoss right) => new BoxSumLoss { Terms = SumComposition.Add(left, right) };

    /// <summary>Weighs a loss; a sum's terms are weighed one by one.</summary>
    /// <param name="weight">At least 0.</param>
    /// <param name="loss">A loss or sum.</param>
    public static BoxLoss operator *(double weight, BoxLoss loss) => new BoxSumLoss { Terms = SumComposition.Scale(weight, loss) };

    /// <summary>Names the loss as a term of a sum: <c>giou.Named("boxes") + iou</c>.</summary>
    /// <param name="name">A word of letters, digits and underscores.</param>
    public BoxLoss Named(string name) => new BoxSumLoss { Terms = SumComposition.Rename(name, this) };

    /// <inheritdoc/>
    public override IReadOnlyList<string> RequiredInputs => ["predictedBoxes", "targetBoxes"];

    /// <summary>The value for pairs of boxes, for a loss without state.</summary>
    /// <param name="predictedBoxes">[N, 4] of a floating-point type: x0 y0 x1 y1.</param>
    /// <param name="targetBoxes">Of the same shape and unit.</param>
    /// <param name="weights">[N], one weight a pair; null: 1.</param>
    /// <param name="reduction">How the terms become the value.</param>
    /// <returns>The value; it lives in the caller's dispose scope.</returns>
    /// <exception cref="ArgumentException">Shapes or types do not fit.</exception>
    public Tensor Compute(Tensor predictedBoxes, Tensor targetBoxes, Tensor? weights = null, Reduction reduction = Reduction.Mean)
    {
        var inputs = new LossInputs { ["predictedBoxes"] = predictedBoxes, ["targetBoxes"] = targetBoxes };
        return Compute(weights is null ? inputs : inputs.With(("weights", weights)), reduction);
    }

    /// <inheritdoc/>
    protected internal override LossTerms ComputeTerms(LossCall call)
    {
        var (predicted, targets) = Read(call);
        return Compare(predicted, targets, call);
    }

    private protected (Tensor Predicted, Tensor Targets) Read(LossCall call)
    {
        var (predicted, targets) = (call["predictedBoxes"], call["targetBoxes"]);
        Shapes.Floating(this, "predictedBoxes", predicted);
        if (predicted.dim() != 2 || predicted.shape[1] != 4)
            throw Shapes.Wrong(this, "predictedBoxes", predicted, "[N, 4]: x0 y0 x1 y1");
        Shapes.Same(this, "predictedBoxes", predicted, "targetBoxes", targets);
        return (predicted, targets.to(predicted.dtype));
    }

    /// <summary>The formula for checked inputs.</summary>
    /// <param name="predictedBoxes">[N, 4].</param>
    /// <param name="targetBoxes">[N, 4], of the same type.</param>
    /// <param name="call">Further inputs and state.</param>
    protected virtual LossTerms Compare(Tensor predictedBoxes, Tensor targetBoxes, LossCall call) =>
        throw new NotSupportedException($"{GetType().Name} must override {nameof(Compare)} or {nameof(ComputeTerms)}.");
}
