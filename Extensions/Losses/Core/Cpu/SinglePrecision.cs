using System.Numerics;
using System.Runtime.CompilerServices;

namespace MLNetLosses.Losses;

/// <summary>
/// Functions of a register of numbers in single precision, for loops that do more with them, right to a digit or two of their last place. .NET's exponential of a
/// register goes by way of double precision and is not 1 at 0; of many numbers in a row .NET's own functions are as fast.
/// </summary>
internal static class SinglePrecision
{
    // Beyond these the results are 0 and infinity.
    private const float Lowest = -104;
    private const float Highest = 89;

    // Up to here exponentials are normal numbers.
    private const float Edge = 87;

    // A number to which one adds to round to whole numbers, which then are the last bits of the sum.
    private const float Rounder = 3 << 22;
    private const int RounderBits = 0x4B400000;

    // ln 2 in two parts, of which a whole number times the first is exact.
    private const float Ln2 = 0.693359375f;
    private const float Ln2Rest = -2.12194440e-4f;

    /// <summary>exp x = 2^n exp r, r at most half of ln 2, by its series to r^7.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Exp(Vector<float> x)
    {
        x = Vector.Min(Vector.Max(x, new(Lowest)), new(Highest));
        var sum = Series(x, out var power);
        // 2^n in two factors: one alone could not reach numbers below the least normal one.
        var half = power >> 1;
        return sum * TwoTo(half) * TwoTo(power - half);
    }

    // exp r and n.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Series(Vector<float> x, out Vector<int> n)
    {
        var shifted = Vector.FusedMultiplyAdd(x, new(1.44269504f), new(Rounder));
        n = Vector.AsVectorInt32(shifted) - new Vector<int>(RounderBits);
        var whole = shifted - new Vector<float>(Rounder);
        var r = Vector.FusedMultiplyAdd(whole, new(-Ln2), x);
        r = Vector.FusedMultiplyAdd(whole, new(-Ln2Rest), r);
        // In pairs, since each step waits for the one before.
        var square = r * r;
        var (a, b) = (Line(r, 1f / 2, 1f / 6), Line(r, 1f / 24, 1f / 120));
        var c = Line(r, 1f / 720, 1f / 5040);
        var sum = Vector.FusedMultiplyAdd(square * square, c, Vector.FusedMultiplyAdd(square, b, a));
        return Vector.FusedMultiplyAdd(square, sum, r) + Vector<float>.One;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Line(Vector<float> x, float start, float rise) => Vector.FusedMultiplyAdd(x, new(rise), new(start));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> TwoTo(Vector<int> power) => Vector.AsVectorSingle((power + new Vector<int>(127)) << 23);

    /// <summary>All that binary costs of a logit are made of, by one exponential and one division.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Logistic<Vector<float>> LogisticOf(Vector<float> z)
    {
        var one = Vector<float>.One;
        var e = Exp(-Vector.Abs(z)); // at most 1
        var (e1, e2) = (e + one, e + new Vector<float>(2));
        var inverse = one / (e1 * e2);
        var near = inverse * e2; // 1 / (1 + e)
        var far = e * near;
        // log(1 + e) = 2 artanh(e / (2 + e)), by its series.
        var t = e * (inverse * e1);
        var square = t * t;
        var (a, b) = (Line(square, 2f / 3, 2f / 5), Line(square, 2f / 7, 2f / 9));
        var c = Line(square, 2f / 11, 2f / 13);
        var fourth = square * square;
        var sum = Vector.FusedMultiplyAdd(fourth * fourth, c, Vector.FusedMultiplyAdd(fourth, b, a));
        var least = Vector.FusedMultiplyAdd(sum, square * t, t + t);
        var positive = Vector.GreaterThan(z, Vector<float>.Zero);
        return new(
            Vector.ConditionalSelect(positive, near, far),
            Vector.ConditionalSelect(positive, far, near),
            Vector.Max(z, Vector<float>.Zero) + least,
            Vector.Max(-z, Vector<float>.Zero) + least
        );
    }

    /// <summary>1 / (1 + exp(-x)); 0 where it is about the least normal number or below.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> SigmoidOf(Vector<float> x)
    {
        var sum = Series(Vector.Min(Vector.Max(-x, new(-Edge)), new(Edge)), out var power);
        // At such numbers the power of 2 can be added to the exponent of the sum.
        var e = Vector.AsVectorSingle(Vector.AsVectorInt32(sum) + (power << 23));
        return Vector.ConditionalSelect(Vector.LessThan(x, new(-Edge)), Vector<float>.Zero, Vector<float>.One / (e + Vector<float>.One));
    }
}
