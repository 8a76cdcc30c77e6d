using System.Buffers;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace MLNetLosses.Losses;

/// <summary>Sorts the places of numbers by their magnitudes, largest first, with little memory beside the places.</summary>
internal static class DescendingOrder
{
    private const int DigitBits = 11;
    private const int Buckets = 1 << DigitBits;
    private const int HighBits = 16;

    /// <summary>The places of the numbers that are negative (also -0) or not below a bound; the others become 0.</summary>
    /// <param name="values">The numbers.</param>
    /// <param name="count">How many they are.</param>
    /// <param name="least">The bound.</param>
    /// <param name="order">Where to write the places, with room for all.</param>
    /// <param name="sparing">Whether to do with little memory beside the order, which takes longer; else it is four times that of the order.</param>
    /// <returns>The number of places.</returns>
    public static int Sort<T>(TensorMemory<T> values, int count, T least, TensorMemory<int> order, bool sparing)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        typeof(T) == typeof(float)
            ? Radix(Unsafe.BitCast<TensorMemory<T>, TensorMemory<float>>(values), count, float.CreateTruncating(least), order, sparing)
            : Compare<T>(values[0, count], least, order[0, count]);

    private static int Compare<T>(Span<T> values, T least, Span<int> order)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var found = Places(values, least, order);
        var keys = new T[found];
        for (var i = 0; i < found; i++)
            keys[i] = -T.Abs(values[order[i]]);
        MemoryExtensions.Sort(keys.AsSpan(), order[..found]);
        return found;
    }

    private static int Places<T>(Span<T> values, T least, Span<int> order)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var found = 0;
        for (var i = 0; i < values.Length; i++)
            if (T.IsNegative(values[i]) || values[i] >= least)
                order[found++] = i;
            else
                values[i] = T.Zero;
        return found;
    }

    // The bits of a magnitude, taken as an integer, order as the magnitude does. By their upper half the places go into groups that follow each other and are
    // small enough for the cache; each is then sorted by itself.
    private static int Radix(TensorMemory<float> values, int count, float least, TensorMemory<int> order, bool sparing)
    {
        var numbers = values[0, count];
        if (!sparing)
        {
            var found = Places(numbers, least, order[0, count]);
            Radix(numbers, order[0, found]);
            return found;
        }
        var counts = new int[1 << HighBits];
        foreach (var x in numbers)
            if (float.IsNegative(x) || x >= least)
                counts[Key(x) >>> HighBits]++;
        var (groups, group) = (new List<(int Start, int Length)>(), new ushort[counts.Length]);
        var limit = Math.Max(1 << 14, count / 64);
        var (start, length) = (0, 0);
        for (var digit = 0; digit < counts.Length; digit++)
        {
            if (length + counts[digit] > limit && length > 0)
            {
                groups.Add((start, length));
                (start, length) = (start + length, 0);
            }
            group[digit] = (ushort)groups.Count;
            length += counts[digit];
        }
        groups.Add((start, length));
        var next = groups.Select(of => of.Start).ToArray();
        for (var i = 0; i < numbers.Length; i++)
            if (float.IsNegative(numbers[i]) || numbers[i] >= least)
                order[next[group[Key(numbers[i]) >>> HighBits]]++] = i;
            else
                numbers[i] = 0;
        CpuWork.For(
            groups.Count,
            g =>
            {
                var places = order[groups[g].Start, groups[g].Length];
                if (places.Length > limit) // the upper half of all is the same
                    ByLowerHalf(values[0, count], places);
                else
                    Radix(values[0, count], places);
            }
        );
        return groups.Sum(of => of.Length);
    }

    // Three passes over digits of eleven bits, without comparisons.
    private static void Radix(ReadOnlySpan<float> values, Span<int> order)
    {
        var count = order.Length;
        var source = ArrayPool<ulong>.Shared.Rent(count);
        var target = ArrayPool<ulong>.Shared.Rent(count);
        var places = new int[3 * Buckets];
        for (var i = 0; i < count; i++)
        {
            var key = Key(values[order[i]]);
            source[i] = (ulong)key << 32 | (uint)order[i];
            for (var digit = 0; digit < 3; digit++)
                places[digit * Buckets + Digit(key, digit)]++;
        }
        for (var digit = 0; digit < 3; digit++)
        {
            var starts = places.AsSpan(digit * Buckets, Buckets);
            if (starts.Contains(count))
                continue; // all alike in this digit
            Starts(starts);
            foreach (var item in source.AsSpan(0, count))
                target[starts[Digit((uint)(item >> 32), digit)]++] = item;
            (source, target) = (target, source);
        }
        for (var i = 0; i < count; i++)
            order[i] = (int)(uint)source[i];
        ArrayPool<ulong>.Shared.Return(source);
        ArrayPool<ulong>.Shared.Return(target);
    }

    private static void ByLowerHalf(ReadOnlySpan<float> values, Span<int> order)
    {
        var starts = new int[1 << HighBits];
        foreach (var i in order)
            starts[(ushort)Key(values[i])]++;
        Starts(starts);
        var sorted = ArrayPool<int>.Shared.Rent(order.Length);
        foreach (var i in order)
            sorted[starts[(ushort)Key(values[i])]++] = i;
        sorted.AsSpan(0, order.Length).CopyTo(order);
        ArrayPool<int>.Shared.Return(sorted);
    }

    // From how many there are of each to where they start.
    private static void Starts(Span<int> counts)
    {
        var start = 0;
        foreach (ref var bucket in counts)
            (bucket, start) = (start, start + bucket);
    }

    // Least for the largest magnitude.
    private static uint Key(float value) => ~(BitConverter.SingleToUInt32Bits(value) & 0x7FFF_FFFF);

    private static int Digit(uint key, int digit) => (int)(key >> digit * DigitBits) & Buckets - 1;
}
