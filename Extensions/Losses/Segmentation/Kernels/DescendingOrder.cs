using System.Buffers;
using System.Numerics;
using System.Runtime.InteropServices;

namespace MLNetLosses.Losses;

/// <summary>Sorts indices by the magnitudes they point to, largest first.</summary>
internal static class DescendingOrder
{
    private const int DigitBits = 11;
    private const int Buckets = 1 << DigitBits;

    public static void Sort<T>(ReadOnlySpan<T> values, Span<int> order)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (typeof(T) == typeof(float))
            Radix(MemoryMarshal.Cast<T, float>(values), order);
        else
            Compare(values, order);
    }

    private static void Compare<T>(ReadOnlySpan<T> values, Span<int> order)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var keys = new T[order.Length];
        for (var i = 0; i < keys.Length; i++)
            keys[i] = -T.Abs(values[order[i]]);
        MemoryExtensions.Sort(keys.AsSpan(), order);
    }

    // The bits of a magnitude, taken as an integer, order as the magnitude does: three passes over digits of eleven bits, without comparisons.
    private static void Radix(ReadOnlySpan<float> values, Span<int> order)
    {
        var count = order.Length;
        var source = ArrayPool<ulong>.Shared.Rent(count);
        var target = ArrayPool<ulong>.Shared.Rent(count);
        var places = new int[3 * Buckets];
        for (var i = 0; i < count; i++)
        {
            var key = ~(BitConverter.SingleToUInt32Bits(values[order[i]]) & 0x7FFF_FFFF);
            source[i] = (ulong)key << 32 | (uint)order[i];
            for (var digit = 0; digit < 3; digit++)
                places[digit * Buckets + Digit(key, digit)]++;
        }
        for (var digit = 0; digit < 3; digit++)
        {
            var starts = places.AsSpan(digit * Buckets, Buckets);
            if (starts.Contains(count))
                continue; // all alike in this digit
            var start = 0;
            foreach (ref var bucket in starts)
                (bucket, start) = (start, start + bucket);
            foreach (var item in source.AsSpan(0, count))
                target[starts[Digit((uint)(item >> 32), digit)]++] = item;
            (source, target) = (target, source);
        }
        for (var i = 0; i < count; i++)
            order[i] = (int)(uint)source[i];
        ArrayPool<ulong>.Shared.Return(source);
        ArrayPool<ulong>.Shared.Return(target);
    }

    private static int Digit(uint key, int digit) => (int)(key >> digit * DigitBits) & Buckets - 1;
}
