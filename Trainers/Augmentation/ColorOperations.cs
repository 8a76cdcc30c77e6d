using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Data;

/// <summary>Changes of colour as tensor operations over a batch [N, 1 or 3, height, width] of float32 values 0 to 255.</summary>
internal static class ColorOperations
{
    /// <summary>
    /// Applies one step of operations, one an image: images that share a kind are taken together. Changes <paramref name="images"/> in place or gives a new
    /// batch.
    /// </summary>
    public static Tensor Apply(Tensor images, ReadOnlySpan<ColorOperation> operations)
    {
        if (images.dim() != 4 || images.shape[0] != operations.Length || images.shape[1] is not (1 or 3))
            throw new ArgumentException(
                $"{operations.Length} operations need images [{operations.Length}, 1 or 3, height, width], got [{string.Join(", ", images.shape)}].",
                nameof(images)
            );
        for (var kind = ColorKind.Brightness; kind <= ColorKind.Blur; kind++)
        {
            var members = new List<long>();
            var amounts = new List<float>();
            for (var i = 0; i < operations.Length; i++)
            {
                if (operations[i].Kind != kind)
                    continue;
                members.Add(i);
                amounts.Add((float)operations[i].Amount);
            }
            if (members.Count == 0)
                continue;
            using var scope = NewDisposeScope();
            var amount = tensor(amounts.ToArray(), ScalarType.Float32, images.device).view(-1, 1, 1, 1);
            if (members.Count == operations.Length)
            {
                images = Apply(images, kind, amount, amounts).MoveToOuterDisposeScope();
                continue;
            }
            var index = tensor(members.ToArray(), ScalarType.Int64, images.device);
            images.index_copy_(0, index, Apply(images.index_select(0, index), kind, amount, amounts));
        }
        return images;
    }

    private static Tensor Apply(Tensor x, ColorKind kind, Tensor amount, List<float> amounts) =>
        kind switch
        {
            ColorKind.Brightness => x.mul(amount).clamp_(0, 255),
            ColorKind.Contrast => Blend(Luma(x).mean([-3, -2, -1], keepdim: true), x, amount),
            ColorKind.Saturation => x.shape[1] == 1 ? x : Blend(Luma(x), x, amount),
            ColorKind.Hue => x.shape[1] == 1 ? x : HueRotation.Apply(x, amount),
            ColorKind.Sharpness => Blend(Smooth(x), x, amount),
            ColorKind.Posterize => Posterize(x, amounts),
            ColorKind.Solarize => Solarize(x.round(), amount),
            ColorKind.AutoContrast => AutoContrast(x),
            ColorKind.Equalize => Equalize(x),
            ColorKind.Grayscale => x.shape[1] == 1 ? x : Luma(x).expand(x.shape).contiguous(),
            ColorKind.Blur => Blur(x, amounts),
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Unknown operation."),
        };

    /// <summary>[N, 1, height, width].</summary>
    private static Tensor Luma(Tensor x)
    {
        if (x.shape[1] == 1)
            return x;
        return x.narrow(1, 0, 1).mul(0.299f).add_(x.narrow(1, 1, 1), alpha: 0.587f).add_(x.narrow(1, 2, 1), alpha: 0.114f);
    }

    private static Tensor Blend(Tensor from, Tensor x, Tensor factor) => x.sub(from).mul_(factor).add_(from).clamp_(0, 255);

    private static Tensor Smooth(Tensor x)
    {
        var (height, width) = (x.shape[2], x.shape[3]);
        var result = x.clone();
        if (height < 3 || width < 3)
            return result;
        var kernel = tensor(new float[] { 1, 1, 1, 1, 5, 1, 1, 1, 1 }, ScalarType.Float32, x.device).div_(13).view(1, 1, 3, 3);
        var inner = nn.functional.conv2d(x.view(-1, 1, height, width), kernel).view(x.shape[0], x.shape[1], height - 2, width - 2);
        result.narrow(2, 1, height - 2).narrow(3, 1, width - 2).copy_(inner);
        return result;
    }

    private static Tensor Posterize(Tensor x, List<float> bits)
    {
        var step = tensor(bits.Select(b => MathF.Pow(2, 8 - b)).ToArray(), ScalarType.Float32, x.device).view(-1, 1, 1, 1);
        return x.round().div_(step).floor_().mul_(step);
    }

    private static Tensor Solarize(Tensor x, Tensor threshold) => where(x.ge(threshold), x.neg().add_(255), x);

    private static Tensor AutoContrast(Tensor x)
    {
        var low = x.amin([-2, -1], keepdim: true);
        var range = x.amax([-2, -1], keepdim: true).sub_(low);
        var flat = range.eq(0);
        var scale = range.masked_fill(flat, 255).reciprocal_().mul_(255);
        return x.sub(low.masked_fill(flat, 0)).mul_(scale).clamp_(0, 255);
    }

    private static Tensor Equalize(Tensor x)
    {
        var pixels = x.shape[2] * x.shape[3];
        var levels = x.round().clamp_(0, 255).to(ScalarType.Int64).view(-1, pixels);
        var histogram = zeros([levels.shape[0], 256], ScalarType.Float64, x.device);
        histogram.scatter_add_(1, levels, ones_like(levels, ScalarType.Float64));
        var last = histogram.gather(1, levels.amax([1], keepdim: true));
        var step = last.neg().add_(pixels).div_(255).floor_();
        var even = step.eq(0);
        step.masked_fill_(even, 1);
        // The level before counts, so that the lowest one becomes 0; half a step rounds.
        var table = histogram.cumsum(1).sub_(histogram).add_(step.div(2).floor_()).div_(step).floor_().clamp_(0, 255);
        table.narrow(1, 0, 1).zero_();
        var result = table.to(ScalarType.Float32).gather(1, levels);
        return where(even, x.view(-1, pixels), result).view(x.shape);
    }

    private static Tensor Blur(Tensor x, List<float> sigmas)
    {
        var (count, channels, height, width) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3]);
        var radius = (int)Math.Min(Math.Ceiling(3 * sigmas.Max()), Math.Min(height, width) - 1);
        if (radius < 1)
            return x;
        var size = 2 * radius + 1;
        var kernels = new float[count * channels * size];
        for (var i = 0; i < count; i++)
        {
            var weights = Enumerable.Range(-radius, size).Select(d => Math.Exp(-d * d / (2.0 * sigmas[i] * sigmas[i]))).ToArray();
            var sum = weights.Sum();
            for (var k = 0; k < channels * size; k++)
                kernels[i * channels * size + k] = (float)(weights[k % size] / sum);
        }
        var kernel = tensor(kernels, ScalarType.Float32, x.device);
        var padded = nn.functional.pad(x, [radius, radius, radius, radius], PaddingModes.Reflect);
        var rows = padded.view(1, count * channels, height + 2 * radius, width + 2 * radius);
        var alongX = nn.functional.conv2d(rows, kernel.view(count * channels, 1, 1, size), groups: count * channels);
        var alongY = nn.functional.conv2d(alongX, kernel.view(count * channels, 1, size, 1), groups: count * channels);
        return alongY.view(count, channels, height, width);
    }
}
