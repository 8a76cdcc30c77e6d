using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>
/// Batch normalisation by the batch's own statistics, ReLU and the maximum over 3x3 pixels with stride 2, as one operation: what ends the stem of a ResNet, whose maps are the
/// largest of the network. Only its input is kept for the gradient, and the place of each maximum in a byte; one operation after another keeps and makes several maps of
/// that size, and places of eight bytes. Equal to it but for rounding.
/// </summary>
internal sealed unsafe class NormalizedPooling : autograd.SingleTensorFunction<NormalizedPooling>
{
    private const int Window = 3;
    private const byte NoPlace = 255; // below 0: the ReLU lets nothing through
    private const int RowsPerJob = 4;
    private static readonly int Block = Vector512<byte>.Count;

    public override string Name => nameof(NormalizedPooling);

    /// <summary>Whether a map can be worked on: single precision on the CPU with the channels of a pixel beside one another, in blocks of 64.</summary>
    public static bool Suits(Tensor map) =>
        map.shape is [> 0, var channels, > 0 and var height, > 0 and var width]
        && channels % Block == 0
        && map.dtype == ScalarType.Float32
        && map.device_type == DeviceType.CPU
        && map.stride().AsSpan().SequenceEqual([height * width * channels, 1, width * channels, channels]);

    /// <summary>From maps [N, C, H, W] to maps [N, C, (H + 1) / 2, (W + 1) / 2].</summary>
    /// <param name="map">The map, as <see cref="Suits"/> wants it, of more than one value a channel.</param>
    /// <param name="weight">[C].</param>
    /// <param name="bias">[C].</param>
    /// <param name="statistics">[2, C]: receives each channel's mean and biased variance.</param>
    /// <param name="eps">Added to the variance.</param>
    public static Tensor Of(Tensor map, Tensor weight, Tensor bias, Tensor statistics, double eps)
    {
        using var scope = NewDisposeScope(); // TorchSharp makes an unused tensor of the size of the result
        return scope.MoveToOuter(apply(map, weight, bias, statistics, eps));
    }

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        using var scope = NewDisposeScope();
        var (map, weight, bias, statistics) = ((Tensor)vars[0], (Tensor)vars[1], (Tensor)vars[2], (Tensor)vars[3]);
        var eps = (double)vars[4];
        var pixels = new Pixels(map);
        Measure(pixels, statistics);
        var scale = weight / (statistics[1] + eps).sqrt();
        var shift = bias - statistics[0] * scale;
        var result = ChannelOrder.Empty(pixels.Images, pixels.Channels, pixels.PooledHeight, pixels.PooledWidth);
        var places = empty([result.numel()], ScalarType.Byte);
        Pool(pixels, scale, shift, result, places);
        // Saved when this has returned: until then they live in the scope of the call.
        ctx.save_for_backward([map, weight, bias, statistics.clone().MoveToOuterDisposeScope(), places.MoveToOuterDisposeScope()]);
        ctx.save_data(nameof(eps), eps);
        return result.MoveToOuterDisposeScope();
    }

    // An exception here would end the process: it would have to pass through native code.
    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using var scope = NewDisposeScope();
        var saved = ctx.get_saved_variables();
        var (map, weight, bias, statistics, places) = (saved[0], saved[1], saved[2], saved[3], saved[4]);
        var eps = (double)ctx.get_data("eps");
        Tensor?[] gradients = is_grad_enabled() // then it will itself be differentiated
            ? Differentiable(map, weight, bias, eps, grad_output)
            : Fast(map, weight, statistics, places, eps, grad_output);
        foreach (var gradient in gradients)
            gradient?.MoveToOuterDisposeScope();
        FinalBackward.Free(ctx);
        return [gradients[0]!, gradients[1]!, gradients[2]!, null!, null!];
    }

    private static Tensor?[] Differentiable(Tensor map, Tensor weight, Tensor bias, double eps, Tensor outer)
    {
        var normalized = nn.functional.batch_norm(map, null, null, weight, bias, training: true, eps: eps);
        var value = nn.functional.max_pool2d(normalized.relu(), [Window, Window], [2, 2], [1, 1]);
        Tensor[] all = [map, weight, bias];
        var found = new Queue<Tensor>(
            autograd.grad([value], [.. all.Where(t => t.requires_grad)], [outer], retain_graph: true, create_graph: true)
        );
        return [.. all.Select(t => t.requires_grad ? found.Dequeue() : null)];
    }

    private static Tensor?[] Fast(Tensor map, Tensor weight, Tensor statistics, Tensor places, double eps, Tensor outer)
    {
        var pixels = new Pixels(map);
        var gathered = new Gathering(pixels, ChannelOrder.Last(outer), places);
        var deviation = (statistics[1] + eps).sqrt();
        var sums = zeros([2, pixels.Channels], ScalarType.Float64);
        Sum(pixels, gathered, statistics, sums);
        var (slope, product) = (sums[0].to(ScalarType.Float32), (sums[1] / deviation).to(ScalarType.Float32));
        Tensor? gradient = null;
        if (map.requires_grad)
        {
            // scale (g - mean g - x^ mean (g x^)), as factors of g, of the input, and a rest.
            var (scale, count) = (weight / deviation, (double)pixels.Count);
            var factor = -scale * product / count / deviation;
            var rest = -scale * slope / count - factor * statistics[0];
            gradient = ChannelOrder.Empty(pixels.Images, pixels.Channels, pixels.Height, pixels.Width);
            Spread(pixels, gathered, scale, factor, rest, gradient);
        }
        return [gradient, weight.requires_grad ? product : null, slope];
    }

    // Mean, then the mean of squared differences from it.
    private static void Measure(Pixels pixels, Tensor statistics)
    {
        using var scope = NewDisposeScope();
        statistics.zero_();
        for (var moment = 0; moment < 2; moment++)
        {
            var sums = zeros([pixels.Channels], ScalarType.Float64);
            var mean = First<float>(statistics);
            var isSecond = moment == 1;
            pixels.AddUp(
                sums,
                (row, total) =>
                {
                    var source = pixels.Row(row);
                    for (var c = 0; c < pixels.Channels; c += Vector512<float>.Count)
                    {
                        var center = isSecond ? Vector512.Load(mean + c) : default;
                        var sum = Vector512<float>.Zero;
                        for (var x = 0; x < pixels.Width; x++)
                        {
                            var value = Vector512.Load(source + (long)x * pixels.Channels + c) - center;
                            sum += isSecond ? value * value : value;
                        }
                        Add(sum, total + c);
                    }
                }
            );
            statistics[moment].copy_(sums / pixels.Count);
        }
    }

    private static void Pool(Pixels pixels, Tensor scale, Tensor shift, Tensor result, Tensor places)
    {
        var a = First<float>(scale);
        var b = First<float>(shift);
        var target = First<float>(result);
        var place = First<byte>(places);
        var lanes = Vector512<float>.Count;
        CpuWork.For(
            pixels.Images * pixels.PooledHeight,
            job =>
            {
                var (image, y) = Math.DivRem(job, pixels.PooledHeight);
                var found = stackalloc Vector512<int>[4];
                for (var x = 0; x < pixels.PooledWidth; x++)
                {
                    var at = ((long)job * pixels.PooledWidth + x) * pixels.Channels;
                    for (var block = 0; block < pixels.Channels; block += Block)
                    {
                        for (var part = 0; part < 4; part++)
                        {
                            var c = block + part * lanes;
                            var (factor, offset) = (Vector512.Load(a + c), Vector512.Load(b + c));
                            var best = Vector512.Create(float.NegativeInfinity);
                            var bestPlace = Vector512<int>.Zero;
                            for (var k = 0; k < Window * Window; k++)
                            {
                                var (row, column) = (2 * y - 1 + k / Window, 2 * x - 1 + k % Window);
                                if ((uint)row >= (uint)pixels.Height || (uint)column >= (uint)pixels.Width)
                                    continue;
                                var value = Vector512.Load(pixels.At(image, row, column) + c) * factor + offset;
                                var isBetter = ~Vector512.LessThanOrEqual(value, best); // also what is no number
                                best = Vector512.ConditionalSelect(isBetter, value, best);
                                bestPlace = Vector512.ConditionalSelect(isBetter.AsInt32(), Vector512.Create(k), bestPlace);
                            }
                            var isCut = Vector512.LessThanOrEqual(best, Vector512<float>.Zero);
                            Vector512.Store(Vector512.ConditionalSelect(isCut, Vector512<float>.Zero, best), target + at + c);
                            found[part] = Vector512.ConditionalSelect(isCut.AsInt32(), Vector512.Create((int)NoPlace), bestPlace);
                        }
                        var low = Vector512.Narrow(found[0].AsUInt32(), found[1].AsUInt32());
                        var high = Vector512.Narrow(found[2].AsUInt32(), found[3].AsUInt32());
                        Vector512.Store(Vector512.Narrow(low, high), place + at + block);
                    }
                }
            }
        );
    }

    // For each channel the sum of the gradients at the normalised map, and that of their products with the input's distance from its mean.
    private static void Sum(Pixels pixels, Gathering gathered, Tensor statistics, Tensor sums)
    {
        var mean = First<float>(statistics);
        pixels.AddUp(
            sums,
            (row, total) =>
            {
                var source = pixels.Row(row);
                var slopes = stackalloc Vector512<float>[4];
                var added = stackalloc Vector512<float>[8];
                for (var block = 0; block < pixels.Channels; block += Block)
                {
                    for (var i = 0; i < 8; i++)
                        added[i] = default;
                    for (var x = 0; x < pixels.Width; x++)
                    {
                        gathered.Load(row, x, block, slopes);
                        for (var part = 0; part < 4; part++)
                        {
                            var c = block + part * Vector512<float>.Count;
                            var distance = Vector512.Load(source + (long)x * pixels.Channels + c) - Vector512.Load(mean + c);
                            added[part] += slopes[part];
                            added[4 + part] += slopes[part] * distance;
                        }
                    }
                    for (var part = 0; part < 4; part++)
                    {
                        Add(added[part], total + block + part * Vector512<float>.Count);
                        Add(added[4 + part], total + pixels.Channels + block + part * Vector512<float>.Count);
                    }
                }
            }
        );
    }

    private static void Spread(Pixels pixels, Gathering gathered, Tensor scale, Tensor factor, Tensor rest, Tensor gradient)
    {
        var a = First<float>(scale);
        var b = First<float>(factor);
        var d = First<float>(rest);
        var target = First<float>(gradient);
        CpuWork.For(
            pixels.Rows,
            row =>
            {
                var source = pixels.Row(row);
                var slopes = stackalloc Vector512<float>[4];
                for (var x = 0; x < pixels.Width; x++)
                for (var block = 0; block < pixels.Channels; block += Block)
                {
                    gathered.Load(row, x, block, slopes);
                    for (var part = 0; part < 4; part++)
                    {
                        var c = block + part * Vector512<float>.Count;
                        var at = (long)x * pixels.Channels + c;
                        var value = Vector512.Load(a + c) * slopes[part] + Vector512.Load(b + c) * Vector512.Load(source + at);
                        Vector512.Store(value + Vector512.Load(d + c), target + (long)row * pixels.Width * pixels.Channels + at);
                    }
                }
            }
        );
    }

    private static void Add(Vector512<float> values, double* sums)
    {
        var (low, high) = Vector512.Widen(values);
        Vector512.Store(Vector512.Load(sums) + low, sums);
        Vector512.Store(Vector512.Load(sums + Vector512<double>.Count) + high, sums + Vector512<double>.Count);
    }

    // The tensor outlives its use here.
    private static T* First<T>(Tensor tensor)
        where T : unmanaged
    {
        using var flat = tensor.as_strided([1], [1], tensor.storage_offset());
        return (T*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(flat.bytes));
    }

    /// <summary>A map's numbers, pixel by pixel.</summary>
    private sealed class Pixels(Tensor map)
    {
        private readonly float* first = First<float>(map);

        public int Images { get; } = (int)map.shape[0];
        public int Channels { get; } = (int)map.shape[1];
        public int Height { get; } = (int)map.shape[2];
        public int Width { get; } = (int)map.shape[3];
        public int PooledHeight => (Height + 1) / 2;
        public int PooledWidth => (Width + 1) / 2;
        public int Rows => Images * Height;
        public long Count => (long)Rows * Width;

        public float* Row(int row) => first + (long)row * Width * Channels;

        public float* At(int image, int y, int x) => first + (((long)image * Height + y) * Width + x) * Channels;

        /// <summary>Adds what each row gives to sums of double precision, in an order that does not depend on the number of threads.</summary>
        public void AddUp(Tensor sums, RowSums add)
        {
            using var scope = NewDisposeScope();
            var jobs = (Rows + RowsPerJob - 1) / RowsPerJob;
            var parts = zeros([jobs, sums.numel()], ScalarType.Float64);
            var part = First<double>(parts);
            var length = sums.numel();
            CpuWork.For(
                jobs,
                job =>
                {
                    for (var row = job * RowsPerJob; row < Math.Min(Rows, (job + 1) * RowsPerJob); row++)
                        add(row, part + job * length);
                }
            );
            sums.copy_(parts.sum([0]).view(sums.shape));
        }
    }

    private delegate void RowSums(int row, double* total);

    /// <summary>The gradient at the normalised map, pixel by pixel: the sum over the windows that have their maximum there.</summary>
    private sealed class Gathering(Pixels pixels, Tensor outer, Tensor places)
    {
        private readonly float* slopes = First<float>(outer);
        private readonly byte* place = First<byte>(places);

        /// <summary>A block of channels of a pixel.</summary>
        public void Load(int row, int x, int block, Vector512<float>* result)
        {
            for (var part = 0; part < 4; part++)
                result[part] = default;
            var (image, y) = Math.DivRem(row, pixels.Height);
            for (var windowY = y / 2; windowY <= Math.Min((y + 1) / 2, pixels.PooledHeight - 1); windowY++)
            for (var windowX = x / 2; windowX <= Math.Min((x + 1) / 2, pixels.PooledWidth - 1); windowX++)
            {
                var here = (y - 2 * windowY + 1) * Window + x - 2 * windowX + 1;
                var at = (((long)image * pixels.PooledHeight + windowY) * pixels.PooledWidth + windowX) * pixels.Channels + block;
                var isHere = Vector512.Equals(Vector512.Load(place + at), Vector512.Create((byte)here)).AsSByte();
                if (isHere == Vector512<sbyte>.Zero)
                    continue;
                var (low, high) = Vector512.Widen(isHere);
                var (first, second) = Vector512.Widen(low);
                var (third, fourth) = Vector512.Widen(high);
                result[0] += Vector512.Load(slopes + at) & first.AsSingle();
                result[1] += Vector512.Load(slopes + at + 16) & second.AsSingle();
                result[2] += Vector512.Load(slopes + at + 32) & third.AsSingle();
                result[3] += Vector512.Load(slopes + at + 48) & fourth.AsSingle();
            }
        }
    }
}
