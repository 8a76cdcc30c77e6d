using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// The pinball loss, u = targets - predictions: l = max(q u, (q - 1) u); its minimum is the q-quantile of the targets. A quantile of 0.9
/// punishes predicting too low. One quantile: <c>predictions</c> and <c>targets</c> of one shape. K quantiles: <c>predictions</c> [N, K],
/// column k estimating Quantiles[k], and <c>targets</c> [N] or [N, 1]; N K terms, <c>weights</c> [N, 1] or [N, K]. Columns are not kept
/// from crossing. The default is half the absolute error. Koenker and Bassett 1978; agrees with <c>sklearn.metrics.mean_pinball_loss</c>.
/// </summary>
[LossGuide(
    "max(q u, (q - 1) u), u = y - x",
    Use = "prediction intervals; costs that differ for too low and too high",
    Avoid = "expecting columns not to cross",
    Cost = "four passes",
    Paper = "Koenker and Bassett 1978"
)]
public sealed record QuantileLoss : RegressionLoss
{
    /// <summary>q, one or more, increasing. Default [0.5], the median.</summary>
    /// <exception cref="ArgumentException">Empty, or not increasing.</exception>
    [Interval("(0, 1)")]
    public ValueList<double> Quantiles
    {
        get;
        init => field = Increasing(Valid(value));
    } = [0.5];

    /// <inheritdoc/>
    protected internal override LossTerms ComputeTerms(LossCall call)
    {
        if (Quantiles.Count == 1)
            return base.ComputeTerms(call);
        var (predictions, targets) = (call["predictions"], call["targets"]);
        Shapes.Floating(this, "predictions", predictions);
        if (predictions.dim() != 2 || predictions.shape[1] != Quantiles.Count)
            throw Shapes.Wrong(this, "predictions", predictions, $"[N, {Quantiles.Count}], a column for each of {Quantiles}");
        var rows = predictions.shape[0];
        if (!targets.shape.AsSpan().SequenceEqual([rows]) && !targets.shape.AsSpan().SequenceEqual([rows, 1]))
            throw Shapes.Wrong(this, "targets", targets, $"[{rows}] or [{rows}, 1], one target a row of the predictions");
        Shapes.SameDevice(this, "predictions", predictions, "targets", targets);
        return new(Pinball(targets.reshape(rows, 1) - predictions, call.Constant(Quantiles, predictions)));
    }

    /// <inheritdoc/>
    protected override LossTerms Compare(Tensor predictions, Tensor targets, LossCall call) =>
        new(Pinball(targets - predictions, call.Constant(Quantiles, predictions)));

    // q u, and -u more where u < 0.
    private static Tensor Pinball(Tensor shortfall, Tensor quantile) => shortfall * quantile + (-shortfall).relu();

    private static ValueList<double> Increasing(ValueList<double> quantiles)
    {
        ArgumentNullException.ThrowIfNull(quantiles, nameof(Quantiles));
        if (quantiles.Count == 0)
            throw new ArgumentException("Quantile: Quantiles must hold at least one number in (0, 1).", nameof(Quantiles));
        for (var i = 1; i < quantiles.Count; i++)
            if (quantiles[i] <= quantiles[i - 1])
                throw new ArgumentException(
                    $"Quantile: Quantiles must increase; {quantiles[i]} follows {quantiles[i - 1]}.",
                    nameof(Quantiles)
                );
        return quantiles;
    }
}
