using System.Numerics;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace MLNetLosses.Losses;

/// <summary>
/// Class indices or labels on the CPU in the type in which they were given: labels of many channels as int64 would take twice the room of the logits.
/// </summary>
internal readonly struct PixelTargets
{
    [ThreadStatic]
    private static long[]? room;

    private readonly ScalarType type;
    private readonly TensorMemory<byte> bytes;
    private readonly TensorMemory<long> longs;
    private readonly TensorMemory<float> floats;
    private readonly TensorMemory<double> doubles;

    /// <param name="targets">As <see cref="Readable"/> makes them; they must outlive this.</param>
    public PixelTargets(Tensor targets)
    {
        type = targets.dtype;
        (bytes, longs, floats, doubles) = type switch
        {
            ScalarType.Byte or ScalarType.Bool => (new(targets), default, default, default),
            ScalarType.Float32 => (default, default, new(targets), default),
            ScalarType.Float64 => (default, default, default, new(targets)),
            _ => (
                default(TensorMemory<byte>),
                new TensorMemory<long>(targets),
                default(TensorMemory<float>),
                default(TensorMemory<double>)
            ),
        };
    }

    /// <summary>The targets, contiguous and of a type that can be read.</summary>
    public static Tensor Readable(Tensor targets) =>
        targets.dtype is ScalarType.Byte or ScalarType.Bool or ScalarType.Float32 or ScalarType.Float64
            ? targets.contiguous()
            : targets.to(ScalarType.Int64).contiguous();

    /// <summary>Targets as whole numbers, the nearest of soft ones; valid until the same thread asks for others.</summary>
    public ReadOnlySpan<long> Whole(long from, int length)
    {
        if (type == ScalarType.Int64)
            return longs[from, length];
        if (room is null || room.Length < length)
            room = new long[length];
        var result = room.AsSpan(0, length);
        switch (type)
        {
            case ScalarType.Float32:
                Round(floats[from, length], result);
                break;
            case ScalarType.Float64:
                Round(doubles[from, length], result);
                break;
            default:
                TensorPrimitives.ConvertTruncating<byte, long>(bytes[from, length], result);
                break;
        }
        return result;
    }

    /// <summary>Targets as numbers of another type.</summary>
    public void CopyTo<T>(long from, Span<T> result)
        where T : unmanaged, INumberBase<T>
    {
        switch (type)
        {
            case ScalarType.Int64:
                TensorPrimitives.ConvertTruncating<long, T>(longs[from, result.Length], result);
                break;
            case ScalarType.Float32:
                TensorPrimitives.ConvertTruncating<float, T>(floats[from, result.Length], result);
                break;
            case ScalarType.Float64:
                TensorPrimitives.ConvertTruncating<double, T>(doubles[from, result.Length], result);
                break;
            default:
                TensorPrimitives.ConvertTruncating<byte, T>(bytes[from, result.Length], result);
                break;
        }
    }

    /// <summary>Whole numbers below 2^31 as numbers of another type; of others it gives any number.</summary>
    public static void CopySmall<T>(ReadOnlySpan<long> targets, Span<T> result)
        where T : unmanaged, INumberBase<T>
    {
        if (typeof(T) != typeof(float))
        {
            TensorPrimitives.ConvertTruncating<long, T>(targets, result);
            return;
        }
        var numbers = MemoryMarshal.Cast<T, float>(result);
        var (width, i) = (Vector<long>.Count, 0);
        for (; i + 2 * width <= targets.Length; i += 2 * width)
        {
            var lanes = Vector.Narrow(new Vector<long>(targets.Slice(i, width)), new Vector<long>(targets.Slice(i + width, width)));
            Vector.ConvertToSingle(lanes).CopyTo(numbers.Slice(i, 2 * width));
        }
        for (; i < targets.Length; i++)
            numbers[i] = (int)targets[i];
    }

    private static void Round<TFrom>(ReadOnlySpan<TFrom> values, Span<long> result)
        where TFrom : IFloatingPoint<TFrom>
    {
        for (var i = 0; i < values.Length; i++)
            result[i] = long.CreateTruncating(TFrom.Round(values[i]));
    }
}
