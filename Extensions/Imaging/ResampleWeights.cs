namespace MLNetLosses.Data;

/// <summary>
/// The weights of a resize along one axis: target <c>i</c> is the sum of <c>Weight(i, k)</c> times source <c>First[i] + k</c>. A triangle filter
/// around the centre of each target pixel, of half-width <c>max(1, scale)</c> (antialiased: every source pixel counts when shrinking) or 1 (bilinear,
/// two taps), cut at the border and divided by its sum, which repeats the border.
/// </summary>
internal sealed class ResampleWeights
{
    private readonly double[] _weights;

    public ResampleWeights(ResizeAxis axis, bool antialias = true)
    {
        Axis = axis;
        var support = antialias ? Math.Max(1, axis.Scale) : 1;
        Taps = Math.Min(axis.Source, 2 * (int)Math.Ceiling(support) + 1);
        First = new int[axis.Count];
        _weights = new double[axis.Count * Taps];
        for (var i = 0; i < axis.Count; i++)
        {
            var center = axis.Offset + (i + 0.5) * axis.Scale;
            var first = Math.Clamp((int)Math.Floor(center - support + 0.5), 0, axis.Source - 1);
            var last = Math.Clamp((int)Math.Floor(center + support + 0.5), first + 1, Math.Min(axis.Source, first + Taps));
            var weights = _weights.AsSpan(i * Taps, last - first);
            var sum = 0.0;
            for (var k = 0; k < weights.Length; k++)
                sum += weights[k] = Math.Max(0, 1 - Math.Abs(first + k + 0.5 - center) / support);
            First[i] = first;
            for (var k = 0; k < weights.Length; k++)
                weights[k] = sum > 0 ? weights[k] / sum : 1.0 / weights.Length;
        }
        Single = Array.ConvertAll(_weights, w => (float)w);
    }

    public ResizeAxis Axis { get; }

    /// <summary>Weights stored for each target position; the last ones of a position may be 0.</summary>
    public int Taps { get; }

    public int[] First { get; }

    /// <summary>Row-major [Count, Taps].</summary>
    public ReadOnlySpan<double> Double => _weights;

    /// <summary>Row-major [Count, Taps], in single precision.</summary>
    public float[] Single { get; }

    /// <summary>The source positions that any target position reads: from the first to one past the last.</summary>
    public (int From, int To) Extent
    {
        get
        {
            var to = 0;
            for (var i = 0; i < First.Length; i++)
                to = Math.Max(to, Math.Min(First[i] + Taps, Axis.Source));
            return (First.Min(), to);
        }
    }
}
