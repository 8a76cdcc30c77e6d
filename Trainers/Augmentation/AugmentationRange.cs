using System.Runtime.CompilerServices;

namespace MLNetLosses.Data;

/// <summary>Checks of the numbers that augmentations are made of.</summary>
internal static class AugmentationRange
{
    public static double Probability(double value, [CallerMemberName] string name = "") => Between(value, 0, 1, name);

    public static double Between(double value, double low, double high, [CallerMemberName] string name = "") =>
        value >= low && value <= high
            ? value
            : throw new ArgumentOutOfRangeException(name, value, FormattableString.Invariant($"{name} must be {low} to {high}."));

    public static double Positive(double value, [CallerMemberName] string name = "") =>
        value > 0 && double.IsFinite(value)
            ? value
            : throw new ArgumentOutOfRangeException(name, value, $"{name} must be a finite number above 0.");

    /// <summary>Refuses a range whose ends are the wrong way round; called where both are known.</summary>
    public static void Ordered(double low, double high, string lowName, string highName)
    {
        if (low > high)
            throw new ArgumentException(FormattableString.Invariant($"{lowName} ({low}) must not be above {highName} ({high})."));
    }
}
