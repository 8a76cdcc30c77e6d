namespace MLNetLosses.Losses;

/// <summary>A value of every place made of the inputs' numbers at that place alone, with its derivatives.</summary>
internal interface IElementFormula
{
    /// <summary>The value; derivatives are written where there is room for them.</summary>
    /// <param name="inputs">A number of each input.</param>
    /// <param name="slopes">As many as inputs, 0 at first, or none.</param>
    /// <param name="count">What the place adds to the number that a mean divides by: 1, or 0 where it does not count.</param>
    V Evaluate<V>(ReadOnlySpan<V> inputs, Span<V> slopes, out V count)
        where V : struct, IFormulaNumber<V>;
}
