namespace MLNetLosses.Losses;

/// <summary>What the formulas of dense detection losses share.</summary>
internal static class DenseScores
{
    /// <summary>1 where the target is 1, else 0.</summary>
    public static V IsOne<V>(V y)
        where V : struct, IFormulaNumber<V> => V.Choose(V.Of(1) - y, default, V.Of(1));

    /// <summary>A value, or 0 where the target is below 0; the slope likewise.</summary>
    public static V Counted<V>(V y, V value, Span<V> slopes)
        where V : struct, IFormulaNumber<V>
    {
        if (!slopes.IsEmpty)
            (slopes[0], slopes[1]) = (V.Choose(-y, default, slopes[0]), default);
        return V.Choose(-y, default, value);
    }
}
