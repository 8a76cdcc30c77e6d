using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>How <see cref="ReconstructionLoss"/> compares pixels.</summary>
public enum ReconstructionDistance
{
    /// <summary>|p - t|; gradient 0 at a tie.</summary>
    L1,

    /// <summary>(p - t)^2.</summary>
    L2,

    /// <summary>sqrt((p - t)^2 + Delta^2).</summary>
    Charbonnier,

    /// <summary>-(t log p + (1 - t) log(1 - p)) of probabilities, logarithms kept at or above -100.</summary>
    BinaryCrossEntropy,
}

/// <summary>
/// l = d(p, t) an element of <c>predictions</c>, <c>targets</c> [N, C, H, W]. Optional <c>weights</c> &gt;= 0, broadcast to the image (an inpainting mask):
/// <c>mean</c> is sum(w l) / sum(w), 0 where sum(w) = 0; a gradient reaches the weights when they ask for one. With PerImage a term is an image's
/// sum (ELBO scale) and weights multiply without being divided by. BinaryCrossEntropy has gradients up to 1e12 at a wrong 0 or 1: clamp the sigmoid's
/// output away from them, or train on logits. Follows torch; BasicSR's <c>eps</c> is our Delta^2. Zhao et al. 2017; Lai et al. 2017 (Charbonnier).
/// </summary>
[LossGuide(
    "d(p, t): |p - t|, (p - t)², √((p - t)² + δ²) or binary cross-entropy",
    Use = "pixels of the target are known",
    Avoid = "a mean over pixels beside a KL summed over latents (use PerImage); images in [-1, 1] with BinaryCrossEntropy; L2 for sharp results",
    Cost = "one pass, fused",
    Paper = "Zhao et al. 2017, Lai et al. 2017"
)]
public sealed record ReconstructionLoss : ImageLoss
{
    /// <summary>d. Default L1.</summary>
    public ReconstructionDistance Distance
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>Charbonnier's Delta, in units of the pixels. Default 1e-3.</summary>
    [Interval("(0, inf)")]
    public double Delta
    {
        get;
        init => field = Valid(value);
    } = 1e-3;

    /// <summary>Terms are sums over C, H, W of an image. Default false: terms are elements.</summary>
    public bool PerImage { get; init; }

    /// <inheritdoc/>
    protected internal override bool AppliesWeights => PerImage;

    /// <inheritdoc/>
    protected internal override Tensor? FusedMean(LossCall call)
    {
        var (predictions, targets) = (call["predictions"], call["targets"]);
        if (PerImage || predictions.numel() == 0 || !predictions.is_floating_point() || !predictions.shape.SequenceEqual(targets.shape))
            return null;
        return Distance switch
        {
            ReconstructionDistance.L1 => nn.functional.l1_loss(predictions, targets),
            ReconstructionDistance.L2 => nn.functional.mse_loss(predictions, targets),
            _ => null,
        };
    }

    /// <inheritdoc/>
    protected override LossTerms Compare(Tensor predictions, Tensor targets, LossCall call)
    {
        var values = Distance switch
        {
            ReconstructionDistance.L1 => nn.functional.l1_loss(predictions, targets, nn.Reduction.None),
            ReconstructionDistance.L2 => nn.functional.mse_loss(predictions, targets, nn.Reduction.None),
            ReconstructionDistance.Charbonnier => ((predictions - targets).square() + Delta * Delta).sqrt(),
            _ => CrossEntropy(predictions, targets, call),
        };
        if (!PerImage)
            return new(values);
        if (call.Optional("weights") is { } weights)
            values = values * ShapeWeights(weights, values);
        return new(ImageArithmetic.SumOfEach(values));
    }

    private Tensor CrossEntropy(Tensor predictions, Tensor targets, LossCall call)
    {
        if (call.CheckValues)
            foreach (var (name, tensor) in new[] { ("predictions", predictions), ("targets", targets) })
            {
                using var scope = NewDisposeScope();
                if (!tensor.ge(0).logical_and(tensor.le(1)).all().item<bool>())
                    throw new ArgumentException($"{Name}: {name} must be probabilities in [0, 1] for BinaryCrossEntropy.", name);
            }
        return nn.functional.binary_cross_entropy(predictions, targets, reduction: nn.Reduction.None);
    }

    /// <inheritdoc/>
    protected internal override Tensor ShapeWeights(Tensor weights, Tensor values) => Shapes.Broadcastable(this, weights, values);
}
