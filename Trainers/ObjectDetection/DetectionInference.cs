using System.Runtime.InteropServices;
using MLNetLosses.Data;
using MLNetLosses.Networks;
using static TorchSharp.torch;

namespace MLNetLosses;

/// <summary>
/// Runs a detector over decoded images. Images are put together only where their padded sizes are equal, so that what is found in an image does not depend on its neighbours.
/// </summary>
internal sealed class DetectionInference(DetectionNetworkShape shape, DetectionSettings settings, PixelNormalization normalization)
{
    private readonly DetectionDecoder decoder = new(shape, settings);

    /// <summary>The detections of each image, in pixels of its source; null images give null.</summary>
    public Detections?[] Run(DetectionNetwork network, IReadOnlyList<SizedImage?> images, Device device)
    {
        var results = new Detections?[images.Count];
        var divisor = network.SizeDivisor;
        var groups = Enumerable
            .Range(0, images.Count)
            .Where(i => images[i] is not null)
            .GroupBy(i =>
                (Height: DetectionSizing.RoundUp(images[i]!.Height, divisor), Width: DetectionSizing.RoundUp(images[i]!.Width, divisor))
            );
        foreach (var group in groups)
            Run(network, images, [.. group], group.Key.Height, group.Key.Width, device, results);
        return results;
    }

    private void Run(
        DetectionNetwork network,
        IReadOnlyList<SizedImage?> images,
        int[] members,
        int height,
        int width,
        Device device,
        Detections?[] results
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
        var (logits, codes) = (output.Logits.cpu().contiguous(), output.Codes.cpu().contiguous());
        var quality = output.Quality?.cpu().contiguous();
        var anchors = network.Anchors.For(height, width);
        if (anchors.Count != logits.shape[1])
            throw new InvalidOperationException($"The network gave {logits.shape[1]} scores for {anchors.Count} anchors.");
        for (var i = 0; i < members.Length; i++)
        {
            var image = images[members[i]]!;
            results[members[i]] = decoder.Decode(
                anchors,
                Row(logits, i),
                Row(codes, i),
                quality is null ? default : Row(quality, i),
                (image.Width, image.Height),
                ((double)image.SourceWidth / image.Width, (double)image.SourceHeight / image.Height)
            );
        }
    }

    private static ReadOnlySpan<float> Row(Tensor values, int row)
    {
        var size = (int)(values.numel() / values.shape[0]);
        return MemoryMarshal.Cast<byte, float>(values.bytes).Slice(row * size, size);
    }
}
