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
    protected override LossTerms Compare(Tensor predictions, Tensor targets, LossCall call)
    {
        var there = Scale * Distance.Between(predictions, targets);
        if (call.Optional("predictionsB") is null && call.Optional("targetsB") is null)
            return new(there);
        var (predictionsB, targetsB) = (call["predictionsB"], call["targetsB"]);
        Shapes.Same(this, "predictionsB", predictionsB, "targetsB", targetsB);
        return new(there) { More = [new(Scale * Distance.Between(predictionsB, targetsB)) { ByRow = false }], ByRow = false };
    }
}
