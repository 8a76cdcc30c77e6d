using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// y = 1: -(1 - s)^Alpha ln s; y &lt; 1: -(1 - y)^Beta s^Alpha ln(1 - s), s = sigmoid(logit). <c>targets</c> y in [0, 1] are heat maps: exactly 1 at the
/// objects' centres (set it after drawing: 0.999 is a negative), a Gaussian around each, the maximum where they overlap; below 0: ignored. <c>mean</c>
/// divides by max(1, number of ones). Law and Deng 2018 (CornerNet), Zhou et al. 2019 (CenterNet); equals mmdetection's <c>gaussian_focal_loss</c>, which
/// takes s, adds 1e-12 inside the logarithms and calls Beta gamma.
/// </summary>
[LossGuide(
    "y = 1: -(1-s)^α ln s; y < 1: -(1-y)^β s^α ln(1-s); sum / centres",
    Use = "heat maps of centres or corners",
    Avoid = "peaks that are not exactly 1",
    Cost = "one pass over the logits",
    Paper = "Law and Deng 2018"
)]
public sealed record GaussianHeatmapFocalLoss : DenseDetectionLoss
{
    /// <summary>How strongly easy places are weighed down; 0: not at all. Default 2.</summary>
    [Interval("[0, inf)")]
    public double Alpha
    {
        get;
        init => field = Valid(value);
    } = 2;

    /// <summary>How strongly places near a centre are excused; 0: not at all. Default 4.</summary>
    [Interval("[0, inf)")]
    public double Beta
    {
        get;
        init => field = Valid(value);
    } = 4;

    private protected override (Tensor Values, Tensor Positives)? Costs(Tensor logits, Tensor targets, bool summed) =>
        ElementFormulas.Of(new Formula(Alpha, Beta), summed, logits, targets);

    internal readonly record struct Formula(double Alpha, double Beta) : IElementFormula
    {
        public V Evaluate<V>(ReadOnlySpan<V> inputs, Span<V> slopes, out V count)
            where V : struct, IFormulaNumber<V>
        {
            var y = inputs[1];
            count = DenseScores.IsOne(y);
            var away = V.Of(1) - y;
            var weight = V.Choose(away, FormulaNumbers.Power(away, Beta), V.Of(1));
            return DenseScores.Counted(y, BinaryCosts.Focal(inputs[0], count, weight, Alpha, slopes), slopes);
        }
    }
}
