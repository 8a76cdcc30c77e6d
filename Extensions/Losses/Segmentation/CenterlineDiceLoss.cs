using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Soft clDice: with S the soft skeleton, Tprec = (sum S(p) y + s) / (sum S(p) + s), Tsens = (sum S(y) p + s) / (sum S(y) + s), l = 1 - 2 Tprec Tsens / (Tprec + Tsens) in
/// each cell. Skeleton: erode = the smallest of the neighbours along each axis, dilate = the largest of the 3 x 3 (x 3) neighbourhood (nothing beyond the
/// border), open = dilate(erode); K = relu(a - open a); then Iterations times a = erode a, d = relu(a - open a), K = K + relu(d - K d).
/// One to three spatial axes; foreground classes and the whole batch by default; ignored pixels are background for the skeleton. Shapes, cells and weights:
/// <see cref="RegionLoss"/>. Shit et al. 2021, whose loss is <c>0.5 * Dice + 0.5 * CenterlineDice</c>; follows MONAI's <c>SoftclDiceLoss</c> one class at a time.
/// </summary>
[LossGuide(
    "1 - 2 Tprec Tsens / (Tprec + Tsens) of soft skeletons",
    Use = "vessels, roads, nerves: connected tubes; with Dice",
    Avoid = "compact objects; Iterations below half the thickest tube",
    Cost = "some 3 pools an iteration over the foreground classes, of predictions and targets",
    Paper = "Shit et al. 2021"
)]
public sealed record CenterlineDiceLoss : RegionLoss
{
    /// <summary>Makes the loss; IncludeBackground and PerImage are false by default.</summary>
    public CenterlineDiceLoss()
    {
        IncludeBackground = false;
        PerImage = false;
    }

    /// <summary>How often the skeleton is eroded: at least half the thickest tube's width in pixels. Default 3.</summary>
    [Interval("[0, inf)")]
    public int Iterations
    {
        get;
        init => field = Valid(value);
    } = 3;

    /// <summary>s, in pixels of skeleton. Default 1.</summary>
    [Interval("(0, inf)")]
    public double Smooth
    {
        get;
        init => field = Valid(value);
    } = 1;

    private protected override Tensor Measure(Tensor logits, ClassTargets targets, int first)
    {
        var axes = (int)logits.dim() - 2;
        if (axes is < 1 or > 3)
            throw Shapes.Wrong(this, "logits", logits, "[N, C, ...] with one to three spatial axes");
        // A soft label is told from an ignored one by the nearest whole number, which 0 and 1 are not fit for.
        if (logits.device_type == DeviceType.CPU && (IgnoreIndex is not (0 or 1) || !targets.Raw.is_floating_point()))
        {
            var (images, classes, pixels) = (logits.shape[0], logits.shape[1], PixelScores.PixelCount(logits));
            if (targets.AreIndices)
                return ByKernel(logits, targets.Raw.reshape(images, pixels), first);
            // Each channel is a binary image.
            var rows = ByKernel(logits, targets.Raw.reshape(images * classes, pixels), 0);
            return rows.reshape(rows.shape[0], images, classes);
        }
        if (!targets.AreIndices)
            return PixelScores.ByChannel(logits, targets, OfLabels);
        var y = DistanceMaps.Masks(targets, first).to(logits.dtype);
        var valid = PixelScores.ValidByChannel(logits, targets);
        return CenterlineSums.OfMasks(Cut(PixelScores.Probabilities(logits, targets), first) * valid, y, valid, Iterations);
    }

    private Tensor ByKernel(Tensor logits, Tensor targets, int first)
    {
        var shape = logits.shape.AsSpan(2).ToArray().Select(size => checked((int)size)).ToArray();
        return CenterlineSums.Of(logits, targets, new(this, IgnoredTarget, first, shape, Iterations));
    }

    private Tensor OfLabels(Tensor logits, ClassTargets labels)
    {
        var valid = labels.Weights(logits)!;
        return CenterlineSums.OfMasks(logits.sigmoid() * valid, labels.Safe.to(logits.dtype), valid, Iterations);
    }

    private static Tensor Cut(Tensor values, int first) => first == 0 ? values : values.narrow(1, first, values.shape[1] - first);

    private protected override Tensor Cell(Tensor rows)
    {
        var precision = (rows[0] + Smooth) / (rows[1] + Smooth);
        var sensitivity = (rows[2] + Smooth) / (rows[3] + Smooth);
        return 1 - 2 * precision * sensitivity / (precision + sensitivity);
    }
}

/// <summary>The skeleton of a soft mask by minima and maxima of neighbourhoods, differentiable.</summary>
internal static class SoftSkeleton
{
    public static Tensor Of(Tensor mask, int iterations)
    {
        var skeleton = nn.functional.relu(mask - Open(mask));
        for (var i = 0; i < iterations; i++)
        {
            mask = Erode(mask);
            var ridge = nn.functional.relu(mask - Open(mask));
            skeleton = skeleton + nn.functional.relu(ridge - skeleton * ridge);
        }
        return skeleton;
    }

    private static Tensor Open(Tensor mask) => Largest(Erode(mask), [.. Enumerable.Repeat(3L, (int)mask.dim() - 2)]);

    private static Tensor Erode(Tensor mask)
    {
        var axes = (int)mask.dim() - 2;
        var opposite = mask.neg();
        Tensor? eroded = null;
        for (var axis = 0; axis < axes; axis++)
        {
            var window = Enumerable.Repeat(1L, axes).ToArray();
            window[axis] = 3;
            var smallest = Largest(opposite, window).neg();
            eroded = eroded is null ? smallest : minimum(eroded, smallest);
        }
        return eroded!;
    }

    private static Tensor Largest(Tensor mask, long[] window)
    {
        long[] strides = [.. window.Select(_ => 1L)],
            padding = [.. window.Select(size => size / 2)];
        return window.Length switch
        {
            1 => nn.functional.max_pool1d(mask, window[0], 1, padding[0]),
            2 => nn.functional.max_pool2d(mask, window, strides, padding),
            _ => nn.functional.max_pool3d(mask, window, strides, padding),
        };
    }
}
