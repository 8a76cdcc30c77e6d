using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>What <see cref="EdgeLoss"/> compares.</summary>
public enum EdgeComparison
{
    /// <summary>Both Sobel maps, element by element: sign and direction count.</summary>
    Components,

    /// <summary>sqrt(gx^2 + gy^2 + Epsilon) a pixel.</summary>
    Magnitude,
}

/// <summary>
/// Sobel maps with the kernel [-1 0 1; -2 0 2; -1 0 1] / 8 and its transpose, the border replicated; the term of an image is the mean of d over its
/// channels, pixels and, with Components, both maps. Follows kornia's spatial_gradient and sobel (OpenCV's kernel is not divided: 8 times ours).
/// </summary>
[LossGuide(
    "mean d(Sobel p, Sobel t)",
    Use = "edges of the prediction where the target has them, beside a pixel loss",
    Avoid = "alone: a constant offset costs nothing",
    Cost = "about ten passes over p - t (Components), twice that (Magnitude)",
    Paper = "Sobel 1968"
)]
public sealed record EdgeLoss : ImageLoss
{
    /// <summary>d. Default L1.</summary>
    public PixelDistance Distance
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>What is compared. Default Components.</summary>
    public new EdgeComparison Compare
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>Under the root of Magnitude: lifts a flat region to its root in both images. Default 1e-6.</summary>
    [Interval("(0, inf)")]
    public double Epsilon
    {
        get;
        init => field = Valid(value);
    } = 1e-6;

    /// <inheritdoc/>
    protected internal override LossTerms ComputeTerms(LossCall call)
    {
        var (predictions, targets) = Pair(call);
        ImageArithmetic.Check(this, "predictions", predictions);
        if (Compare == EdgeComparison.Components)
        {
            var maps = Sobel(predictions - targets); // linear: the maps' difference is the difference's maps
            return new(ImageArithmetic.MeanOfEach((Distance == PixelDistance.L1 ? maps.abs() : maps.square())));
        }
        var (a, b) = (Magnitude(Sobel(predictions)), Magnitude(Sobel(targets)));
        return new(ImageArithmetic.MeanOfEach(Distance.Between(a, b)));
    }

    private Tensor Magnitude(Tensor maps)
    {
        var parts = maps.chunk(2, 1);
        return (addcmul(parts[0].square(), parts[1], parts[1], 1) + Epsilon).sqrt();
    }

    // [N, 2 C, H, W]; smoothing, then differences: the kernel is separable.
    private static Tensor Sobel(Tensor image)
    {
        var padded = nn.functional.pad(image, [1, 1, 1, 1], PaddingModes.Replicate);
        var (h, w) = (image.shape[2], image.shape[3]);
        Tensor Smoothed(int axis, long size) =>
            padded.narrow(axis, 0, size) + 2 * padded.narrow(axis, 1, size) + padded.narrow(axis, 2, size);
        Tensor Difference(Tensor smooth, int axis, long size) => (smooth.narrow(axis, 2, size) - smooth.narrow(axis, 0, size)) / 8;
        return cat(new[] { Difference(Smoothed(2, h), 3, w), Difference(Smoothed(3, w), 2, h) }, 1);
    }
}
