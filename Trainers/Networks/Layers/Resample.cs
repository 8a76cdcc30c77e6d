using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>Other sizes for maps [N, C, H, W].</summary>
internal static class Resample
{
    /// <summary>Each pixel becomes a square of pixels: the nearest.</summary>
    public static Tensor Nearest(Tensor x, long height, long width) =>
        x.shape[2] == height && x.shape[3] == width ? x : nn.functional.interpolate(x, [height, width], mode: InterpolationMode.Nearest);

    /// <summary>Bilinear. Corners aligned: the outermost pixels keep their values.</summary>
    public static Tensor Bilinear(Tensor x, long height, long width, bool alignCorners) =>
        x.shape[2] == height && x.shape[3] == width
            ? x
            : nn.functional.interpolate(x, [height, width], mode: InterpolationMode.Bilinear, align_corners: alignCorners);
}
