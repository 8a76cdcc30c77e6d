namespace MLNetLosses.Losses;

/// <summary>A formula over a logit and its target, 0 and not counted where the target is the ignored one.</summary>
internal readonly record struct CountedFormula<TFormula>(TFormula Formula, long Ignored) : IElementFormula
    where TFormula : struct, IElementFormula
{
    public V Evaluate<V>(ReadOnlySpan<V> inputs, Span<V> slopes, out V count)
        where V : struct, IFormulaNumber<V>
    {
        var isOther = V.Abs(inputs[1] + -Ignored);
        var value = Formula.Evaluate(inputs, slopes, out count);
        count = V.Choose(isOther, count, default);
        foreach (ref var slope in slopes)
            slope = V.Choose(isOther, slope, default);
        return V.Choose(isOther, value, default);
    }
}
