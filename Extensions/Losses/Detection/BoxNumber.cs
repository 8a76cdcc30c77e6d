using System.Numerics;
using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// What formulas on pairs of boxes calculate with: the numbers of a few pairs in a register, or of all in a tensor. Each formula stands once and serves loops on
/// the CPU and tensor operations elsewhere. <c>default</c> is 0.
/// </summary>
internal interface IBoxNumber<TSelf>
    where TSelf : struct, IBoxNumber<TSelf>
{
    static abstract TSelf Of(double value);

    static abstract TSelf operator +(TSelf a, TSelf b);

    static abstract TSelf operator +(TSelf a, double b);

    static abstract TSelf operator -(TSelf a, TSelf b);

    static abstract TSelf operator -(TSelf a);

    static abstract TSelf operator *(TSelf a, TSelf b);

    static abstract TSelf operator *(TSelf a, double b);

    static abstract TSelf operator /(TSelf a, TSelf b);

    static abstract TSelf Min(TSelf a, TSelf b);
    static abstract TSelf Max(TSelf a, TSelf b);
    static abstract TSelf Max(TSelf a, double b);
    static abstract TSelf Sign(TSelf a);
    static abstract TSelf Log(TSelf a);
    static abstract TSelf Pow(TSelf a, double power);
    static abstract TSelf Atan(TSelf a);

    /// <summary>The value where the condition is positive, else 0.</summary>
    static abstract TSelf IfPositive(TSelf condition, TSelf value);
}

/// <summary>The numbers of as many pairs as a register holds.</summary>
internal readonly struct LaneNumber<T>(Vector<T> lanes) : IBoxNumber<LaneNumber<T>>
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

    public static LaneNumber<T> Log(LaneNumber<T> a) => OfEach(a, T.Log);

    public static LaneNumber<T> Pow(LaneNumber<T> a, double power)
    {
        var exponent = T.CreateTruncating(power);
        return OfEach(a, x => T.Pow(x, exponent));
    }

    public static LaneNumber<T> Atan(LaneNumber<T> a) => OfEach(a, T.Atan);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LaneNumber<T> IfPositive(LaneNumber<T> condition, LaneNumber<T> value) =>
        new(Vector.ConditionalSelect(Vector.LessThanOrEqual(condition.lanes, Vector<T>.Zero), Vector<T>.Zero, value.lanes));

    private static LaneNumber<T> OfEach(LaneNumber<T> a, Func<T, T> function)
    {
        Span<T> each = stackalloc T[Vector<T>.Count];
        a.lanes.CopyTo(each);
        foreach (ref var x in each)
            x = function(x);
        return new(new Vector<T>(each));
    }
}

/// <summary>The numbers of all pairs, [N], off the graph. Null is 0: what a loss does not have costs no operation.</summary>
internal readonly struct TensorNumber(Tensor? values) : IBoxNumber<TensorNumber>
{
    private readonly Tensor? values = values;

    public Tensor Values => values ?? throw new InvalidOperationException("This number is 0 for every pair.");

    public static TensorNumber Of(double value) => new(tensor(value)); // without a dimension: takes the others' type

    public static TensorNumber operator +(TensorNumber a, TensorNumber b) =>
        a.values is null ? b
        : b.values is null ? a
        : new(a.values + b.values);

    public static TensorNumber operator +(TensorNumber a, double b) => a.values is null ? Of(b) : new(a.values + b);

    public static TensorNumber operator -(TensorNumber a, TensorNumber b) =>
        a.values is null ? -b
        : b.values is null ? a
        : new(a.values - b.values);

    public static TensorNumber operator -(TensorNumber a) => new(a.values?.neg());

    public static TensorNumber operator *(TensorNumber a, TensorNumber b) =>
        a.values is null || b.values is null ? default : new(a.values * b.values);

    public static TensorNumber operator *(TensorNumber a, double b) => a.values is null ? default : new(a.values * b);

    public static TensorNumber operator /(TensorNumber a, TensorNumber b) => a.values is null ? default : new(a.values / b.Values);

    public static TensorNumber Min(TensorNumber a, TensorNumber b) => new(minimum(a.Values, b.Values));

    public static TensorNumber Max(TensorNumber a, TensorNumber b) => new(maximum(a.Values, b.Values));

    public static TensorNumber Max(TensorNumber a, double b) => new(a.Values.clamp(min: b));

    public static TensorNumber Sign(TensorNumber a) => new(a.values?.sign());

    public static TensorNumber Log(TensorNumber a) => new(a.Values.log());

    public static TensorNumber Pow(TensorNumber a, double power) => new(a.Values.pow(power));

    public static TensorNumber Atan(TensorNumber a) => new(a.Values.atan());

    public static TensorNumber IfPositive(TensorNumber condition, TensorNumber value) =>
        value.values is null ? default : new(value.values.masked_fill(condition.Values.le(0), 0));
}
