using System.Numerics;
using System.Runtime.CompilerServices;

namespace MLNetLosses.Losses;

/// <summary>The numbers of as many places as a register holds.</summary>
internal readonly struct LaneNumber<T>(Vector<T> lanes) : IFormulaNumber<LaneNumber<T>>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Vector<T> lanes = lanes;

    public Vector<T> Lanes => lanes;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LaneNumber<T> Of(double value) => new(Vector.Create(T.CreateTruncating(value)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LaneNumber<T> operator +(LaneNumber<T> a, LaneNumber<T> b) => new(a.lanes + b.lanes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LaneNumber<T> operator +(LaneNumber<T> a, double b) => a + Of(b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LaneNumber<T> operator -(LaneNumber<T> a, LaneNumber<T> b) => new(a.lanes - b.lanes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LaneNumber<T> operator -(LaneNumber<T> a) => new(-a.lanes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LaneNumber<T> operator *(LaneNumber<T> a, LaneNumber<T> b) => new(a.lanes * b.lanes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LaneNumber<T> operator *(LaneNumber<T> a, double b) => a * Of(b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LaneNumber<T> operator /(LaneNumber<T> a, LaneNumber<T> b) => new(a.lanes / b.lanes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LaneNumber<T> Min(LaneNumber<T> a, LaneNumber<T> b) => new(Vector.Min(a.lanes, b.lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LaneNumber<T> Max(LaneNumber<T> a, LaneNumber<T> b) => new(Vector.Max(a.lanes, b.lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LaneNumber<T> Max(LaneNumber<T> a, double b) => Max(a, Of(b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LaneNumber<T> Sign(LaneNumber<T> a)
    {
        var magnitude = Vector.ConditionalSelect(Vector.Equals(a.lanes, Vector<T>.Zero), Vector<T>.Zero, Vector<T>.One);
        return new(Vector.CopySign(magnitude, a.lanes));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LaneNumber<T> Abs(LaneNumber<T> a) => new(Vector.Abs(a.lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LaneNumber<T> Sqrt(LaneNumber<T> a) => new(Vector.SquareRoot(a.lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LaneNumber<T> Exp(LaneNumber<T> a) =>
        typeof(T) == typeof(float) ? new(SinglePrecision.Exp(a.lanes.As<T, float>()).As<float, T>())
        : typeof(T) == typeof(double) ? new(Vector.Exp(a.lanes.As<T, double>()).As<double, T>())
        : OfEach(a, T.Exp);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LaneNumber<T> Log(LaneNumber<T> a) =>
        typeof(T) == typeof(float) ? new(Vector.Log(a.lanes.As<T, float>()).As<float, T>())
        : typeof(T) == typeof(double) ? new(Vector.Log(a.lanes.As<T, double>()).As<double, T>())
        : OfEach(a, T.Log);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    // The rounding of u = 1 + a falls out of ln u / (u - 1).
    public static LaneNumber<T> LogOnePlus(LaneNumber<T> a)
    {
        var rounded = a.lanes + Vector<T>.One;
        var step = rounded - Vector<T>.One;
        var log = Log(new(rounded)).lanes;
        return new(Vector.ConditionalSelect(Vector.Equals(step, Vector<T>.Zero), a.lanes, log * (a.lanes / step)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Logistic<LaneNumber<T>> LogisticOf(LaneNumber<T> a)
    {
        if (typeof(T) == typeof(float))
        {
            var of = SinglePrecision.LogisticOf(a.lanes.As<T, float>());
            return new(
                new(of.Sigmoid.As<float, T>()),
                new(of.Rest.As<float, T>()),
                new(of.Softplus.As<float, T>()),
                new(of.Opposite.As<float, T>())
            );
        }
        var e = Exp(-Abs(a)); // at most 1
        var near = Of(1) / (e + 1);
        var far = e * near;
        var least = LogOnePlus(e);
        return new(Choose(a, near, far), Choose(a, far, near), Max(a, 0) + least, Max(-a, 0) + least);
    }

    public static LaneNumber<T> Pow(LaneNumber<T> a, double power)
    {
        if (typeof(T) == typeof(float))
        {
            // exp(power log a) is exact to the last digit where both are taken in double precision.
            Vector.Widen(a.lanes.As<T, float>(), out var low, out var high);
            return new(Vector.Narrow(Vector.Exp(Vector.Log(low) * power), Vector.Exp(Vector.Log(high) * power)).As<float, T>());
        }
        var exponent = T.CreateTruncating(power);
        return OfEach(a, x => T.Pow(x, exponent));
    }

    public static LaneNumber<T> Atan(LaneNumber<T> a) => OfEach(a, T.Atan);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LaneNumber<T> IfPositive(LaneNumber<T> condition, LaneNumber<T> value) =>
        new(Vector.ConditionalSelect(Vector.LessThanOrEqual(condition.lanes, Vector<T>.Zero), Vector<T>.Zero, value.lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LaneNumber<T> Choose(LaneNumber<T> condition, LaneNumber<T> positive, LaneNumber<T> otherwise) =>
        new(Vector.ConditionalSelect(Vector.GreaterThan(condition.lanes, Vector<T>.Zero), positive.lanes, otherwise.lanes));

    private static LaneNumber<T> OfEach(LaneNumber<T> a, Func<T, T> function)
    {
        Span<T> each = stackalloc T[Vector<T>.Count];
        a.lanes.CopyTo(each);
        foreach (ref var x in each)
            x = function(x);
        return new(new Vector<T>(each));
    }
}
