using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// |y - s|^Beta BCE(s, y), s = sigmoid(logit): <c>targets</c> y in [0, 1] are the IoU of the positive's predicted box with its object at its class, 0
/// elsewhere, below 0 ignored. <c>mean</c> divides by max(1, number of y &gt; 0). Li et al. 2020 (generalized focal loss); the same sum as mmdetection's
/// <c>quality_focal_loss</c>, which takes (label, score).
/// </summary>
[LossGuide(
    "|y - s|^β BCE(s, y); sum / positives",
    Use = "one score for class and box quality",
    Avoid = "y from before the box moved: take the current prediction's IoU, detached",
    Cost = "one pass over the logits",
    Paper = "Li et al. 2020"
)]
public sealed record QualityFocalLoss : DenseDetectionLoss
{
    /// <summary>How strongly places close to their target are weighed down. Default 2.</summary>
    [Interval("(0, inf)")]
    public double Beta
    {
        get;
        init => field = Valid(value);
    } = 2;

    private protected override (Tensor Values, Tensor Positives)? Costs(Tensor logits, Tensor targets, bool summed) =>
        ElementFormulas.Of(new Formula(Beta), summed, logits, targets);

    internal readonly record struct Formula(double Beta) : IElementFormula
    {
        public V Evaluate<V>(ReadOnlySpan<V> inputs, Span<V> slopes, out V count)
            where V : struct, IFormulaNumber<V>
        {
            var (x, y) = (inputs[0], V.Max(inputs[1], 0));
            count = V.Choose(y, V.Of(1), default);
            var score = V.LogisticOf(x);
            var off = score.Sigmoid - y;
            var distance = Beta == 2 ? off : V.Abs(off); // a square knows no sign
            var entropy = score.Softplus - x * y;
            var factor = FormulaNumbers.Power(distance, Beta);
            if (!slopes.IsEmpty)
            {
                // Below Beta 1 the factor's slope at distance 0 is infinite; it counts as 0.
                var steep = Beta == 2 ? off : V.IfPositive(distance, FormulaNumbers.Power(distance, Beta - 1)) * V.Sign(off);
                slopes[0] = factor * off + steep * entropy * (score.Sigmoid * score.Rest * Beta);
            }
            return DenseScores.Counted(inputs[1], factor * entropy, slopes);
        }
    }
}
