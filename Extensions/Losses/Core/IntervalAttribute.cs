using System.Globalization;

namespace MLNetLosses.Losses;

/// <summary>
/// The values that a numeric option may take, in the notation of intervals: <c>"[0, 1)"</c>, <c>"(0, inf)"</c>. NaN is never allowed; an infinite
/// value only where its end is closed (<c>"[-inf, inf]"</c>). A list's elements are checked one by one.
/// Stated once: it is checked when the option is set, printed by errors, and listed by <see cref="LossCatalog"/>.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class IntervalAttribute : Attribute
{
    private readonly double low;
    private readonly double high;
    private readonly bool lowOpen;
    private readonly bool highOpen;

    /// <summary>States the allowed values.</summary>
    /// <param name="notation">Such as <c>"[0, 1)"</c>.</param>
    /// <exception cref="FormatException">The notation is not an interval.</exception>
    public IntervalAttribute(string notation)
    {
        Notation = notation;
        var ends = notation.Trim('[', ']', '(', ')').Split(',');
        if (ends.Length != 2 || notation.Length < 5)
            throw new FormatException($"'{notation}' is not an interval such as \"[0, 1)\".");
        (low, high) = (End(ends[0]), End(ends[1]));
        (lowOpen, highOpen) = (notation[0] == '(', notation[^1] == ')');
    }

    /// <summary>The interval as it was written.</summary>
    public string Notation { get; }

    /// <summary>Whether a value is allowed.</summary>
    /// <param name="value">The value of an option.</param>
    public bool Contains(double value) =>
        !double.IsNaN(value) && (lowOpen ? value > low : value >= low) && (highOpen ? value < high : value <= high);

    private static double End(string text) =>
        text.Trim() switch
        {
            "inf" => double.PositiveInfinity,
            "-inf" => double.NegativeInfinity,
            "pi/2" => Math.PI / 2,
            var number => double.Parse(number, CultureInfo.InvariantCulture),
        };
}
