using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>The numbers of all places. Null is 0: what a loss does not have costs no operation.</summary>
internal readonly struct TensorNumber(Tensor? values) : IFormulaNumber<TensorNumber>
{
    private readonly Tensor? values = values;

    public bool IsZero => values is null;

    public Tensor Values => values ?? throw new InvalidOperationException("This number is 0 everywhere.");

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

    public static TensorNumber Abs(TensorNumber a) => new(a.values?.abs());

    public static TensorNumber Sqrt(TensorNumber a) => new(a.values?.sqrt());

    public static TensorNumber Exp(TensorNumber a) => a.values is null ? Of(1) : new(a.values.exp());

    public static TensorNumber Log(TensorNumber a) => new(a.Values.log());

    public static TensorNumber LogOnePlus(TensorNumber a) => new(a.values?.log1p());

    public static Logistic<TensorNumber> LogisticOf(TensorNumber a) =>
        new(new(a.Values.sigmoid()), new((-a.Values).sigmoid()), new(Softplus.Of(a.Values)), new(Softplus.Of(-a.Values)));

    public static TensorNumber Pow(TensorNumber a, double power) => new(a.Values.pow(power));

    public static TensorNumber Atan(TensorNumber a) => new(a.Values.atan());

    public static TensorNumber IfPositive(TensorNumber condition, TensorNumber value) =>
        value.values is null ? default : new(value.values.masked_fill(condition.Values.le(0), 0));

    // Between two constants torch would choose in their type.
    public static TensorNumber Choose(TensorNumber condition, TensorNumber positive, TensorNumber otherwise) =>
        new(where(condition.Values.gt(0), OrZero(positive), OrZero(otherwise)).to(condition.Values.dtype));

    private static Tensor OrZero(TensorNumber a) => a.values ?? tensor(0.0);
}
