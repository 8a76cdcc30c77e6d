using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// MAE's loss. Inputs <c>predictions</c> [N, L, P]; <c>targets</c> [N, L, P] or images [N, C, H, W] (detached); <c>mask</c> bool [N, L], true = masked, counts.
/// Images are cut into PatchSize x PatchSize patches, rows first; inside a patch row, column, channel (channel fastest), P = PatchSize^2 C, L = (H/PatchSize)(W/PatchSize).
/// With NormalizePatches t = (t - mean) / sqrt(unbiased variance + Epsilon) a patch. l = mean over the patch of (p - t)^2; <c>mean</c> is over masked
/// patches; nothing masked: 0. A flat patch has targets 0. He et al. 2022; follows the authors' code (whose flag for normalised patches is off by default).
/// </summary>
[LossGuide(
    "mean over masked patches of |p - t|² / P",
    Use = "masked autoencoders",
    Avoid = "the mask's other polarity (true = removed); showing normalised predictions as pixels",
    Cost = "a few passes over [N, L, P]",
    Paper = "He et al. 2022"
)]
public sealed record MaskedReconstructionLoss : SelfSupervisedLoss
{
    /// <summary>Whether each target patch is brought to mean 0 and variance 1 (the paper's best; needs P &gt;= 2). Default true.</summary>
    public bool NormalizePatches { get; init; } = true;

    /// <summary>The side of a patch in pixels; divides H and W. Read for image targets only. Default 16.</summary>
    [Interval("[1, inf)")]
    public int PatchSize
    {
        get;
        init => field = Valid(value);
    } = 16;

    /// <summary>Added to a patch's variance under the root. Default 1e-6.</summary>
    [Interval("(0, inf)")]
    public double Epsilon
    {
        get;
        init => field = Valid(value);
    } = 1e-6;

    /// <inheritdoc/>
    public override IReadOnlyList<string> RequiredInputs => ["predictions", "targets", "mask"];

    /// <inheritdoc/>
    protected internal override LossTerms ComputeTerms(LossCall call)
    {
        var (predictions, mask) = (call["predictions"], call["mask"]);
        Shapes.Floating(this, "predictions", predictions);
        Shapes.Rank(this, "predictions", predictions, 3, "[N, L, P]");
        var targets = Patches(call["targets"].detach());
        Shapes.Same(this, "predictions", predictions, "targets, as patches,", targets);
        if (mask.is_floating_point() || !mask.shape.AsSpan().SequenceEqual(predictions.shape.AsSpan(0, 2)))
            throw Shapes.Wrong(this, "mask", mask, $"bool [{predictions.shape[0]}, {predictions.shape[1]}]");
        if (NormalizePatches)
        {
            if (targets.shape[2] < 2)
                throw Shapes.Wrong(this, "targets", targets, "patches of at least two numbers; NormalizePatches takes their variance");
            var centred = targets - targets.mean([2], keepdim: true);
            targets = centred / (centred.square().sum(2, keepdim: true) / (targets.shape[2] - 1) + Epsilon).sqrt();
        }
        return new((predictions - targets).square().mean([2]), mask.ne(0).to(predictions.dtype));
    }

    private Tensor Patches(Tensor targets)
    {
        if (targets.dim() == 3)
            return targets;
        Shapes.Rank(this, "targets", targets, 4, "patches [N, L, P] or images [N, C, H, W]");
        var (n, c, rows, columns) = (targets.shape[0], targets.shape[1], targets.shape[2] / PatchSize, targets.shape[3] / PatchSize);
        if (rows * PatchSize != targets.shape[2] || columns * PatchSize != targets.shape[3])
            throw Shapes.Wrong(this, "targets", targets, $"[N, C, H, W] with H and W divisible by the PatchSize {PatchSize}");
        return targets
            .reshape(n, c, rows, PatchSize, columns, PatchSize)
            .permute(0, 2, 4, 3, 5, 1)
            .reshape(n, rows * columns, (long)PatchSize * PatchSize * c);
    }
}
