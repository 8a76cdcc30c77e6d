using System.Runtime.InteropServices;
using MLNetLosses.Data;
using MLNetLosses.Losses;
using MLNetLosses.Networks;
using static TorchSharp.torch;

namespace MLNetLosses;

/// <summary>Finds objects in decoded images.</summary>
internal sealed class DetectionInference(DetectionNetworkShape shape, DetectionSettings settings, PixelNormalization normalization)
{
    private readonly DetectionDecoder decoder = new(shape, settings);

    /// <summary>The detections of each image, in pixels of its source; null images give null.</summary>
    public Detections?[] Run(DetectionNetwork network, IReadOnlyList<SizedImage?> images, Device device)
    {
        var results = new Detections?[images.Count];
        DetectionForward.Run(
            network,
            normalization,
            images,
            device,
            (output, anchors, members) =>
                CpuWork.For(
                    members.Length,
                    i =>
                    {
                        var image = images[members[i]]!;
                        results[members[i]] = decoder.Decode(
                            anchors,
                            Row(output.Logits, i),
                            Row(output.Codes, i),
                            output.Quality is { } quality ? Row(quality, i) : default,
                            (image.Width, image.Height),
                            ((double)image.SourceWidth / image.Width, (double)image.SourceHeight / image.Height)
                        );
                    }
                )
        );
        return results;
    }

    private static ReadOnlySpan<float> Row(Tensor values, int row)
    {
        var size = (int)(values.numel() / values.shape[0]);
        return MemoryMarshal.Cast<byte, float>(values.bytes).Slice(row * size, size);
    }
}
