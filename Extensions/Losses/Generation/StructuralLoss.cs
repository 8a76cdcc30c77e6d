using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>A loss on the local means, variances and covariance of two images under a Gaussian window.</summary>
public abstract record StructuralLoss : ImageLoss
{
    /// <summary>The side of the window in pixels, odd. Default 11.</summary>
    [Interval("[1, inf)")]
    public int WindowSize
    {
        get;
        init =>
            field =
                Valid(value) % 2 == 1
                    ? value
                    : throw new ArgumentOutOfRangeException(nameof(WindowSize), value, $"{Name}: WindowSize must be odd.");
    } = 11;

    /// <summary>The window's deviation in pixels. Default 1.5.</summary>
    [Interval("(0, inf)")]
    public double Sigma
    {
        get;
        init => field = Valid(value);
    } = 1.5;

    /// <summary>C1 = (K1 DataRange)^2 steadies the luminance factor. Default 0.01.</summary>
    [Interval("(0, inf)")]
    public double K1
    {
        get;
        init => field = Valid(value);
    } = 0.01;

    /// <summary>C2 = (K2 DataRange)^2 steadies the contrast-structure factor. Default 0.03.</summary>
    [Interval("(0, inf)")]
    public double K2
    {
        get;
        init => field = Valid(value);
    } = 0.03;

    /// <summary>Maximum less minimum of the image's scale: 1 for [0, 1], 255 for bytes, 2 for [-1, 1]. Default 1.</summary>
    [Interval("(0, inf)")]
    public double DataRange
    {
        get;
        init => field = Valid(value);
    } = 1;

    /// <summary>
    /// Luminance and contrast-structure factors, [1, N C, H', W']. One separable pass over x, y, x^2 + y^2 and xy serves all moments: the variances occur
    /// as their sum only.
    /// </summary>
    internal (Func<Tensor> Luminance, Tensor Structure) Factors(Centred x, Centred y, LossCall call)
    {
        var planes = x.Image.shape[0] * x.Image.shape[1];
        var stack = cat([x.Image, y.Image, addcmul(x.Image.square(), y.Image, y.Image, 1), x.Image * y.Image])
            .reshape(1, 4 * planes, x.Image.shape[2], x.Image.shape[3]);
        var window = call.Constant("window", x.Image, Window);
        stack = nn.functional.conv2d(stack, window.reshape(1, 1, 1, WindowSize).expand(4 * planes, 1, 1, WindowSize), groups: 4 * planes);
        stack = nn.functional.conv2d(stack, window.reshape(1, 1, WindowSize, 1).expand(4 * planes, 1, WindowSize, 1), groups: 4 * planes);
        var (meanX, meanY) = (stack.narrow(1, 0, planes), stack.narrow(1, planes, planes));
        var (c1, c2) = (Math.Pow(K1 * DataRange, 2), Math.Pow(K2 * DataRange, 2));
        var structure =
            (2 * (stack.narrow(1, 3 * planes, planes) - meanX * meanY) + c2)
            / (stack.narrow(1, 2 * planes, planes) - addcmul(meanX.square(), meanY, meanY, 1) + c2);
        Tensor Luminance()
        {
            var (fullX, fullY) = (meanX + x.Offset, meanY + y.Offset);
            return (2 * (fullX * fullY) + c1) / (addcmul(fullX.square(), fullY, fullY, 1) + c1);
        }
        return (Luminance, structure);
    }

    /// <summary>An image less the mean of each of its planes, a constant: E[x^2] - E[x]^2 of flat images would cancel in single precision.</summary>
    /// <param name="Image">[N, C, H, W].</param>
    /// <param name="Offset">[1, N C, 1, 1].</param>
    internal readonly record struct Centred(Tensor Image, Tensor Offset)
    {
        public static Centred From(Tensor image)
        {
            var offset = image.detach().mean([2, 3], keepdim: true);
            return new(image - offset, offset.reshape(1, -1, 1, 1));
        }
    }

    internal double[] Window()
    {
        var centre = WindowSize / 2;
        var weights = Enumerable.Range(0, WindowSize).Select(k => Math.Exp(-Math.Pow((k - centre) / Sigma, 2) / 2)).ToArray();
        var total = weights.Sum();
        return [.. weights.Select(w => w / total)];
    }
}
