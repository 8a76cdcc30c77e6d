namespace MLNetLosses.Losses;

/// <summary>
/// What a formula calculates with: the numbers of a few places in a register, or of all places in a tensor. Each formula stands once and serves loops on the CPU and
/// tensor operations elsewhere. <c>default</c> is 0.
/// </summary>
internal interface IFormulaNumber<TSelf>
    where TSelf : struct, IFormulaNumber<TSelf>
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
    static abstract TSelf Abs(TSelf a);
    static abstract TSelf Sign(TSelf a);
    static abstract TSelf Sqrt(TSelf a);
    static abstract TSelf Exp(TSelf a);
    static abstract TSelf Log(TSelf a);

    /// <summary>log(1 + a) for a >= 0, exact where a is small.</summary>
    static abstract TSelf LogOnePlus(TSelf a);

    static abstract TSelf Pow(TSelf a, double power);
    static abstract TSelf Atan(TSelf a);

    /// <summary>What binary costs of a logit are made of.</summary>
    static abstract Logistic<TSelf> LogisticOf(TSelf a);

    /// <summary>The value where the condition is positive, else 0.</summary>
    static abstract TSelf IfPositive(TSelf condition, TSelf value);

    /// <summary>One value where the condition is positive, another elsewhere.</summary>
    static abstract TSelf Choose(TSelf condition, TSelf positive, TSelf otherwise);
}

/// <summary>Functions of a logit z, all exact to the last digits at both ends.</summary>
/// <param name="Sigmoid">s = 1 / (1 + exp(-z)).</param>
/// <param name="Rest">1 - s.</param>
/// <param name="Softplus">log(1 + exp z) = -log(1 - s).</param>
/// <param name="Opposite">log(1 + exp(-z)) = -log s.</param>
internal readonly record struct Logistic<V>(V Sigmoid, V Rest, V Softplus, V Opposite);

/// <summary>Functions of numbers of any kind.</summary>
internal static class FormulaNumbers
{
    /// <summary>x^power; small whole powers and the root without a logarithm.</summary>
    public static V Power<V>(V x, double power)
        where V : struct, IFormulaNumber<V> =>
        power == 0 ? V.Of(1)
        : power == 1 ? x
        : power == 0.5 ? V.Sqrt(x)
        : power == 2 ? x * x
        : power == 3 ? x * x * x
        : power == 4 ? x * x * (x * x)
        : V.Pow(x, power);
}
