using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>The game that <see cref="AdversarialLoss"/> plays; sp = softplus, E_r and E_f means over real logits r and fake logits f, e = LabelSmoothing.</summary>
public enum AdversarialKind
{
    /// <summary>D: E_r[sp(-r) + e r] + E_f[sp(f)]; G: E_f[sp(-f)].</summary>
    NonSaturating,

    /// <summary>D: as NonSaturating; G: -E_f[sp(f)], whose gradient vanishes when the discriminator wins.</summary>
    Minimax,

    /// <summary>D: E_r[(r - 1 + e)^2] / 2 + E_f[f^2] / 2; G: E_f[(f - 1)^2] / 2.</summary>
    LeastSquares,

    /// <summary>D: E_r[max(0, 1 - r)] + E_f[max(0, 1 + f)]; G: -E_f[f].</summary>
    Hinge,

    /// <summary>D: E_f[f] - E_r[r]; G: -E_f[f]. Needs <see cref="GradientPenaltyLoss"/> or clipping.</summary>
    Wasserstein,

    /// <summary>D: E[sp(f - r)], pairwise; G: E[sp(r - f)].</summary>
    Relativistic,

    /// <summary>D: E_r[sp(-(r - E f))] + E_f[sp(f - E r)]; G: E_r[sp(r - E f)] + E_f[sp(-(f - E r))]. Both means carry gradient.</summary>
    RelativisticAverage,
}

/// <summary>Whose loss it is.</summary>
public enum AdversarialSide
{
    /// <summary>The generator's.</summary>
    Generator,

    /// <summary>The discriminator's, or critic's.</summary>
    Discriminator,
}

/// <summary>
/// The losses of both sides of an adversarial game. Inputs <c>realLogits</c>, <c>fakeLogits</c>: logits, never probabilities, of any shape (patch maps too); the
/// generator needs <c>fakeLogits</c> alone but for the relativistic kinds. Real and fake parts are reduced each over themselves, then added; <c>none</c> only where there
/// is one part. Batch sizes may differ except for Relativistic; an empty side adds 0. Exact at logits of hundreds.
/// Goodfellow et al. 2014, Mao et al. 2017, Lim and Ye 2017, Arjovsky et al. 2017, Jolicoeur-Martineau 2019; follows torchgan and BasicSR (whose least squares
/// have no 1/2; pix2pix halves the discriminator's sum; MONAI's hinge and least squares are others).
/// </summary>
[LossGuide(
    "D: E softplus(-r) + E softplus(f); G: E softplus(-f); and least squares, hinge, Wasserstein, relativistic",
    Use = "GANs; NonSaturating or Hinge first",
    Avoid = "fakes that are not detached in the discriminator's step; sigmoid before; Wasserstein without a gradient penalty",
    Cost = "one pass over the logits",
    Paper = "Goodfellow et al. 2014 and others"
)]
[DefinitionExample("Adversarial(side: Discriminator)")]
public sealed record AdversarialLoss : GenerationLoss
{
    /// <summary>The game. Default NonSaturating.</summary>
    public AdversarialKind Kind
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>Whose loss it is.</summary>
    public required AdversarialSide Side
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>e: real labels are 1 - e; for the discriminator of NonSaturating, Minimax and LeastSquares, elsewhere 0. Default 0.</summary>
    [Interval("[0, 1)")]
    public double LabelSmoothing
    {
        get;
        init => field = Valid(value);
    }

    private bool IsDiscriminator => Side == AdversarialSide.Discriminator;

    private bool NeedsReal => IsDiscriminator || Kind is AdversarialKind.Relativistic or AdversarialKind.RelativisticAverage;

    /// <inheritdoc/>
    public override IReadOnlyList<string> RequiredInputs => NeedsReal ? ["realLogits", "fakeLogits"] : ["fakeLogits"];

    /// <inheritdoc/>
    protected internal override void Validate()
    {
        var smooths = IsDiscriminator && Kind is AdversarialKind.NonSaturating or AdversarialKind.Minimax or AdversarialKind.LeastSquares;
        if (LabelSmoothing != 0 && !smooths)
            throw new ArgumentException(
                $"Adversarial: LabelSmoothing has a meaning for the Discriminator of NonSaturating, Minimax and LeastSquares only; here it must be 0, not {LabelSmoothing}.",
                nameof(LabelSmoothing)
            );
    }

    /// <inheritdoc/>
    protected internal override LossTerms ComputeTerms(LossCall call)
    {
        var fake = call["fakeLogits"];
        Shapes.Floating(this, "fakeLogits", fake);
        if (!NeedsReal)
            return new(Generator(fake));
        var real = call["realLogits"];
        Shapes.Floating(this, "realLogits", real);
        if (Kind == AdversarialKind.Relativistic)
        {
            Shapes.Same(this, "realLogits", real, "fakeLogits", fake);
            return new(IsDiscriminator ? Softplus.Of(fake - real) : Softplus.Of(real - fake));
        }
        var (ofReal, ofFake) = Kind == AdversarialKind.RelativisticAverage ? Averaged(real, fake) : Discriminator(real, fake);
        return new(ofReal) { More = [new(ofFake) { ByRow = false }], ByRow = false };
    }

    private Tensor Generator(Tensor fake) =>
        Kind switch
        {
            AdversarialKind.NonSaturating => Softplus.Of(-fake),
            AdversarialKind.Minimax => -Softplus.Of(fake),
            AdversarialKind.LeastSquares => HalfSquare(fake, 1),
            _ => -fake,
        };

    private (Tensor Real, Tensor Fake) Discriminator(Tensor real, Tensor fake) =>
        Kind switch
        {
            AdversarialKind.LeastSquares => (HalfSquare(real, 1 - LabelSmoothing), HalfSquare(fake, 0)),
            AdversarialKind.Hinge => ((1 - real).relu(), (1 + fake).relu()),
            AdversarialKind.Wasserstein => (-real, fake),
            _ => (LabelSmoothing == 0 ? Softplus.Of(-real) : Softplus.Of(-real) + LabelSmoothing * real, Softplus.Of(fake)),
        };

    private (Tensor Real, Tensor Fake) Averaged(Tensor real, Tensor fake)
    {
        var (overFake, overReal) = (Above(real, fake), Above(fake, real));
        return IsDiscriminator ? (Softplus.Of(-overFake), Softplus.Of(overReal)) : (Softplus.Of(overFake), Softplus.Of(-overReal));
    }

    private static Tensor Above(Tensor logits, Tensor others) => others.numel() == 0 ? logits : logits - others.mean();

    private static Tensor HalfSquare(Tensor logits, double label) =>
        PixelDistance.L2.Between(logits, full([], label, dtype: logits.dtype, device: logits.device).expand(logits.shape)) / 2;
}
