using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>Which gradients <see cref="GradientPenaltyLoss"/> punishes.</summary>
public enum GradientPenaltyKind
{
    /// <summary>Scale (g - Target)^2, at points between real and fake.</summary>
    Wasserstein,

    /// <summary>Scale max(0, g - Target)^2.</summary>
    WassersteinOneSided,

    /// <summary>Scale / 2 g^2, at real points (at fake points it is R2).</summary>
    R1,
}

/// <summary>
/// Input <c>gradients</c> [N, ...] = d(sum of critic outputs)/d(input), made with a graph: <see cref="CriticGradients"/>. g_n = the norm over all of sample n.
/// g = 0: value Scale Target^2, gradient 0. Gulrajani et al. 2017 eq 3, Petzka et al. 2018, Mescheder et al. 2018 eq 9. BasicSR takes the norm over a pixel's
/// channels, torchgan over the whole batch: both are wrong for images. StyleGAN2 applies R1 every 16 steps, 16 times as strong.
/// </summary>
[LossGuide(
    "λ (|∂D/∂x| - 1)², or γ/2 |∂D/∂x|²",
    Use = "Wasserstein critics; R1 for any discriminator",
    Avoid = "batch norm in the critic (samples then share their gradients); a norm over the batch",
    Cost = "a backward pass with a graph, and its backward pass",
    Paper = "Gulrajani et al. 2017, Mescheder et al. 2018"
)]
public sealed record GradientPenaltyLoss : GenerationLoss
{
    /// <summary>Which gradients cost. Default Wasserstein.</summary>
    public GradientPenaltyKind Kind
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>lambda of WGAN-GP, gamma of R1. Default 10.</summary>
    [Interval("[0, inf)")]
    public double Scale
    {
        get;
        init => field = Valid(value);
    } = 10;

    /// <summary>The norm that costs nothing; not read by R1. Default 1.</summary>
    [Interval("[0, inf)")]
    public double Target
    {
        get;
        init => field = Valid(value);
    } = 1;

    /// <inheritdoc/>
    public override IReadOnlyList<string> RequiredInputs => ["gradients"];

    /// <inheritdoc/>
    protected internal override LossTerms ComputeTerms(LossCall call)
    {
        var gradients = call["gradients"];
        Shapes.Floating(this, "gradients", gradients);
        if (gradients.dim() < 2)
            throw Shapes.Wrong(this, "gradients", gradients, "[N, ...], a sample's gradients a row");
        var squares = ImageArithmetic.SumOfEach(gradients.square());
        if (Kind == GradientPenaltyKind.R1)
            return new(Scale / 2 * squares);
        var excess = ImageArithmetic.Root(squares) - Target;
        return new(Scale * (Kind == GradientPenaltyKind.Wasserstein ? excess : excess.relu()).square());
    }
}
