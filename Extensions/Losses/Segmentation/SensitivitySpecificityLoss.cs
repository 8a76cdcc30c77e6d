using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// l = r sum y (y - p)^2 / max(1, sum y) + (1 - r) sum (1 - y)(y - p)^2 / max(1, sum (1 - y)) in each cell, r = SensitivityRatio. An absent class loses its
/// first part. The gradient vanishes where p saturates, also on wrong pixels. Shapes, cells and weights: <see cref="RegionLoss"/>. Brosch et al. 2015.
/// </summary>
[LossGuide(
    "r Σy(y-p)²/Σy + (1-r) Σ(1-y)(y-p)²/Σ(1-y)",
    Use = "very small objects, with a stated price of misses against false alarms",
    Avoid = "from scratch with saturated outputs: wrong pixels have no gradient",
    Cost = "as Dice",
    Paper = "Brosch et al. 2015"
)]
public sealed record SensitivitySpecificityLoss : RegionLoss
{
    /// <summary>r: the weight of the error on the object. Default 0.05.</summary>
    [Interval("[0, 1]")]
    public double SensitivityRatio
    {
        get;
        init => field = Valid(value);
    } = 0.05;

    private protected override Tensor Measure(Tensor logits, ClassTargets targets, int first)
    {
        var (images, classes, pixels) = (logits.shape[0], logits.shape[1], PixelScores.PixelCount(logits));
        if (PixelScores.HaveBackground(targets))
        {
            var all = FusedSquaredErrors.Of(logits, targets.Raw.reshape(images, pixels), new(this, IgnoredTarget));
            return first == 0 ? all : all.narrow(2, first, classes - first);
        }
        if (logits.device_type != DeviceType.CPU || targets.Raw.is_floating_point())
            return PixelScores.ByChannel(logits, targets.AsLabels(), OfLabels);
        // Hard labels: each channel is a binary image.
        var rows = FusedSquaredErrors.Of(logits, targets.Raw.reshape(images * classes, pixels), new(this, IgnoredTarget));
        return rows.reshape(4, images, classes);
    }

    private static Tensor OfLabels(Tensor logits, ClassTargets targets)
    {
        var pixels = PixelScores.PixelCount(logits);
        var valid = targets.WeightsIfIgnoring(logits);
        var y = targets.Safe.to(logits.dtype);
        var squares = (y - logits.sigmoid()).square();
        if (valid is not null)
            squares = squares * valid;
        var missed = squares * y;
        Tensor Sum(Tensor values) => values.reshape(logits.shape[0], logits.shape[1], pixels).sum(2);
        var target = Sum(y);
        return stack([Sum(missed), Sum(squares - missed), target, valid is null ? full_like(target, pixels).detach() : Sum(valid)]);
    }

    private protected override Tensor Cell(Tensor rows)
    {
        var (target, valid) = (rows[2], rows[3]);
        return rows[0] / target.clamp(min: 1) * SensitivityRatio + rows[1] / (valid - target).clamp(min: 1) * (1 - SensitivityRatio);
    }
}
