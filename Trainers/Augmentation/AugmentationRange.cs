using MLNetLosses.Losses;

namespace MLNetLosses.Data;

/// <summary>A check that several augmentations share.</summary>
internal static class AugmentationRange
{
    /// <summary>Refuses a range whose ends are the wrong way round.</summary>
    public static void Ordered(Definition owner, double low, double high, string lowName, string highName)
    {
        if (low > high)
            throw new ArgumentException(
                FormattableString.Invariant($"{owner.Name}: {lowName} ({low}) must not be above {highName} ({high}).")
            );
    }
}
