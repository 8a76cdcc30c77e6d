using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Data;

/// <summary>Makes numbers of bytes: <c>(value / 255 - mean) / std</c> channel by channel, as one multiplication and one addition.</summary>
internal sealed class PixelNormalization
{
    private readonly double[] _scale;
    private readonly double[] _shift;

    /// <exception cref="ArgumentException">The counts of means, deviations and channels differ.</exception>
    public PixelNormalization(ImagePreprocessing preprocessing)
        : this(preprocessing.ChannelMean, preprocessing.ChannelStd, preprocessing.Channels) { }

    internal PixelNormalization(IReadOnlyList<double> mean, IReadOnlyList<double> std, int channels)
    {
        if (mean.Count != channels || std.Count != channels)
            throw new ArgumentException($"{channels} channel(s) need as many means and deviations, got {mean.Count} and {std.Count}.");
        _scale = [.. std.Select(s => 1 / (255 * s))];
        _shift = [.. mean.Zip(std, (m, s) => -m / s)];
    }

    public int Channels => _scale.Length;

    /// <summary>The value that a byte of a channel becomes.</summary>
    public float Value(int channel, byte value) => MathF.FusedMultiplyAdd(value, (float)_scale[channel], (float)_shift[channel]);

    /// <summary>Normalises planes [..., channels, pixels].</summary>
    public void Apply(ReadOnlySpan<byte> planes, int pixels, Span<float> target)
    {
        if (pixels < 1 || planes.Length % (pixels * Channels) != 0)
            throw new ArgumentException($"{planes.Length} bytes are not images of {Channels} x {pixels} values.", nameof(planes));
        for (int at = 0, channel = 0; at < planes.Length; at += pixels, channel = (channel + 1) % Channels)
            ByteVectors.ScaleShift(planes.Slice(at, pixels), target.Slice(at, pixels), (float)_scale[channel], (float)_shift[channel]);
    }

    /// <summary>Normalises planes [channels, height, width] into the upper left part of planes [channels, targetHeight, targetWidth].</summary>
    public void Apply(ReadOnlySpan<byte> planes, int height, int width, Span<float> target, int targetHeight, int targetWidth)
    {
        if (planes.Length != Channels * height * width || target.Length != Channels * targetHeight * targetWidth)
            throw new ArgumentException(
                $"{planes.Length} bytes and {target.Length} numbers are not {Channels} planes of {height} x {width} and {targetHeight} x {targetWidth}.",
                nameof(planes)
            );
        for (var row = 0; row < Channels * height; row++)
        {
            var (channel, y) = Math.DivRem(row, height);
            ByteVectors.ScaleShift(
                planes.Slice(row * width, width),
                target.Slice((channel * targetHeight + y) * targetWidth, width),
                (float)_scale[channel],
                (float)_shift[channel]
            );
        }
    }

    /// <summary>
    /// Normalises a tensor [..., channels, height, width] of values 0 to 255. Bytes on the CPU become float32 in one pass; others by tensor operations
    /// on their device, float32 from integers, else in their own type.
    /// </summary>
    public Tensor Apply(Tensor pixels)
    {
        if (pixels.dim() < 3 || pixels.shape[^3] != Channels)
            throw new ArgumentException(
                $"A tensor [..., {Channels}, height, width] is expected, got [{string.Join(", ", pixels.shape)}].",
                nameof(pixels)
            );
        if (pixels.dtype == ScalarType.Byte && pixels.device_type == DeviceType.CPU && pixels.is_contiguous())
        {
            var result = empty(pixels.shape, ScalarType.Float32);
            if (result.numel() > 0)
                Apply(pixels.bytes, checked((int)(pixels.shape[^1] * pixels.shape[^2])), TensorMemory.Span<float>(result));
            return result;
        }
        using var scope = NewDisposeScope();
        var type = pixels.is_floating_point() ? pixels.dtype : ScalarType.Float32;
        var scale = tensor(_scale, type, pixels.device).view(-1, 1, 1);
        var shift = tensor(_shift, type, pixels.device).view(-1, 1, 1);
        return pixels.to(type).mul(scale).add_(shift).MoveToOuterDisposeScope();
    }
}
