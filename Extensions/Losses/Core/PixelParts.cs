using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// How inputs over pixels are cut: [..., N, (channels,) spatial axes] into runs of pixels of one image, or into several whole images where these are small.
/// </summary>
internal sealed class PixelParts
{
    // Half a megabyte of single precision: what a formula makes of a part then stays in the processor's cache.
    private const long Length = 1 << 17;

    // Up to here the whole stays in the cache as well.
    private const long Whole = 1 << 20;

    private readonly long[] spatial;
    private readonly long images;
    private readonly long pixels;
    private readonly long imagesAPart;
    private readonly long runsAnImage;

    private PixelParts(Tensor logits)
    {
        spatial = logits.shape[2..];
        (images, pixels) = (logits.shape[0], spatial.Aggregate(1L, (product, size) => product * size));
        var anImage = Math.Max(1, logits.shape[1] * pixels);
        imagesAPart = Math.Max(1, Length / anImage);
        runsAnImage = Math.Clamp((anImage + Length - 1) / Length, 1, Math.Max(1, pixels));
    }

    /// <summary>The parts of logits on pixels on the CPU; null where the whole is small.</summary>
    public static PixelParts? Of(Tensor? logits) =>
        logits is not null && logits.dim() > 2 && logits.device_type == DeviceType.CPU && logits.numel() > Whole ? new(logits) : null;

    public long Count => runsAnImage > 1 ? images * runsAnImage : (images + imagesAPart - 1) / imagesAPart;

    /// <summary>Whether an input is over the pixels of the logits.</summary>
    public bool Fit(Tensor input) =>
        input.dim() > spatial.Length
        && input.shape.AsSpan(input.shape.Length - spatial.Length).SequenceEqual(spatial)
        && input.shape[BatchAxis(input.dim())] == images;

    /// <summary>The axis of images: [N, ...], [N, C, ...] or [S, N, C, ...].</summary>
    public int BatchAxis(long axes) => Math.Max(0, (int)axes - spatial.Length - 2);

    /// <summary>An input with one axis of pixels.</summary>
    public Tensor Flat(Tensor input) => input.flatten(-spatial.Length);

    /// <summary>A part of a tensor that <see cref="Flat"/> gave, a view.</summary>
    public Tensor Cut(Tensor flat, long part)
    {
        var axis = Math.Max(0, (int)flat.dim() - 3);
        if (runsAnImage == 1)
            return flat.narrow(axis, part * imagesAPart, Math.Min(imagesAPart, images - part * imagesAPart));
        var (image, run) = (part / runsAnImage, part % runsAnImage);
        var (from, to) = (pixels * run / runsAnImage, pixels * (run + 1) / runsAnImage);
        return flat.narrow(axis, image, 1).narrow(-1, from, to - from);
    }

    /// <summary>Room for a number of each image of each part.</summary>
    public Tensor Numbers(Tensor like) => empty(runsAnImage == 1 ? images : images * runsAnImage, dtype: like.dtype);

    /// <summary>Writes the numbers of a part's images there.</summary>
    public void Set(Tensor numbers, long part, Tensor ofPart) =>
        numbers.narrow(0, runsAnImage == 1 ? part * imagesAPart : part, ofPart.shape[0]).copy_(ofPart);

    /// <summary>Numbers of the images of each part, one after another, put together: [N].</summary>
    public Tensor ByImage(Tensor numbers) => numbers.reshape(images, -1).sum(1);
}
