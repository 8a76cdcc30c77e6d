using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Inputs <c>predictions</c> = F(G(x)), <c>targets</c> = x; optionally <c>predictionsB</c> = G(F(y)), <c>targetsB</c> = y.
/// value = Scale (mean d(p, t) + mean d(pB, tB)), each direction averaged over its own elements; <c>sum</c>: sums; <c>none</c> throws with two directions.
/// Zhu et al. 2017 eq 2 and 3. Its code adds half of lambda times an identity loss: <c>5 * new ReconstructionLoss()</c> on G(y), y.
/// </summary>
[LossGuide(
    "λ (mean |F(G(x)) - x| + mean |G(F(y)) - y|)",
    Use = "unpaired image translation, beside an adversarial loss",
    Avoid = "weighing it again outside; alone (the identity is its optimum)",
    Cost = "one pass a direction",
    Paper = "Zhu et al. 2017"
)]
public sealed record CycleConsistencyLoss : ImageLoss
{
    /// <summary>d. Default L1.</summary>
    public PixelDistance Distance
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>CycleGAN's lambda. Default 10.</summary>
    [Interval("[0, inf)")]
    public double Scale
    {
        get;
        init => field = Valid(value);
    } = 10;

    /// <inheritdoc/>
    public override IReadOnlyList<string> OptionalInputs => ["predictionsB", "targetsB"];

    /// <inheritdoc/>
    protected internal override Tensor? FusedMean(LossCall call)
    {
        var (predictions, targets) = Pair(call);
        if (predictions.numel() == 0)
            return null;
        var there = Distance.MeanBetween(predictions, targets);
        if (PairB(call) is not var (predictionsB, targetsB))
            return Scale * there;
        return predictionsB.numel() == 0 ? null : Scale * (there + Distance.MeanBetween(predictionsB, targetsB));
    }

    /// <inheritdoc/>
    protected override LossTerms Compare(Tensor predictions, Tensor targets, LossCall call)
    {
        var there = Scale * Distance.Between(predictions, targets);
        if (PairB(call) is not var (predictionsB, targetsB))
            return new(there);
        return new(there) { More = [new(Scale * Distance.Between(predictionsB, targetsB)) { ByRow = false }], ByRow = false };
    }

    private (Tensor Predictions, Tensor Targets)? PairB(LossCall call)
    {
        if (call.Optional("predictionsB") is null && call.Optional("targetsB") is null)
            return null;
        var (predictions, targets) = (call["predictionsB"], call["targetsB"]);
        Shapes.Same(this, "predictionsB", predictions, "targetsB", targets);
        return (predictions, targets);
    }
}
