using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using MLNetLosses.Data;
using MLNetLosses.Networks;
using TorchSharp;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace MLNetLosses;

/// <summary>
/// Makes classes and probabilities of the logits of an image, at another size where wanted: bilinear between pixel centres, as torch does with
/// <c>align_corners=False</c>. On the CPU row by row, without ever holding the enlarged logits, which for many classes are much larger than everything else.
/// </summary>
internal static class LogitReader
{
    /// <summary>
    /// Class indices [height, width], the first of equal ones; or for <see cref="SegmentationMode.Multilabel"/> layers [outputs, height, width] of 0 and 1.
    /// </summary>
    /// <param name="logits">[1, outputs, h, w].</param>
    /// <param name="mode">What the outputs mean.</param>
    /// <param name="width">The wanted width.</param>
    /// <param name="height">The wanted height.</param>
    public static byte[] Classes(Tensor logits, SegmentationMode mode, int width, int height)
    {
        var multilabel = mode == SegmentationMode.Multilabel;
        var result = GC.AllocateUninitializedArray<byte>((multilabel ? (int)logits.shape[1] : 1) * width * height);
        using var scope = NewDisposeScope();
        if (logits.device_type != DeviceType.CPU)
        {
            var sized = Resample.Bilinear(logits, height, width, alignCorners: false);
            var classes = mode == SegmentationMode.Multiclass ? sized.argmax(1) : sized.gt(0);
            classes.to(ScalarType.Byte).cpu().contiguous().bytes.CopyTo(result);
            return result;
        }
        Read(logits, 0, mode, new((int)logits.shape[2], height), new((int)logits.shape[3], width), (0, height), result);
        return result;
    }

    /// <summary>Makes some rows of what <see cref="Classes"/> gives, and of the probabilities.</summary>
    /// <param name="logits">[1, outputs, h, w] on the CPU: the rows of all logits that the wanted ones lie between.</param>
    /// <param name="firstRow">The first of them.</param>
    /// <param name="mode">What the outputs mean.</param>
    /// <param name="rows">From all rows of logits to those of the result.</param>
    /// <param name="columns">The same of columns.</param>
    /// <param name="wanted">The rows of the result that are made.</param>
    /// <param name="result">The whole result.</param>
    /// <param name="probabilities">[outputs, height, width]: softmax over the outputs, or a sigmoid of each; null: none.</param>
    public static void Read(
        Tensor logits,
        int firstRow,
        SegmentationMode mode,
        Axis rows,
        Axis columns,
        (int Start, int End) wanted,
        byte[] result,
        float[]? probabilities = null
    )
    {
        using var scope = NewDisposeScope();
        var multilabel = mode == SegmentationMode.Multilabel;
        var flat = logits.to(ScalarType.Float32).contiguous();
        var (outputs, h, w) = ((int)flat.shape[1], (int)flat.shape[2], (int)flat.shape[3]);
        var (width, height) = (columns.First.Length, rows.First.Length);
        Parallel.For(
            wanted.Start,
            wanted.End,
            () => new RowBuffers(w, width),
            (y, _, buffers) =>
            {
                var values = MemoryMarshal.Cast<byte, float>(flat.bytes);
                for (var output = 0; output < outputs; output++)
                {
                    var plane = values.Slice(output * h * w, h * w);
                    var line = Row(plane, w, firstRow, rows, y, columns, buffers);
                    if (probabilities is not null)
                        line.CopyTo(At(output, y));
                    if (multilabel)
                        Positive(line, result.AsSpan((output * height + y) * width, width));
                    else if (outputs == 1)
                        Positive(line, result.AsSpan(y * width, width));
                    else
                        Compare(line, output, buffers);
                }
                if (!multilabel && outputs > 1)
                    for (var x = 0; x < width; x++)
                        result[y * width + x] = (byte)buffers.Classes[x];
                if (probabilities is not null && mode == SegmentationMode.Multiclass)
                    Softmax(y, buffers);
                else if (probabilities is not null)
                    for (var output = 0; output < outputs; output++)
                        TensorPrimitives.Sigmoid(At(output, y), At(output, y));
                return buffers;
            },
            _ => { }
        );

        Span<float> At(int output, int y) => probabilities.AsSpan((output * height + y) * width, width);

        void Softmax(int y, RowBuffers buffers)
        {
            var sum = buffers.Line.AsSpan();
            sum.Clear();
            for (var output = 0; output < outputs; output++)
            {
                var line = At(output, y);
                TensorPrimitives.Subtract(line, buffers.Best, line);
                TensorPrimitives.Exp(line, line);
                TensorPrimitives.Add(sum, line, sum);
            }
            for (var output = 0; output < outputs; output++)
                TensorPrimitives.Divide(At(output, y), sum, At(output, y));
        }
    }

    /// <summary>A row of a plane at the wanted size.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static ReadOnlySpan<float> Row(
        ReadOnlySpan<float> plane,
        int w,
        int firstRow,
        Axis rows,
        int y,
        Axis columns,
        RowBuffers buffers
    )
    {
        var upper = plane.Slice((rows.First[y] - firstRow) * w, w);
        if (!rows.IsIdentity)
        {
            var lower = plane.Slice((rows.Second[y] - firstRow) * w, w);
            var share = new Vector<float>(rows.Share[y]);
            var between = buffers.Between.AsSpan(0, w);
            var x = 0;
            for (; x <= w - Vector<float>.Count; x += Vector<float>.Count)
            {
                var a = new Vector<float>(upper[x..]);
                (a + (new Vector<float>(lower[x..]) - a) * share).CopyTo(between[x..]);
            }
            for (; x < w; x++)
                between[x] = upper[x] + (lower[x] - upper[x]) * rows.Share[y];
            upper = between;
        }
        if (columns.IsIdentity)
            return upper;
        var line = buffers.Line.AsSpan();
        var (first, second, shares) = (columns.First, columns.Second, columns.Share);
        for (var x = 0; x < line.Length; x++)
        {
            var a = upper[first[x]];
            line[x] = a + (upper[second[x]] - a) * shares[x];
        }
        return line;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Compare(ReadOnlySpan<float> line, int output, RowBuffers buffers)
    {
        var best = buffers.Best.AsSpan(0, line.Length);
        var classes = buffers.Classes.AsSpan(0, line.Length);
        if (output == 0)
        {
            line.CopyTo(best);
            classes.Clear();
            return;
        }
        var own = new Vector<int>(output);
        var x = 0;
        for (; x <= line.Length - Vector<float>.Count; x += Vector<float>.Count)
        {
            var (value, before) = (new Vector<float>(line[x..]), new Vector<float>(best[x..]));
            var higher = Vector.GreaterThan(value, before);
            Vector.ConditionalSelect(higher, value, before).CopyTo(best[x..]);
            Vector.ConditionalSelect(higher, own, new Vector<int>(classes[x..])).CopyTo(classes[x..]);
        }
        for (; x < line.Length; x++)
            if (line[x] > best[x])
                (best[x], classes[x]) = (line[x], output);
    }

    private static void Positive(ReadOnlySpan<float> line, Span<byte> target)
    {
        for (var x = 0; x < target.Length; x++)
            target[x] = line[x] > 0 ? (byte)1 : (byte)0;
    }

    private sealed class RowBuffers(int sourceWidth, int width)
    {
        public readonly float[] Between = new float[sourceWidth];
        public readonly float[] Line = new float[width];
        public readonly float[] Best = new float[width];
        public readonly int[] Classes = new int[width];
    }

    /// <summary>For each position of an axis, the two source positions that it lies between, and the share of the second.</summary>
    internal sealed class Axis
    {
        public Axis(int source, int target)
        {
            IsIdentity = source == target;
            (First, Second, Share) = (new int[target], new int[target], new float[target]);
            var scale = (double)source / target;
            for (var i = 0; i < target; i++)
            {
                var place = IsIdentity ? i : Math.Max(0, (i + 0.5) * scale - 0.5);
                First[i] = Math.Min((int)place, source - 1);
                Second[i] = Math.Min(First[i] + 1, source - 1);
                Share[i] = (float)(place - First[i]);
            }
        }

        public bool IsIdentity { get; }

        public int[] First { get; }

        public int[] Second { get; }

        public float[] Share { get; }
    }
}
