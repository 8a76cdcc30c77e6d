using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Soft counts of pixels, one of each for every cell: an (image, class) [N, C], a class [C], an image [N] or one [].
/// p is a probability, y the target, sums run over the cell's valid pixels.
/// </summary>
/// <param name="TruePositives">TP = sum p y; for soft targets sum (p + y - |p - y|) / 2, which is least wrong at p = y.</param>
/// <param name="FalsePositives">FP = sum p - TP; of squares where the loss sums squares.</param>
/// <param name="FalseNegatives">FN = sum y - TP.</param>
/// <param name="Target">sum y.</param>
/// <param name="Valid">The number of pixels that are not ignored.</param>
public sealed record RegionSums(Tensor TruePositives, Tensor FalsePositives, Tensor FalseNegatives, Tensor Target, Tensor Valid)
{
    /// <summary>TN = the valid pixels without TP, FP and FN; not below 0, also where all that is left is rounding.</summary>
    public Tensor TrueNegatives => (Valid - Target - FalsePositives).clamp(min: 0); // TP + FN = Target, and counts subtract exactly

    /// <summary>
    /// 1 - (TP + s) / (TP + a FP + b FN + s), without the cancellation of 1 minus a number near 1. With s = 0 a cell in which nothing is expected and
    /// nothing predicted has loss 0. Dice: a = b = 1/2 and half its s; Jaccard: a = b = 1.
    /// </summary>
    /// <param name="alpha">a, the weight of false positives.</param>
    /// <param name="beta">b, the weight of false negatives.</param>
    /// <param name="smooth">s, in pixels.</param>
    public Tensor TverskyLoss(double alpha, double beta, double smooth)
    {
        var wrong = FalsePositives * alpha + FalseNegatives * beta;
        return Divide(wrong, TruePositives + wrong + smooth, smooth, 0);
    }

    /// <summary>-ln of the Tversky score (TP + s) / (TP + a FP + b FN + s), the score not below 1e-7.</summary>
    /// <param name="alpha">a, the weight of false positives.</param>
    /// <param name="beta">b, the weight of false negatives.</param>
    /// <param name="smooth">s, in pixels.</param>
    public Tensor NegativeLogTversky(double alpha, double beta, double smooth)
    {
        var right = TruePositives + smooth;
        var score = Divide(right, right + FalsePositives * alpha + FalseNegatives * beta, smooth, 1);
        return -score.clamp(min: 1e-7).log();
    }

    private static Tensor Divide(Tensor part, Tensor whole, double smooth, double otherwise)
    {
        if (smooth > 0)
            return part / whole;
        var nothing = whole.detach().lt(5e-8);
        return where(nothing, full_like(part, otherwise), part / whole.masked_fill(nothing, 1));
    }

    /// <summary>x^power where x &gt; 0; value and gradient 0 elsewhere, where the slope of a power below 1 is infinite.</summary>
    internal static Tensor Power(Tensor x, double power)
    {
        if (power == 1)
            return x;
        var none = x.detach().le(0);
        return x.masked_fill(none, 1).pow(power).masked_fill(none, 0);
    }

    internal static RegionSums From(Tensor rows) => new(rows[0], rows[1], rows[2], rows[3], rows[4]);

    /// <summary>TP, FP, FN, sum y and the valid pixels of every image and class, [5, N, C].</summary>
    /// <param name="loss">Named by errors.</param>
    /// <param name="logits">[N, C, ...].</param>
    /// <param name="targets">Indices: softmax, or one sigmoid when C = 1; labels: a sigmoid a channel.</param>
    /// <param name="squared">Whether p and y are squared in FP and FN.</param>
    internal static Tensor Measure(SegmentationLoss loss, Tensor logits, ClassTargets targets, bool squared)
    {
        var (images, classes, pixels) = (logits.shape[0], logits.shape[1], PixelScores.PixelCount(logits));
        var options = new FusedRegionSums.Options(loss, loss.IgnoredTarget, squared);
        if (targets.AreIndices)
            return FusedRegionSums.Of(logits, targets.Raw.reshape(images, pixels), options);
        if (targets.Raw.is_floating_point())
            return PixelScores.ByChannel(
                logits,
                targets,
                (part, labels) => OfSoftLabels(part.reshape(part.shape[0], 1, pixels), labels, squared)
            );
        // Hard labels: each channel is a binary image.
        var channels = FusedRegionSums.Of(
            logits,
            (logits.device_type == DeviceType.CPU ? targets.Raw : targets.Raw.to(ScalarType.Int64)).reshape(images * classes, pixels),
            options
        );
        return channels.reshape(5, images, classes);
    }

    /// <summary>The same with the sums of weighed costs w f(-ln p_y) and of w over each image, [N], from one softmax; for indices.</summary>
    /// <param name="loss">Named by errors.</param>
    /// <param name="logits">[N, C, ...].</param>
    /// <param name="targets">Indices.</param>
    /// <param name="classWeights">The weight of each target; null: 1.</param>
    /// <param name="curve">f; null: the cost itself.</param>
    internal static (Tensor Rows, Tensor Costs, Tensor Weights) MeasureWithCosts(
        SegmentationLoss loss,
        Tensor logits,
        ClassTargets targets,
        IReadOnlyList<double>? classWeights,
        CostCurve? curve
    )
    {
        var (rows, costs) = FusedRegionSums.WithCosts(
            logits,
            PixelScores.ByPixel(targets.Raw),
            new(loss, loss.IgnoredTarget, Squared: false),
            new(loss, loss.IgnoredTarget, classWeights, Curve: curve)
        );
        return (rows, costs[0], costs[1].detach());
    }

    /// <summary>The sums by plain tensor operations, on any device and differentiable any number of times.</summary>
    /// <param name="scores">[N, C, S].</param>
    /// <param name="indices">[N, S]; 0 and 1 for C = 1.</param>
    /// <param name="ignored">The index that counts nowhere.</param>
    /// <param name="squared">Whether p and y are squared in FP and FN.</param>
    internal static Tensor ByTensors(Tensor scores, Tensor indices, long? ignored, bool squared)
    {
        var valid = ignored is null ? ones_like(indices, ScalarType.Bool) : indices.ne(ignored.Value);
        var (weight, safe) = (valid.to(scores.dtype), indices.masked_fill(valid.logical_not(), 0));
        Tensor p,
            right,
            target;
        if (scores.shape[1] == 1)
        {
            var y = safe.to(scores.dtype).unsqueeze(1);
            p = scores.sigmoid();
            (right, target) = ((p * y).sum(2), y.sum(2));
        }
        else
        {
            p = nn.functional.softmax(scores, 1);
            var cells = zeros_like(scores.select(2, 0));
            right = cells.scatter_add(1, safe, p.gather(1, safe.unsqueeze(1)).squeeze(1) * weight);
            target = cells.scatter_add(1, safe, weight);
        }
        var predicted = (squared ? p.square() : p).bmm(weight.unsqueeze(2)).squeeze(2);
        return stack([right, predicted - right, target - right, target, weight.sum(1, keepdim: true).expand(target.shape)]);
    }

    private static Tensor OfSoftLabels(Tensor scores, ClassTargets targets, bool squared)
    {
        var weight = targets.WeightsIfIgnoring(scores)?.reshape(scores.shape);
        var p = weight is null ? scores.sigmoid() : scores.sigmoid() * weight;
        var y = targets.Safe.reshape(scores.shape).to(scores.dtype);
        var right = (squared ? p * y : minimum(p, y)).sum(2);
        var predicted = (squared ? p.square() : p).sum(2);
        var target = (squared ? y.square() : y).sum(2);
        return stack([right, predicted - right, target - right, target, weight?.sum(2) ?? full_like(target, scores.shape[2]).detach()]);
    }
}
