namespace MLNetLosses.Losses;

/// <summary>
/// Input <c>losses</c> [N], one a sample, not reduced. b = (l - Tau) / Lambda; sigma = exp(-W(max(-2/e, b) / 2)), W Lambert's function, constant;
/// term = (l - Tau) sigma + Lambda (log sigma)^2, with slope sigma. Easy samples (l &lt; Tau) count up to e times, hard ones less and less. Values may be negative; finite
/// for losses of millions. For logits and targets use <see cref="SuperClassificationLoss"/>. Castells et al. 2020 eq 1 and 5.
/// </summary>
[LossFamily("Weighting")]
[LossGuide(
    "(l - τ) σ + λ (log σ)², σ = e^(-W(½ max(-2/e, (l - τ) / λ)))",
    Use = "samples of uneven difficulty and label noise: from easy to hard",
    Avoid = "losses that are already reduced; Tau far from the scale of the losses",
    Cost = "one pass over [N]",
    Paper = "Castells et al. 2020"
)]
[DefinitionExample("Super(tau: 1)")]
public sealed record SuperLoss : Loss
{
    /// <summary>The loss that separates easy from hard: log C for C classes, or a running mean that the trainer keeps.</summary>
    [Interval("(-inf, inf)")]
    public required double Tau
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>Large: the plain loss. Default 1 (the paper: 1 for CIFAR-10, 0.25 for CIFAR-100).</summary>
    [Interval("(0, inf)")]
    public double Lambda
    {
        get;
        init => field = Valid(value);
    } = 1;

    /// <inheritdoc/>
    public override IReadOnlyList<string> RequiredInputs => ["losses"];

    /// <inheritdoc/>
    protected internal override LossTerms ComputeTerms(LossCall call)
    {
        var losses = call["losses"];
        Shapes.Floating(this, "losses", losses);
        Shapes.Rank(this, "losses", losses, 1, "[N], one number a sample");
        return new(SuperConfidence.Terms(losses, Tau, Lambda));
    }
}
