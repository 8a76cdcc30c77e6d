namespace MLNetLosses.Training;

/// <summary>Counts how often in a row a watched value did not improve on its best.</summary>
/// <param name="minimum">By how much it must improve.</param>
internal sealed class ImprovementCounter(double minimum)
{
    /// <summary>The best value; null before the first that is a number.</summary>
    public double? Best { get; set; }

    /// <summary>Observations since the best.</summary>
    public int Since { get; set; }

    /// <summary>Takes a value; NaN never improves.</summary>
    public bool Improves(double value, bool higherIsBetter)
    {
        if (
            !double.IsNaN(value)
            && (Best is not { } best || (higherIsBetter ? value > best : value < best) && Math.Abs(value - best) >= minimum)
        )
        {
            (Best, Since) = (value, 0);
            return true;
        }
        Since++;
        return false;
    }
}
