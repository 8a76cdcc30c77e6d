using System.Numerics;
using System.Runtime.CompilerServices;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>The k-th smallest number of a tensor on the CPU, found without a copy: by counting, sixteen bits at a time from the highest on.</summary>
internal static class OrderStatistic
{
    private const int DigitBits = 16;
    private const long ChunkLength = 1 << 20;

    /// <summary>The k-th smallest number; NaN is larger than all others, -0 smaller than 0.</summary>
    /// <param name="values">Contiguous, of Float32 or Float64.</param>
    /// <param name="k">From 1 to the number of values.</param>
    public static double Smallest(Tensor values, long k)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(k, values.numel());
        var found =
            values.dtype == ScalarType.Float64
                ? BitConverter.UInt64BitsToDouble(Bits(Digits<ulong>(values, k)))
                : BitConverter.UInt32BitsToSingle(Bits(Digits<uint>(values, k)));
        GC.KeepAlive(values);
        return found;
    }

    private static TBits Digits<TBits>(Tensor values, long k)
        where TBits : unmanaged, IBinaryInteger<TBits>
    {
        var (memory, count) = (new TensorMemory<TBits>(values), values.numel());
        var chunks = (int)((count + ChunkLength - 1) / ChunkLength);
        var (prefix, rest) = (TBits.Zero, k - 1);
        for (var shift = 8 * Unsafe.SizeOf<TBits>() - DigitBits; shift >= 0; shift -= DigitBits)
        {
            var counts = new int[chunks][];
            var (known, from) = (prefix, shift);
            CpuWork.For(
                chunks,
                chunk =>
                {
                    var start = chunk * ChunkLength;
                    counts[chunk] = Count(memory[start, (int)Math.Min(ChunkLength, count - start)], known, from);
                }
            );
            var digit = 0;
            for (long here; (here = counts.Sum(part => (long)part[digit])) <= rest; digit++)
                rest -= here;
            prefix = prefix << DigitBits | TBits.CreateTruncating(digit);
        }
        return prefix;
    }

    // How often each digit follows the digits that are known.
    private static int[] Count<TBits>(ReadOnlySpan<TBits> values, TBits known, int shift)
        where TBits : unmanaged, IBinaryInteger<TBits>
    {
        var counts = new int[1 << DigitBits];
        var first = shift == 8 * Unsafe.SizeOf<TBits>() - DigitBits;
        foreach (var value in values)
        {
            var above = Key(value) >>> shift;
            if (first || above >>> DigitBits == known)
                counts[ushort.CreateTruncating(above)]++;
        }
        return counts;
    }

    // Orders as the number does: of a negative one all bits are turned round, of others the sign.
    private static TBits Key<TBits>(TBits bits)
        where TBits : unmanaged, IBinaryInteger<TBits>
    {
        var sign = TBits.One << (8 * Unsafe.SizeOf<TBits>() - 1);
        return (bits & sign) == TBits.Zero ? bits | sign : ~bits;
    }

    private static TBits Bits<TBits>(TBits key)
        where TBits : unmanaged, IBinaryInteger<TBits>
    {
        var sign = TBits.One << (8 * Unsafe.SizeOf<TBits>() - 1);
        return (key & sign) == TBits.Zero ? ~key : key ^ sign;
    }
}
