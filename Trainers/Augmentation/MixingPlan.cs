using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Data;

/// <summary>
/// How a batch is mixed with itself: sample i with sample <c>Order[i]</c>. Without a box the images are blended (Mixup), with one the partner's pixels go
/// into it (CutMix). The targets of both count <see cref="Lambda"/> and 1 - Lambda.
/// </summary>
internal sealed record MixingPlan(double Lambda, int[] Order, PixelRectangle? Box)
{
    /// <summary>Draws the recipe of a batch, or null when none applies to it.</summary>
    public static MixingPlan? Sample(Augmentation augmentation, int count, int width, int height, ref RandomStream random)
    {
        if (!augmentation.Mixes || count < 2 || !random.Chance(augmentation.MixingProbability))
            return null;
        var order = Enumerable.Range(0, count).ToArray();
        random.Shuffle<int>(order);
        var cuts = augmentation.CutMixAlpha > 0 && (augmentation.MixupAlpha == 0 || random.Chance(0.5));
        return cuts
            ? CutMix(random.Beta(augmentation.CutMixAlpha), random.Below(width), random.Below(height), width, height, order)
            : new(random.Beta(augmentation.MixupAlpha), order, null);
    }

    /// <summary>
    /// A box of sides int(width sqrt(1 - lambda)), int(height sqrt(1 - lambda)) around a centre (whole halves, so an odd side loses a pixel), cut at the
    /// border; lambda becomes the share of the area that stays.
    /// </summary>
    public static MixingPlan CutMix(double lambda, int centerX, int centerY, int width, int height, int[] order)
    {
        var side = Math.Sqrt(1 - lambda);
        var (halfX, halfY) = ((int)(width * side) / 2, (int)(height * side) / 2);
        var box = new PixelRectangle(
            Math.Clamp(centerX - halfX, 0, width),
            Math.Clamp(centerY - halfY, 0, height),
            Math.Clamp(centerX + halfX, 0, width),
            Math.Clamp(centerY + halfY, 0, height)
        );
        return new(1 - (double)box.Area / ((long)width * height), order, box);
    }

    /// <summary>Mixes images [N, channels, height, width]; gives a new tensor.</summary>
    public Tensor Apply(Tensor images)
    {
        if (images.dim() != 4 || images.shape[0] != Order.Length)
            throw new ArgumentException(
                $"[{Order.Length}, channels, height, width] is expected, got [{string.Join(", ", images.shape)}].",
                nameof(images)
            );
        using var scope = NewDisposeScope();
        var partners = Pick(images);
        if (Box is not { } box)
            return partners.mul_(1 - Lambda).add_(images, alpha: Lambda).MoveToOuterDisposeScope();
        var result = images.clone();
        if (!box.IsEmpty)
            Part(result, box).copy_(Part(partners, box));
        return result.MoveToOuterDisposeScope();
    }

    /// <summary>The partners' values: row i is row <c>Order[i]</c>.</summary>
    public Tensor Pick(Tensor values)
    {
        using var index = tensor(Order, ScalarType.Int64, values.device);
        return values.index_select(0, index);
    }

    private static Tensor Part(Tensor images, PixelRectangle box) =>
        images.narrow(2, box.Top, box.Bottom - box.Top).narrow(3, box.Left, box.Right - box.Left);
}
