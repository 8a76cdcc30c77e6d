namespace MLNetLosses.Training;

/// <summary>Maps numbers to the length of an axis, linearly or by logarithm, and finds round ticks.</summary>
internal sealed class AxisScale
{
    private readonly double low;
    private readonly double high;
    private readonly bool logarithmic;

    /// <param name="values">What must fit; numbers that are not finite are passed over.</param>
    /// <param name="logarithmic">Only where all are above 0.</param>
    /// <param name="low">A given lower end.</param>
    /// <param name="high">A given upper end.</param>
    public AxisScale(IEnumerable<double> values, bool logarithmic = false, double? low = null, double? high = null)
    {
        var finite = values.Where(double.IsFinite).ToList();
        var (least, most) = finite.Count == 0 ? (0, 1) : (finite.Min(), finite.Max());
        this.logarithmic = logarithmic && least > 0;
        if (this.logarithmic)
            (least, most) = (Math.Log10(least), Math.Log10(most));
        (least, most) = (low ?? least, high ?? most);
        if (!(most - least > 1e-12 * Math.Max(1, Math.Abs(most))))
            (least, most) = this.logarithmic
                ? (least - 0.5, most + 0.5)
                : (least - Math.Max(Math.Abs(least) * 0.1, 1e-6), most + Math.Max(Math.Abs(most) * 0.1, 1e-6));
        var margin = (most - least) * 0.04;
        (this.low, this.high) = (low ?? least - margin, high ?? most + margin);
        if (!this.logarithmic && low is null && least >= 0 && this.low < 0)
            this.low = 0;
    }

    /// <summary>From 0 to 1.</summary>
    public double At(double value) => ((logarithmic ? Math.Log10(value) : value) - low) / (high - low);

    /// <summary>Whether a number has a place.</summary>
    public bool Takes(double value) => double.IsFinite(value) && (!logarithmic || value > 0);

    public IReadOnlyList<double> Ticks(int about = 5)
    {
        if (logarithmic && high - low > 1)
        {
            var powers = (int)Math.Ceiling((high - low) / about);
            return
            [
                .. Enumerable
                    .Range((int)Math.Ceiling(low), Math.Max(0, (int)Math.Floor(high) - (int)Math.Ceiling(low) + 1))
                    .Where(p => p % powers == 0)
                    .Select(p => Math.Pow(10, p)),
            ];
        }
        var (from, to) = logarithmic ? (Math.Pow(10, low), Math.Pow(10, high)) : (low, high);
        var raw = (to - from) / about;
        var unit = Math.Pow(10, Math.Floor(Math.Log10(raw)));
        var step =
            unit
            * (raw / unit) switch
            {
                < 1.5 => 1,
                < 3.5 => 2,
                < 7.5 => 5,
                _ => 10,
            };
        var ticks = new List<double>();
        for (var i = (long)Math.Ceiling(from / step - 1e-9); i * step <= to + step * 1e-9; i++)
            ticks.Add(i * step);
        return ticks;
    }

    public static string Label(double value) =>
        Math.Abs(value) switch
        {
            0 => "0",
            >= 1e6 => FormattableString.Invariant($"{value / 1e6:0.##}M"),
            >= 1e4 => FormattableString.Invariant($"{value / 1e3:0.##}k"),
            < 1e-3 => FormattableString.Invariant($"{value:0.#e+0}"),
            _ => value.ToString("0.####", System.Globalization.CultureInfo.InvariantCulture),
        };
}
