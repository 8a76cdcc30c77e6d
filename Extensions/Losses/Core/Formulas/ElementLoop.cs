using System.Numerics;
using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>A formula over contiguous tensors on the CPU, a register at a time.</summary>
internal sealed unsafe class ElementLoop<T, TFormula>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
    where TFormula : struct, IElementFormula
{
    // How many numbers are added in the inputs' precision, and how many of an input of another type are turned into it at once.
    private const int BlockLength = 1 << 9;

    private readonly TFormula formula;
    private readonly Source[] inputs;
    private readonly TensorMemory<T>? values;
    private readonly TensorMemory<T>?[] slopes;
    private readonly bool wantsSlopes;

    /// <summary>Computes all elements, on several threads.</summary>
    /// <param name="formula">What is computed.</param>
    /// <param name="inputs">Of one shape and the type <typeparamref name="T"/>, or of whole numbers.</param>
    /// <param name="values">Where values are written; null: nowhere.</param>
    /// <param name="slopes">Where derivatives by each input are written; null: nowhere.</param>
    /// <param name="rows">How many rows the elements form.</param>
    /// <returns>The sums of values and of what counts, of each row.</returns>
    public static (double[] Values, double[] Counts) OverRows(
        TFormula formula,
        Tensor[] inputs,
        Tensor? values,
        Tensor?[] slopes,
        long rows
    )
    {
        Tensor[] read = [.. inputs.Select(PixelTargets.Readable)];
        var loop = new ElementLoop<T, TFormula>(formula, read, values, slopes);
        var length = read[0].numel() / Math.Max(1, rows);
        var runs = CpuWork.Runs(rows, length);
        var parts = new (double Values, double Counts)[runs.Length];
        CpuWork.For(
            runs.Length,
            r =>
            {
                var from = runs[r].Image * length + runs[r].From;
                parts[r] = loop.Run(from, from + runs[r].Length);
            }
        );
        GC.KeepAlive(read);
        GC.KeepAlive(values);
        GC.KeepAlive(slopes);
        var (sums, counts) = (new double[rows], new double[rows]);
        for (var r = 0; r < runs.Length; r++)
        {
            sums[runs[r].Image] += parts[r].Values;
            counts[runs[r].Image] += parts[r].Counts;
        }
        return (sums, counts);
    }

    /// <param name="formula">What is computed.</param>
    /// <param name="inputs">Of one shape, as <see cref="PixelTargets.Readable"/> makes them. All tensors must outlive this.</param>
    /// <param name="values">Where values are written; null: nowhere.</param>
    /// <param name="slopes">Where derivatives by each input are written; null: nowhere.</param>
    private ElementLoop(TFormula formula, Tensor[] inputs, Tensor? values, Tensor?[] slopes)
    {
        static TensorMemory<T>? Memory(Tensor? tensor) => tensor is null ? null : new TensorMemory<T>(tensor);
        this.formula = formula;
        this.inputs = [.. inputs.Select(input => new Source(input))];
        this.values = Memory(values);
        this.slopes = [.. slopes.Select(Memory)];
        wantsSlopes = slopes.Any(slope => slope is not null);
    }

    /// <summary>Computes the elements from a place up to another.</summary>
    /// <param name="from">The first.</param>
    /// <param name="to">The one behind the last.</param>
    /// <returns>The sums of values and of what counts.</returns>
    private (double Values, double Counts) Run(long from, long to)
    {
        var (count, width) = (inputs.Length, Vector<T>.Count);
        Span<LaneNumber<T>> numbers = stackalloc LaneNumber<T>[2 * count];
        var x = numbers[..count];
        var s = wantsSlopes ? numbers[count..] : [];
        var read = stackalloc T*[count];
        var written = stackalloc T*[count];
        var room = stackalloc T[BlockLength * inputs.Count(input => input.IsOfAnotherType)];
        var rest = stackalloc T[width];
        var evaluated = formula;
        var (sum, counts) = (0.0, 0.0);
        for (var at = from; at < to; at += BlockLength)
        {
            var length = (int)Math.Min(BlockLength, to - at);
            var free = room;
            for (var i = 0; i < count; i++)
            {
                read[i] = inputs[i].Read(at, length, ref free);
                written[i] = slopes[i] is { } slope ? slope.Address(at, length) : null;
            }
            var value = values is { } all ? all.Address(at, length) : null;
            var (lanes, counted) = (default(LaneNumber<T>), default(LaneNumber<T>));
            var k = 0;
            for (; k + width <= length; k += width)
            {
                for (var i = 0; i < x.Length; i++)
                    x[i] = new(Vector.Load(read[i] + k));
                var result = evaluated.Evaluate<LaneNumber<T>>(x, s, out var one);
                lanes += result;
                counted += one;
                if (value != null)
                    result.Lanes.Store(value + k);
                for (var i = 0; i < s.Length; i++)
                    if (written[i] != null)
                        s[i].Lanes.Store(written[i] + k);
            }
            sum += double.CreateTruncating(Vector.Sum(lanes.Lanes));
            counts += double.CreateTruncating(Vector.Sum(counted.Lanes));
            if (k == length)
                continue;
            // Fewer elements than a register holds: the first of them stands in for what is missing.
            for (var i = 0; i < x.Length; i++)
            {
                for (var lane = 0; lane < width; lane++)
                    rest[lane] = read[i][k + (k + lane < length ? lane : 0)];
                x[i] = new(Vector.Load(rest));
            }
            var last = evaluated.Evaluate<LaneNumber<T>>(x, s, out var ofLast);
            for (var lane = 0; k + lane < length; lane++)
            {
                sum += double.CreateTruncating(last.Lanes[lane]);
                counts += double.CreateTruncating(ofLast.Lanes[lane]);
                if (value != null)
                    value[k + lane] = last.Lanes[lane];
                for (var i = 0; i < s.Length; i++)
                    if (written[i] != null)
                        written[i][k + lane] = s[i].Lanes[lane];
            }
        }
        return (sum, counts);
    }

    /// <summary>An input, read as numbers of the formula's type.</summary>
    private readonly struct Source
    {
        private readonly TensorMemory<T> own;
        private readonly PixelTargets other;

        public Source(Tensor tensor)
        {
            IsOfAnotherType = tensor.dtype != (typeof(T) == typeof(double) ? ScalarType.Float64 : ScalarType.Float32);
            if (IsOfAnotherType)
                other = new(tensor);
            else
                own = new(tensor);
        }

        public bool IsOfAnotherType { get; }

        /// <summary>A run of numbers: where they lie, or turned into the room that is free.</summary>
        public T* Read(long at, int length, ref T* free)
        {
            if (!IsOfAnotherType)
                return own.Address(at, length);
            var result = free;
            free += BlockLength;
            other.CopyTo(at, new Span<T>(result, length));
            return result;
        }
    }
}
