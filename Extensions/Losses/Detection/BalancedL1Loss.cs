using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// On encoded offsets: b = e^(Gamma/Alpha) - 1, d = |predictions - targets|; d &lt; Beta: Alpha/b (b d + 1) ln(b d / Beta + 1) - Alpha d, else
/// Gamma d + Gamma/b - Alpha Beta. The value is continuous for every Beta, the slope only for Beta = 1. Terms are elements; detectors usually take
/// <c>sum</c> and divide by the number of sampled boxes. Pang et al. 2019 (Libra R-CNN); follows mmdetection's <c>balanced_l1_loss</c>.
/// </summary>
[LossGuide(
    "d < β: α/b (b d + 1) ln(b d/β + 1) - α d, else γ d + γ/b - α β; b = e^(γ/α) - 1",
    Use = "encoded box offsets where many easy boxes should count more than in smooth L1",
    Avoid = "decoded boxes (BoxLoss)",
    Cost = "one pass, a logarithm each element",
    Paper = "Pang et al. 2019"
)]
[LossFamily("Detection")]
public sealed record BalancedL1Loss : RegressionLoss
{
    /// <summary>Smaller gives accurate offsets more gradient. Default 0.5.</summary>
    [Interval("(0, inf)")]
    public double Alpha
    {
        get;
        init => field = Valid(value);
    } = 0.5;

    /// <summary>The slope of outliers. Default 1.5.</summary>
    [Interval("(0, inf)")]
    public double Gamma
    {
        get;
        init => field = Valid(value);
    } = 1.5;

    /// <summary>The |difference| where both parts meet, in units of the target. Default 1.</summary>
    [Interval("(0, inf)")]
    public double Beta
    {
        get;
        init => field = Valid(value);
    } = 1;

    /// <inheritdoc/>
    protected internal override void Validate()
    {
        if (Gamma / Alpha > 60)
            throw new ArgumentException(
                $"{Name}: e^(Gamma/Alpha) is beyond single precision for Gamma {Gamma} and Alpha {Alpha}; keep Gamma/Alpha at most 60.",
                nameof(Gamma)
            );
    }

    /// <inheritdoc/>
    protected override LossTerms Compare(Tensor predictions, Tensor targets, LossCall call) =>
        new(ElementFormulas.Terms(new Formula(Alpha, Gamma, Beta), predictions, targets));

    /// <inheritdoc/>
    protected internal override Tensor? FusedMean(LossCall call) =>
        Fused(call, (predictions, targets) => ElementFormulas.Mean(new Formula(Alpha, Gamma, Beta), predictions, targets));

    internal readonly record struct Formula(double Alpha, double Gamma, double Beta) : IElementFormula
    {
        public V Evaluate<V>(ReadOnlySpan<V> inputs, Span<V> slopes, out V count)
            where V : struct, IFormulaNumber<V>
        {
            count = V.Of(1);
            var b = Math.Exp(Gamma / Alpha) - 1;
            var difference = inputs[0] - inputs[1];
            var distance = V.Abs(difference);
            var inside = -distance + Beta; // positive there
            var near = V.Min(distance, V.Of(Beta));
            var logarithm = V.LogOnePlus(near * (b / Beta));
            if (!slopes.IsEmpty)
            {
                var steep = (logarithm + (near * b + 1) / (near * b + Beta) + -1) * Alpha;
                slopes[0] = V.Choose(inside, steep, V.Of(Gamma)) * V.Sign(difference);
                slopes[1] = -slopes[0];
            }
            return V.Choose(inside, ((near + 1 / b) * logarithm - near) * Alpha, distance * Gamma + (Gamma / b - Alpha * Beta));
        }
    }
}
