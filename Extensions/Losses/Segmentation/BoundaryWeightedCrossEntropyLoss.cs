using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// l = -ln p_y at each pixel with the weight ClassWeights[y] + BorderWeight exp(-(d1 + d2)^2 / (2 Sigma^2)) on background pixels (target 0), ClassWeights[y]
/// elsewhere; d1, d2 = distances to the nearest pixel of the nearest and second nearest object. Objects: 8-connected (3-D: 26-connected)
/// components of each foreground class; objects of different classes are different even if they touch. Fewer than two: no border term. <c>mean</c> divides
/// by the sum of weights; the paper sums. <c>logits</c> [N, C, ...] (C = 1: sigmoid, ClassWeights [2]), <c>targets</c> indices [N, ...]; <c>none</c> is
/// [N, ...]. The optional input <c>borderMap</c> saves the distances at each step. Ronneberger et al. 2015 (U-Net), equation 2.
/// </summary>
[LossGuide(
    "-w ln p_y, w = w_y + w₀ exp(-(d₁+d₂)²/2σ²) between objects",
    Use = "touching objects of one class that must come apart: cells, particles",
    Avoid = "without separate objects: it is plain cross-entropy at a higher price",
    Cost = "2 log2(objects) distance transforms an image on the CPU; none with borderMap",
    Paper = "Ronneberger et al. 2015"
)]
public sealed record BoundaryWeightedCrossEntropyLoss : DistanceLoss
{
    /// <summary>w0: the weight added in a gap of width 0. Default 10.</summary>
    [Interval("[0, inf)")]
    public double BorderWeight
    {
        get;
        init => field = Valid(value);
    } = 10;

    /// <summary>The width of the border, in pixels or in units of Spacing. Default 5.</summary>
    [Interval("(0, inf)")]
    public double Sigma
    {
        get;
        init => field = Valid(value);
    } = 5;

    /// <inheritdoc/>
    protected internal override TargetForms TargetForms => TargetForms.Indices;

    /// <inheritdoc/>
    public override IReadOnlyList<string> OptionalInputs => ["borderMap"];

    /// <summary>
    /// exp(-(d1 + d2)^2 / (2 Sigma^2)) on background pixels and 0 elsewhere; a data pipeline may make it once an image and give it as the input <c>borderMap</c>.
    /// </summary>
    /// <param name="targets">int64 [N, ...].</param>
    /// <returns>[N, ...] of Float32, on the targets' device.</returns>
    /// <exception cref="ArgumentException">Spacing does not fit the targets' axes.</exception>
    public Tensor BorderMap(Tensor targets)
    {
        ArgumentNullException.ThrowIfNull(targets);
        using var scope = NewDisposeScope();
        CheckSpacing(targets.unsqueeze(1));
        return Losses.BorderMap.Of(targets, IgnoreIndex, Sigma, Spacing, zeros(0, device: targets.device)).MoveToOuterDisposeScope();
    }

    internal override string MapName => NameOf("borderMap", Sigma);

    internal override Tensor MapsOf(Tensor targets, int classCount, bool labels) => BorderMap(targets);

    internal override LossTerms? ComputeRowSums(LossCall call)
    {
        var logits = call["logits"];
        if (logits.device_type != DeviceType.CPU)
            return null;
        var targets = ClassTargets.Read(this, call);
        CheckSpacing(logits);
        _ = Weights(Math.Max(2, targets.ClassCount), logits, call); // their number is checked
        if (BorderWeight == 0)
            return PixelScores.CostSums(this, logits, targets, ClassWeights);
        var weights = PixelScores.ByPixel(Map(targets, logits, call)).mul_(BorderWeight);
        if (ClassWeights is null)
            weights.add_(1);
        else
            PixelScores.AddClassWeights(weights, targets, ClassWeights);
        return PixelScores.CostSums(this, logits, targets, null, weights);
    }

    // [N, ...], the caller's own.
    private Tensor Map(ClassTargets targets, Tensor logits, LossCall call)
    {
        if (GivenMaps(call) is not { } map)
            return Losses.BorderMap.Of(targets.Raw, IgnoreIndex, Sigma, Spacing, logits);
        Shapes.Same(this, "borderMap", map, "targets", targets.Raw);
        return map.detach().to(logits.dtype, logits.device, copy: true).contiguous();
    }

    /// <inheritdoc/>
    protected override LossTerms Score(Tensor logits, ClassTargets targets, LossCall call)
    {
        CheckSpacing(logits);
        var weights = PixelScores.Weights(logits, targets, Weights(Math.Max(2, targets.ClassCount), logits, call));
        if (BorderWeight > 0)
            weights = weights + Map(targets, logits, call) * targets.Weights(logits)! * BorderWeight;
        return new(PixelScores.NegativeLogLikelihood(this, logits, targets), weights);
    }
}
