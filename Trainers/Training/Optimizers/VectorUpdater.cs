using System.Numerics;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Training;

/// <summary>
/// A step as one pass over memory with vector instructions, without temporary tensors, on several cores where there are many weights. Every
/// number is computed by itself, so the result does not depend on the number of cores. Measured on the 11.2 million weights of ResNet18 (62
/// tensors), one thread of a 2-core EPYC machine, least processor time of 12 steps: AdamW 8 ms, TorchSharp's own loop of operations 29 ms,
/// the same operations on one flat tensor 27 ms; SGD with Nesterov momentum 6, 17 and 19 ms.
/// </summary>
internal sealed unsafe class VectorUpdater<T> : ParameterUpdater
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>A few hundred kilobytes in all: enough work for a core, little enough to share out evenly.</summary>
    private const int ChunkLength = 1 << 15;

    /// <summary>Below this, waking other cores costs more than they save.</summary>
    private const int ChunksWorthSharing = 16;

    private readonly (int Segment, nint Start, int Count)[] chunks;
    private readonly double[] sums;
    private readonly T* weights;
    private readonly T*[] slots;
    private readonly T*[] pointers;
    private readonly Tensor?[] lines;

    public VectorUpdater(Optimizer optimizer, WeightArena arena, Gradients gradients)
        : base(optimizer, arena, gradients)
    {
        chunks = [.. gradients.Segments.SelectMany((segment, index) => Split(index, segment.Count))];
        sums = new double[chunks.Length];
        weights = Pointer(arena.Weights);
        slots = new T*[Slots.Length];
        for (var i = 0; i < slots.Length; i++)
            slots[i] = Pointer(Slots[i]);
        pointers = new T*[gradients.Segments.Count];
        lines = new Tensor?[pointers.Length];
    }

    public override double Norm()
    {
        using var scope = Read();
        return ReadNorm();
    }

    public override void Step(double rate, in GradientTreatment treatment)
    {
        using var scope = Read();
        var scale = treatment.Scale;
        if (treatment.ClipNorm is not null)
            scale *= Clipped(ReadNorm() * treatment.Scale, treatment.ClipNorm);
        var factors = new StepFactors[pointers.Length];
        for (var i = 0; i < factors.Length; i++)
            factors[i] = Factors(i, rate, scale, treatment.ClipValue ?? double.PositiveInfinity);
        ForEachChunk(chunk => Update(chunks[chunk], factors[chunks[chunk].Segment]));
        for (var i = 0; i < lines.Length; i++)
            if (lines[i] is not null)
                Updates[i]++;
        GC.KeepAlive(lines);
    }

    private DisposeScope Read()
    {
        var scope = NewDisposeScope();
        using var frozen = no_grad();
        for (var i = 0; i < lines.Length; i++)
        {
            lines[i] = Gradients.Line(i);
            pointers[i] = lines[i] is { } line ? Pointer(line) : null;
        }
        return scope;
    }

    private double ReadNorm()
    {
        ForEachChunk(chunk =>
        {
            var (segment, start, count) = chunks[chunk];
            sums[chunk] = pointers[segment] == null ? 0 : SumOfSquares(pointers[segment] + start, count);
        });
        return Math.Sqrt(sums.Sum());
    }

    private void Update((int Segment, nint Start, int Count) chunk, in StepFactors factors)
    {
        if (pointers[chunk.Segment] == null)
            return;
        var gradient = pointers[chunk.Segment] + chunk.Start;
        var place = (nint)Gradients.Segments[chunk.Segment].Start + chunk.Start;
        var whole = chunk.Count / Vector<T>.Count * Vector<T>.Count;
        Apply(place, gradient, whole, factors);
        if (whole == chunk.Count)
            return;
        // Weights and state are padded to whole vectors; gradients belong to autograd and are not.
        var tail = stackalloc T[Vector<T>.Count];
        new Span<T>(tail, Vector<T>.Count).Clear();
        new Span<T>(gradient + whole, chunk.Count - whole).CopyTo(new Span<T>(tail, Vector<T>.Count));
        Apply(place + whole, tail, Vector<T>.Count, factors);
    }

    private void Apply(nint place, T* gradient, int count, in StepFactors factors)
    {
        var state = stackalloc T*[Math.Max(slots.Length, 1)];
        for (var i = 0; i < slots.Length; i++)
            state[i] = slots[i] + place;
        Rule.Apply(weights + place, gradient, state, count, factors);
    }

    private static double SumOfSquares(T* values, int count)
    {
        const int block = 2048; // short enough for the digits of single precision
        var sum = 0.0;
        var i = 0;
        for (; i + Vector<T>.Count <= count; )
        {
            var part = Vector<T>.Zero;
            for (var end = Math.Min(i + block, count); i + Vector<T>.Count <= end; i += Vector<T>.Count)
            {
                var v = Vector.Load(values + i);
                part += v * v;
            }
            sum += double.CreateChecked(Vector.Sum(part));
        }
        for (; i < count; i++)
        {
            var v = double.CreateChecked(values[i]);
            sum += v * v;
        }
        return sum;
    }

    private void ForEachChunk(Action<int> work)
    {
        var workers = Math.Min(get_num_threads(), chunks.Length / ChunksWorthSharing);
        if (workers < 2)
        {
            for (var chunk = 0; chunk < chunks.Length; chunk++)
                work(chunk);
            return;
        }
        CpuWork.For(
            workers,
            worker =>
            {
                var end = (int)((long)chunks.Length * (worker + 1) / workers);
                for (var chunk = (int)((long)chunks.Length * worker / workers); chunk < end; chunk++)
                    work(chunk);
            }
        );
    }

    private static IEnumerable<(int Segment, nint Start, int Count)> Split(int segment, long count)
    {
        for (var start = 0L; start < count; start += ChunkLength)
            yield return (segment, (nint)start, (int)Math.Min(ChunkLength, count - start));
    }

    // One element's bytes: the span of a whole tensor cannot be longer than 2 GiB.
    private static T* Pointer(Tensor tensor)
    {
        if (tensor.numel() == 0)
            return null;
        using var first = tensor.narrow(0, 0, 1);
        fixed (byte* start = first.bytes)
            return (T*)start;
    }
}
