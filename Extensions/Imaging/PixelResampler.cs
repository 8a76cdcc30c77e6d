using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MLNetLosses.Data;

/// <summary>A decoded image in memory: 4 bytes a pixel, colour premultiplied with alpha.</summary>
/// <param name="Width">Pixels in a row.</param>
/// <param name="Height">Rows.</param>
/// <param name="RedFirst">Red, green, blue, alpha; otherwise blue, green, red, alpha.</param>
/// <param name="Opaque">Alpha is 255 everywhere and need not be looked at.</param>
internal readonly record struct PixelFormat32(int Width, int Height, bool RedFirst, bool Opaque)
{
    public int Stride => Width * 4;
}

/// <summary>Resizes 4-byte pixels to the planes (channel, row, column) that a network reads, in one pass over the source.</summary>
internal static class PixelResampler
{
    [ThreadStatic]
    private static ResampleWeights? _x;

    [ThreadStatic]
    private static ResampleWeights? _y;

    /// <summary>Fills <paramref name="planes"/>, [channels, height, width], from <paramref name="source"/> as <paramref name="preprocessing"/> says.</summary>
    public static void Resample(ReadOnlySpan<byte> source, PixelFormat32 format, ImagePreprocessing preprocessing, Span<byte> planes)
    {
        var plan = ResizePlan.For(format.Width, format.Height, preprocessing);
        var writer = new PlaneWriter(planes, preprocessing, format);
        if (plan.X.IsIdentity && plan.Y.IsIdentity)
        {
            writer.Copy(source);
            return;
        }
        if (plan.X.Count < plan.X.Target || plan.Y.Count < plan.Y.Target)
            writer.Fill(preprocessing.PadColor);
        var x = _x = _x is { } lastX && lastX.Axis == plan.X ? lastX : new ResampleWeights(plan.X);
        var y = _y = _y is { } lastY && lastY.Axis == plan.Y ? lastY : new ResampleWeights(plan.Y);
        Resample(source, format, x, y, ref writer);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Resample(
        ReadOnlySpan<byte> source,
        PixelFormat32 format,
        ResampleWeights x,
        ResampleWeights y,
        ref PlaneWriter writer
    )
    {
        // Down the columns first: it runs over whole rows with vectors and leaves few rows for the scattered sums along x.
        var (from, to) = x.Extent;
        var line = ArrayPool<float>.Shared.Rent((to - from) * 4);
        var sums = line.AsSpan(0, (to - from) * 4);
        ref var pixels = ref MemoryMarshal.GetReference(sums);
        for (var row = 0; row < y.Axis.Count; row++)
        {
            var first = y.First[row];
            var taps = Math.Min(y.Taps, format.Height - first);
            var rows = source[(first * format.Stride + from * 4)..];
            ByteVectors.SumRows(rows, format.Stride, y.Single.AsSpan(row * y.Taps, taps), sums);
            for (var column = 0; column < x.Axis.Count; column++)
            {
                var at = x.First[column];
                var count = Math.Min(x.Taps, format.Width - at);
                var weights = x.Single.AsSpan(column * x.Taps, count);
                var sum = Vector128<float>.Zero;
                for (var k = 0; k < weights.Length; k++)
                {
                    var pixel = Vector128.LoadUnsafe(ref pixels, (nuint)((at - from + k) * 4));
                    sum = Vector128.FusedMultiplyAdd(pixel, Vector128.Create(weights[k]), sum);
                }
                writer.Write(x.Axis.Start + column, y.Axis.Start + row, sum);
            }
        }
        ArrayPool<float>.Shared.Return(line);
    }
}
