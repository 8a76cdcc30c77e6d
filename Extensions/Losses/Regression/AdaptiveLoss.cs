using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Barron's general robust loss, x = predictions - targets, z = (x / Scale)^2, b = |Alpha - 2|: rho = (b / Alpha) ((z / b + 1)^(Alpha / 2)
/// - 1), with its limits Alpha 2: z / 2; 0: log(1 + z / 2) (Cauchy); -Infinity: 1 - exp(-z / 2) (Welsch); Infinity: exp(z / 2) - 1. Alpha 1
/// is Charbonnier / pseudo-Huber that starts at 0, -2 is Geman-McClure. For Alpha &lt; 0 an outlier costs at most b / |Alpha|. Finite
/// gradients at every Alpha.
/// <para>With LearnAlpha or LearnScale the loss is a negative log-likelihood, rho + log c + log Z(alpha), Z(alpha) = integral of
/// exp(-rho(x, alpha, 1)) dx (what is fixed stays in as a constant), which can be negative. Its parameters, one for each entry of axis 1 (D
/// = <see cref="LossContext.EmbeddingSize"/>; 1 for predictions of rank 1): <c>latentAlpha</c> [D], alpha = min + (max - min)
/// sigmoid(latentAlpha), and <c>latentScale</c> [D], c = MinimumScale + (Scale - MinimumScale) softplus(latentScale + log(e - 1)); they
/// start at Alpha and Scale.</para> Barron 2019; follows jonbarron/robust_loss_pytorch, with log Z by an integral exact to 1e-13 instead of
/// a spline.
/// </summary>
[LossGuide(
    "(b/α)((z/b + 1)^(α/2) - 1), z = (x/c)², b = |α - 2|",
    Use = "one knob from squared error over Charbonnier and Cauchy to Welsch, or learned by the data",
    Avoid = "Scale left at 1 for residuals of another size; learned parameters outside the optimizer",
    Cost = "about six passes; learned: 129 D numbers more",
    Paper = "Barron 2019"
)]
public sealed record AdaptiveLoss : RegressionLoss
{
    /// <summary>
    /// The shape: 2 squared error, 1 Charbonnier, 0 Cauchy, -2 Geman-McClure, -Infinity Welsch. At least 0 if anything is learned. Default
    /// 1.
    /// </summary>
    [Interval("[-inf, inf]")]
    public double Alpha
    {
        get;
        init => field = Valid(value);
    } = 1;

    /// <summary>The statistical scale c that divides a residual, in units of the target. Default 1.</summary>
    [Interval("(0, inf)")]
    public double Scale
    {
        get;
        init => field = Valid(value);
    } = 1;

    /// <summary>Whether alpha is learned, starting from Alpha, between the bounds. Default false.</summary>
    public bool LearnAlpha { get; init; }

    /// <summary>Whether the scale is learned, starting from Scale. Default false.</summary>
    public bool LearnScale { get; init; }

    /// <summary>The least learned alpha. Default 0.001.</summary>
    [Interval("[0, 2]")]
    public double MinimumAlpha
    {
        get;
        init => field = Valid(value);
    } = 0.001;

    /// <summary>The greatest learned alpha. Default 1.999.</summary>
    [Interval("[0, 2]")]
    public double MaximumAlpha
    {
        get;
        init => field = Valid(value);
    } = 1.999;

    /// <summary>The least learned scale. Default 1e-5.</summary>
    [Interval("(0, inf)")]
    public double MinimumScale
    {
        get;
        init => field = Valid(value);
    } = 1e-5;

    private bool Learns => LearnAlpha || LearnScale;

    /// <inheritdoc/>
    protected internal override void Validate()
    {
        if (MinimumAlpha >= MaximumAlpha)
            throw new ArgumentException(
                $"Adaptive: MinimumAlpha {MinimumAlpha} must be below MaximumAlpha {MaximumAlpha}.",
                nameof(MinimumAlpha)
            );
        if (LearnAlpha && (Alpha <= MinimumAlpha || Alpha >= MaximumAlpha))
            throw new ArgumentException(
                $"Adaptive: Alpha {Alpha} is where LearnAlpha starts; it must lie between {MinimumAlpha} and {MaximumAlpha}.",
                nameof(Alpha)
            );
        if (Learns && Alpha < 0)
            throw new ArgumentException(
                $"Adaptive: with LearnScale Alpha must be at least 0; it is {Alpha}. Below 0 the density has no finite integral.",
                nameof(Alpha)
            );
        if (LearnScale && Scale <= MinimumScale)
            throw new ArgumentException(
                $"Adaptive: Scale {Scale} is where LearnScale starts; it must exceed MinimumScale {MinimumScale}.",
                nameof(Scale)
            );
    }

    /// <inheritdoc/>
    protected internal override LossState? CreateState(LossContext context)
    {
        if (!Learns)
            return null;
        var size = context.Needed(context.EmbeddingSize, nameof(LossContext.EmbeddingSize), Name);
        using var scope = NewDisposeScope();
        var state = new LossState(context);
        var start = (Alpha - MinimumAlpha) / (MaximumAlpha - MinimumAlpha);
        if (LearnAlpha)
            state.AddParameter("latentAlpha", full(size, Math.Log(start / (1 - start)), float64));
        if (LearnScale)
            state.AddParameter("latentScale", zeros(size, float64));
        return state;
    }

    /// <inheritdoc/>
    protected override LossTerms Compare(Tensor predictions, Tensor targets, LossCall call)
    {
        var residual = predictions - targets;
        if (!Learns)
            return new(RobustPower.Of((Scale == 1 ? residual : residual / Scale).square(), Alpha));
        Tensor? alpha = LearnAlpha ? Along(AlphaOf(call.State["latentAlpha"]), residual) : null;
        Tensor? scale = LearnScale ? Along(ScaleOf(call.State["latentScale"]), residual) : null;
        var z = (scale is null ? residual / Scale : residual / scale).square();
        var values = alpha is null ? RobustPower.Of(z, Alpha) : RobustPower.Of(z, alpha);
        values = scale is null ? values + Math.Log(Scale) : values + scale.log();
        return new(
            values
                + (
                    alpha is null
                        ? call.Constant("logPartition", residual, () => [RobustPower.LogPartition(Alpha)])
                        : RobustPower.LogPartition(alpha)
                )
        );
    }

    private Tensor AlphaOf(Tensor latent) => latent.sigmoid() * (MaximumAlpha - MinimumAlpha) + MinimumAlpha;

    private Tensor ScaleOf(Tensor latent) => Softplus.Of(latent + Math.Log(Math.E - 1)) * (Scale - MinimumScale) + MinimumScale;

    private Tensor Along(Tensor learned, Tensor residual)
    {
        var size = residual.dim() > 1 ? residual.shape[1] : 1;
        if (learned.shape[0] != size)
            throw Shapes.Wrong(
                this,
                "predictions",
                residual,
                $"[N, {learned.shape[0]}, ...], as many outputs as the loss was built for (LossContext.EmbeddingSize)"
            );
        return residual.dim() > 1 ? learned.reshape([size, .. Enumerable.Repeat(1L, (int)residual.dim() - 2)]) : learned;
    }
}
