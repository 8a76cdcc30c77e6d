using System.Runtime.InteropServices;
using MLNetLosses.Data;
using MLNetLosses.Networks;
using static TorchSharp.torch;

namespace MLNetLosses;

/// <summary>
/// Runs a detector over decoded images without learning. Images are put together only where their padded sizes are equal, so that what is said of an image does not depend on
/// its neighbours.
/// </summary>
internal static class DetectionForward
{
    /// <summary>Tells what the head says of images, in main memory: of those whose numbers are given. They live as long as the call. Null images are left out.</summary>
    public delegate void Use(HeadOutput output, AnchorGrid anchors, int[] members);

    public static void Run(
        DetectionNetwork network,
        PixelNormalization normalization,
        IReadOnlyList<SizedImage?> images,
        Device device,
        Use use
    )
    {
        var divisor = network.SizeDivisor;
        var groups = Enumerable
            .Range(0, images.Count)
            .Where(i => images[i] is not null)
            .GroupBy(i =>
                (Height: DetectionSizing.RoundUp(images[i]!.Height, divisor), Width: DetectionSizing.RoundUp(images[i]!.Width, divisor))
            );
        foreach (var group in groups)
            Run(network, normalization, images, [.. group], group.Key.Height, group.Key.Width, device, use);
    }

    private static void Run(
        DetectionNetwork network,
        PixelNormalization normalization,
        IReadOnlyList<SizedImage?> images,
        int[] members,
        int height,
        int width,
        Device device,
        Use use
    )
    {
        using var scope = NewDisposeScope();
        using var mode = inference_mode();
        var input = zeros([members.Length, normalization.Channels, height, width], ScalarType.Float32);
        var plane = normalization.Channels * height * width;
        var numbers = MemoryMarshal.Cast<byte, float>(input.bytes);
        for (var i = 0; i < members.Length; i++)
        {
            var image = images[members[i]]!;
            normalization.Apply(image.Planes, image.Height, image.Width, numbers.Slice(i * plane, plane), height, width);
        }
        var output = network.Predict(input.to(device));
        output = new(output.Logits.cpu().contiguous(), output.Codes.cpu().contiguous(), output.Quality?.cpu().contiguous());
        var anchors = network.Anchors.For(height, width);
        if (anchors.Count != output.Logits.shape[1])
            throw new InvalidOperationException($"The network gave {output.Logits.shape[1]} scores for {anchors.Count} anchors.");
        use(output, anchors, members);
    }
}
