using System.Buffers;
using System.Numerics;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace MLNetLosses.Losses;

/// <summary>The soft skeleton of <see cref="SoftSkeleton"/> and its gradient, of one image at a time, in memory that is used again.</summary>
internal sealed class PlaneSkeleton<T> : IDisposable
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly int iterations;
    private readonly int pixels;
    private readonly int[] shape;
    private readonly T[][] memory;

    /// <param name="shape">One to three axes.</param>
    /// <param name="iterations">How often the mask is eroded.</param>
    public PlaneSkeleton(int[] shape, int iterations)
    {
        this.iterations = iterations;
        this.shape = [.. Enumerable.Repeat(1, 3 - shape.Length), .. shape];
        pixels = checked(this.shape[0] * this.shape[1] * this.shape[2]);
        memory = [.. Enumerable.Range(0, checked(2 * iterations + 7)).Select(_ => ArrayPool<T>.Shared.Rent(pixels))];
    }

    public void Dispose()
    {
        foreach (var plane in memory)
            ArrayPool<T>.Shared.Return(plane);
    }

    // The mask eroded 0, 1, ... Iterations + 1 times; the skeleton after each level but the last; room.
    private Span<T> Level(int i) => Plane(i);

    private Span<T> Skeleton(int i) => Plane(iterations + 2 + i);

    private Span<T> Room(int i) => Plane(2 * iterations + 3 + i);

    private Span<T> Plane(int i) => memory[i].AsSpan(0, pixels);

    /// <summary>Where the caller writes the mask.</summary>
    public Span<T> Mask => Level(0);

    /// <summary>The skeleton of the mask, valid until the next one's.</summary>
    public ReadOnlySpan<T> Forward()
    {
        var (ridge, more) = (1, 2);
        for (var i = 0; i <= iterations; i++)
        {
            Erode(Level(i), Level(i + 1));
            Dilate(Level(i + 1), Room(ridge), Room(more));
            TensorPrimitives.Subtract(Level(i), Room(ridge), Room(ridge));
            TensorPrimitives.Max(Room(ridge), T.Zero, Room(ridge));
            if (i == 0)
            {
                Room(ridge).CopyTo(Skeleton(0));
                continue;
            }
            TensorPrimitives.Multiply(Skeleton(i - 1), Room(ridge), Room(more));
            TensorPrimitives.Subtract(Room(ridge), Room(more), Room(more));
            TensorPrimitives.Max(Room(more), T.Zero, Room(more));
            TensorPrimitives.Add(Skeleton(i - 1), Room(more), Skeleton(i));
        }
        return Skeleton(iterations);
    }

    /// <summary>After <see cref="Forward"/>: from the gradient of the skeleton, which is overwritten, that of the mask.</summary>
    public void Backward(Span<T> ofSkeleton, Span<T> ofMask)
    {
        var (ofNext, ofLevel) = (2, 3);
        Room(ofNext).Clear();
        for (var i = iterations; i >= 0; i--)
        {
            var opened = Room(0);
            var slopes = Room(ofLevel);
            var next = Room(ofNext);
            Dilate(Level(i + 1), opened, Room(1));
            Ridges(i, opened, ofSkeleton, slopes);
            for (var at = 0; at < pixels; at++)
                if (slopes[at] != T.Zero)
                    next[Largest(Level(i + 1), opened[at], at)] -= slopes[at];
            for (var at = 0; at < pixels; at++)
                if (next[at] != T.Zero)
                    slopes[Smallest(Level(i), Level(i + 1)[at], at)] += next[at];
            (ofNext, ofLevel) = (ofLevel, ofNext);
        }
        Room(ofNext).CopyTo(ofMask);
    }

    // From the gradient of skeleton i those of skeleton i - 1, in its place, and of the ridges of level i.
    private void Ridges(int i, ReadOnlySpan<T> opened, Span<T> ofSkeleton, Span<T> ofRidge)
    {
        ReadOnlySpan<T> level = Level(i),
            before = i > 0 ? Skeleton(i - 1) : default;
        for (var at = 0; at < pixels; at++)
        {
            var ridge = level[at] - opened[at];
            ofRidge[at] = T.Zero;
            if (!(ridge > T.Zero))
                continue;
            if (i == 0)
                ofRidge[at] = ofSkeleton[at];
            else if (ridge - before[at] * ridge > T.Zero)
            {
                ofRidge[at] = ofSkeleton[at] * (T.One - before[at]);
                ofSkeleton[at] *= T.One - ridge;
            }
        }
    }

    private void Erode(ReadOnlySpan<T> from, Span<T> to)
    {
        from.CopyTo(to);
        for (var axis = 0; axis < 3; axis++)
            foreach (var (start, length, apart) in Lines(axis))
            {
                TensorPrimitives.Min(to.Slice(start, length), from.Slice(start + apart, length), to.Slice(start, length));
                TensorPrimitives.Min(to.Slice(start + apart, length), from.Slice(start, length), to.Slice(start + apart, length));
            }
    }

    private void Dilate(ReadOnlySpan<T> from, Span<T> to, Span<T> room)
    {
        from.CopyTo(to);
        for (var axis = 0; axis < 3; axis++)
        {
            if (shape[axis] == 1)
                continue;
            to.CopyTo(room);
            foreach (var (start, length, apart) in Lines(axis))
            {
                TensorPrimitives.Max(to.Slice(start, length), room.Slice(start + apart, length), to.Slice(start, length));
                TensorPrimitives.Max(to.Slice(start + apart, length), room.Slice(start, length), to.Slice(start + apart, length));
            }
        }
    }

    // Runs of pixels that have a neighbour a distance apart.
    private IEnumerable<(int Start, int Length, int Apart)> Lines(int axis)
    {
        var apart = axis == 2 ? 1 : shape[2] * (axis == 0 ? shape[1] : 1);
        var whole = shape[axis] * apart;
        for (var start = 0; whole > apart && start < pixels; start += whole)
            yield return (start, whole - apart, apart);
    }

    // The pixel of the 3 x 3 x 3 neighbourhood that has the largest value.
    private int Largest(ReadOnlySpan<T> values, T largest, int at)
    {
        var (x, y, z) = (at % shape[2], at / shape[2] % shape[1], at / (shape[2] * shape[1]));
        for (var k = Math.Max(0, z - 1); k <= Math.Min(shape[0] - 1, z + 1); k++)
        for (var j = Math.Max(0, y - 1); j <= Math.Min(shape[1] - 1, y + 1); j++)
        for (var i = Math.Max(0, x - 1); i <= Math.Min(shape[2] - 1, x + 1); i++)
            if (values[(k * shape[1] + j) * shape[2] + i] == largest)
                return (k * shape[1] + j) * shape[2] + i;
        return at;
    }

    // The pixel among it and its neighbours along the axes that has the smallest value.
    private int Smallest(ReadOnlySpan<T> values, T smallest, int at)
    {
        if (values[at] == smallest)
            return at;
        for (var (axis, apart) = (2, 1); axis >= 0; apart *= shape[axis], axis--)
        {
            var place = at / apart % shape[axis];
            if (place > 0 && values[at - apart] == smallest)
                return at - apart;
            if (place < shape[axis] - 1 && values[at + apart] == smallest)
                return at + apart;
        }
        return at;
    }
}
