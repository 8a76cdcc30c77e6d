using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MLNetLosses.Data;

/// <summary>Bytes as single-precision vectors.</summary>
internal static class ByteVectors
{
    /// <summary>The eight bytes at <paramref name="source"/> plus <paramref name="offset"/> as eight numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load8(ref byte source, nuint offset)
    {
        var bytes = Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<ulong>(ref Unsafe.AddByteOffset(ref source, offset))).AsByte();
        var words = Vector128.WidenLower(bytes);
        var (low, high) = Vector128.Widen(words);
        return Vector256.ConvertToSingle(Vector256.Create(low, high).AsInt32());
    }

    /// <summary><c>target[i] = source[i] * scale + shift</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ScaleShift(ReadOnlySpan<byte> source, Span<float> target, float scale, float shift)
    {
        if (target.Length < source.Length)
            throw new ArgumentException($"The target holds {target.Length} numbers, {source.Length} are needed.", nameof(target));
        ref var from = ref MemoryMarshal.GetReference(source);
        ref var to = ref MemoryMarshal.GetReference(target);
        var (scales, shifts) = (Vector256.Create(scale), Vector256.Create(shift));
        var i = 0;
        for (; i <= source.Length - 8; i += 8)
            Vector256.FusedMultiplyAdd(Load8(ref from, (nuint)i), scales, shifts).StoreUnsafe(ref to, (nuint)i);
        for (; i < source.Length; i++)
            target[i] = MathF.FusedMultiplyAdd(source[i], scale, shift);
    }

    /// <summary><c>target[i] = sum over k of weights[k] * source[i + k * stride]</c>: a weighted sum of rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void SumRows(ReadOnlySpan<byte> source, int stride, ReadOnlySpan<float> weights, Span<float> target)
    {
        if (weights.Length == 0 || source.Length < (weights.Length - 1) * stride + target.Length)
            throw new ArgumentException("The source is shorter than the rows that are summed.", nameof(source));
        ref var from = ref MemoryMarshal.GetReference(source);
        ref var to = ref MemoryMarshal.GetReference(target);
        var i = 0;
        for (; i <= target.Length - 8; i += 8)
        {
            var sum = Vector256<float>.Zero;
            for (var k = 0; k < weights.Length; k++)
                sum = Vector256.FusedMultiplyAdd(Load8(ref from, (nuint)(i + k * stride)), Vector256.Create(weights[k]), sum);
            sum.StoreUnsafe(ref to, (nuint)i);
        }
        for (; i < target.Length; i++)
        {
            var sum = 0f;
            for (var k = 0; k < weights.Length; k++)
                sum = MathF.FusedMultiplyAdd(source[i + k * stride], weights[k], sum);
            target[i] = sum;
        }
    }
}
