using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// A loss on numbers, element by element: <c>predictions</c> and <c>targets</c> of one shape, of any rank, never broadcast; optional
/// <c>weights</c> &gt;= 0 of the same shape or broadcastable to it ([N, 1] weighs rows). <c>mean</c> is sum(w l) / sum(w), the weights
/// counted after the broadcast. Gradients flow to predictions and targets, not to weights. NaN in, NaN out. Being element-wise it serves as
/// an image loss too.
/// </summary>
[LossFamily("Regression")]
[SumType(typeof(RegressionSumLoss))]
public abstract record RegressionLoss : ImageLoss
{
    /// <summary>Adds two regression losses; a sum's terms stay flat and named.</summary>
    /// <param name="left">A loss or sum.</param>
    /// <param name="right">A loss or sum.</param>
    public static RegressionLoss operator +(RegressionLoss left, RegressionLoss right) =>
        new RegressionSumLoss { Terms = SumComposition.Add(left, right) };

    /// <summary>Weighs a loss; a sum's terms are weighed one by one.</summary>
    /// <param name="weight">At least 0.</param>
    /// <param name="loss">A loss or sum.</param>
    public static RegressionLoss operator *(double weight, RegressionLoss loss) =>
        new RegressionSumLoss { Terms = SumComposition.Scale(weight, loss) };

    /// <summary>Names the loss as a term of a sum: <c>dice.Named("overlap") + focal</c>.</summary>
    /// <param name="name">A word of letters, digits and underscores.</param>
    public new RegressionLoss Named(string name) => new RegressionSumLoss { Terms = SumComposition.Rename(name, this) };

    /// <summary>torch's fused mean, where nothing stands against it: several times faster than terms and their mean.</summary>
    private protected static Tensor? Fused(LossCall call, Func<Tensor, Tensor, Tensor> mean)
    {
        var (predictions, targets) = (call["predictions"], call["targets"]);
        return predictions.shape.AsSpan().SequenceEqual(targets.shape) && predictions.numel() > 0 && predictions.is_floating_point()
            ? mean(predictions, targets)
            : null;
    }

    /// <inheritdoc/>
    protected internal override Tensor ShapeWeights(Tensor weights, Tensor values) => Shapes.Broadcastable(this, weights, values).detach();
}
