using System.Globalization;

namespace MLNetLosses;

/// <summary>Numbers of things, in messages.</summary>
internal static class Quantity
{
    /// <summary>Such as <c>1 thread</c> and <c>2,000 steps</c>.</summary>
    public static string Of(long count, string noun) =>
        $"{count.ToString("N0", CultureInfo.InvariantCulture)} {noun}{(count == 1 ? "" : "s")}";
}
