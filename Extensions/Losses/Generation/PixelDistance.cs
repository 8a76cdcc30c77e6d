using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>How two numbers are compared.</summary>
public enum PixelDistance
{
    /// <summary>|a - b|; gradient 0 at a tie.</summary>
    L1,

    /// <summary>(a - b)^2.</summary>
    L2,
}

/// <summary>What image losses share: distances, differences of neighbours, means that know nothing left, roots that know 0.</summary>
internal static class ImageArithmetic
{
    /// <summary>d(a, b), element by element.</summary>
    public static Tensor Between(this PixelDistance distance, Tensor a, Tensor b) =>
        distance == PixelDistance.L1 ? nn.functional.l1_loss(a, b, nn.Reduction.None) : nn.functional.mse_loss(a, b, nn.Reduction.None);

    /// <summary>The mean of d(a, b) over all elements; there must be one.</summary>
    public static Tensor MeanBetween(this PixelDistance distance, Tensor a, Tensor b) =>
        distance == PixelDistance.L1 ? AbsoluteError.Of(a, b, nn.Reduction.Mean) : nn.functional.mse_loss(a, b);

    /// <summary>The mean over all axes but the first, [N, ...] to [N]; 0 where there is no element.</summary>
    public static Tensor MeanOfEach(Tensor values) => SumOfEach(values) / Math.Max(1, values.numel() / Math.Max(1, values.shape[0]));

    /// <summary>The sum over all axes but the first, [N, ...] to [N].</summary>
    public static Tensor SumOfEach(Tensor values) => values.dim() == 1 ? values : values.flatten(1).sum([1]);

    /// <summary>Differences of vertical neighbours, [N, C, H - 1, W].</summary>
    public static Tensor Vertical(Tensor image) => image.narrow(2, 1, image.shape[2] - 1) - image.narrow(2, 0, image.shape[2] - 1);

    /// <summary>Differences of horizontal neighbours, [N, C, H, W - 1].</summary>
    public static Tensor Horizontal(Tensor image) => image.narrow(3, 1, image.shape[3] - 1) - image.narrow(3, 0, image.shape[3] - 1);

    /// <summary>The square root of numbers >= 0, with gradient 0 at 0 (where its slope is infinite).</summary>
    public static Tensor Root(Tensor squares)
    {
        var none = squares.le(0);
        return squares.masked_fill(none, 1).sqrt().masked_fill(none, 0);
    }

    /// <summary>Refuses what is no batch of images.</summary>
    public static void Check(Loss loss, string input, Tensor image)
    {
        Shapes.Floating(loss, input, image);
        Shapes.Rank(loss, input, image, 4, "images [N, C, H, W]");
    }
}
