using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// On the side of a box predicted as a distribution over the bins 0..R: <c>logits</c> [..., R+1], <c>targets</c> [...] in bins (distance / stride).
/// l = -(k+1-y) ln p_k - (y-k) ln p_(k+1), k = min(floor y, R-1), y clamped to [0, R]: a negative target is the bin 0 and not ignored. Terms have the shape
/// of the targets, <c>mean</c> is over them; none: 0. Optional <c>weights</c> [N]. No gradient to the targets. The predicted side is sum_k k p_k.
/// Li et al. 2020 (generalized focal loss); equals mmdetection's <c>distribution_focal_loss</c>, which fails on y = R.
/// </summary>
[LossGuide(
    "-(k+1-y) ln p_k - (y-k) ln p_(k+1), k = floor y",
    Use = "box sides predicted as distributions over bins",
    Avoid = "targets in pixels: divide by the stride; distances beyond R bins",
    Cost = "a log-softmax over the bins",
    Paper = "Li et al. 2020"
)]
[LossFamily("Detection")]
public sealed record DistributionFocalLoss : Loss
{
    /// <inheritdoc/>
    public override IReadOnlyList<string> RequiredInputs => ["logits", "targets"];

    /// <summary>The value for logits and targets.</summary>
    /// <param name="logits">[..., R+1] of a floating-point type, R &gt;= 1.</param>
    /// <param name="targets">[...] in bins.</param>
    /// <param name="weights">[N], one weight a row of axis 0; null: 1.</param>
    /// <param name="reduction">How the terms become the value.</param>
    /// <returns>The value; it lives in the caller's dispose scope.</returns>
    /// <exception cref="ArgumentException">Shapes, types or values do not fit.</exception>
    public Tensor Compute(Tensor logits, Tensor targets, Tensor? weights = null, Reduction reduction = Reduction.Mean)
    {
        var inputs = new LossInputs { ["logits"] = logits, ["targets"] = targets };
        return Compute(weights is null ? inputs : inputs.With(("weights", weights)), reduction);
    }

    /// <inheritdoc/>
    protected internal override LossTerms ComputeTerms(LossCall call)
    {
        var (logits, targets) = (call["logits"], call["targets"].detach());
        Shapes.Floating(this, "logits", logits);
        if (logits.dim() < 1 || logits.shape[^1] < 2)
            throw Shapes.Wrong(this, "logits", logits, "[..., R+1] with at least two bins");
        if (!targets.shape.AsSpan().SequenceEqual(logits.shape.AsSpan(0, logits.shape.Length - 1)))
            throw Shapes.Wrong(
                this,
                "targets",
                targets,
                $"[{string.Join(", ", logits.shape[..^1])}], the shape of logits {Shapes.Text(logits)} without its last axis"
            );
        if (call.CheckValues && targets.isnan().any().item<bool>())
            throw new ArgumentException($"{Name}: targets hold NaN.", "targets");
        var last = logits.shape[^1] - 1;
        var y = targets.to(logits.dtype).clamp(0, last);
        var lower = y.floor().clamp_(max: last - 1);
        var upperShare = y - lower;
        var bins = lower.to(ScalarType.Int64).unsqueeze(-1);
        var logProbabilities = nn.functional.log_softmax(logits, -1).gather(-1, cat(new Tensor[] { bins, bins + 1 }, -1));
        var shares = stack(new Tensor[] { 1 - upperShare, upperShare }, -1);
        return new((logProbabilities * shares).sum([-1]).neg());
    }
}
