using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// l = (p - y)^2 (D_p^Alpha + D_y^Alpha) at each pixel and class; D_m is the distance to the border of mask m from either side, of the masks p > 0.5 and y, 0 for
/// an empty or full mask. D has no gradient. <c>logits</c> [N, C, ...], <c>targets</c> indices [N, ...] or labels [N, C, ...] in [0, 1]; <c>none</c> is
/// [N, C', ...]. The optional input <c>distanceMaps</c> holds D_y; D_p is made at every step on the CPU. Values are large at first (distances squared):
/// give it a small weight. Karimi and Salcudean 2019; follows MONAI's <c>HausdorffDTLoss</c> (there pass float targets: integers truncate the distances).
/// </summary>
[LossGuide(
    "(p-y)² (D_p^α + D_y^α)",
    Use = "the largest border error matters; from a warm start, with Dice or CrossEntropy",
    Avoid = "from scratch, or where a step must not wait for the CPU",
    Cost = "four distance transforms a class and step, linear in pixels",
    Paper = "Karimi and Salcudean 2019"
)]
public sealed record HausdorffDistanceLoss : BorderDistanceLoss
{
    /// <summary>The power of the distances. Default 2.</summary>
    [Interval("(0, inf)")]
    public double Alpha
    {
        get;
        init => field = Valid(value);
    } = 2;

    /// <summary>True: ln(1 + h) of the mean h; one value that no reduction changes. Default false.</summary>
    public bool Log { get; init; }

    /// <inheritdoc/>
    protected internal override TargetForms TargetForms => TargetForms.Indices | TargetForms.SoftLabels;

    private protected override double? Power => Alpha;

    private protected override Tensor MapsOf(Tensor masks, ScalarType dtype) => Losses.DistanceMaps.ToBorder(masks, Spacing, dtype);

    private protected override Tensor Field(Tensor probabilities, ClassTargets targets, Tensor maps, int first)
    {
        var masks = probabilities.gt(0.5).logical_and(PixelScores.ValidByChannel(probabilities, targets).ne(0));
        var predicted = MapsOf(Cut(masks, first), probabilities.dtype);
        return predicted.pow_(Alpha).add_(maps.pow_(Alpha));
    }

    // (p - y)^2, without writing y in full for indices.
    private protected override Tensor Penalty(Tensor probabilities, ClassTargets targets, int first)
    {
        if (!PixelScores.HaveBackground(targets))
            return (probabilities - targets.AsLabels().Safe.to(probabilities.dtype)).square();
        var own = targets.Weights(probabilities)!.neg().unsqueeze(1);
        return Cut(probabilities.scatter_add(1, targets.Safe.unsqueeze(1), own), first).square();
    }

    /// <inheritdoc/>
    protected override LossTerms Score(Tensor logits, ClassTargets targets, LossCall call) => Finish(base.Score(logits, targets, call));

    internal override LossTerms? ComputeRowSums(LossCall call) => base.ComputeRowSums(call) is { } terms ? Finish(terms) : null;

    private LossTerms Finish(LossTerms terms) =>
        Log ? LossTerms.Single(LossReducer.Reduce(this, terms, Reduction.Mean, null).log1p()) : terms;
}
