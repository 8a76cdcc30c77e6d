namespace MLNetLosses.Benchmarks;

/// <summary>The table of both comparisons of losses.</summary>
internal static class LossTable
{
    public static void Head(int threads)
    {
        Console.WriteLine($"| loss, forward + backward, float32, {threads} threads | size | peer | ours ms | peer ms | peer / ours |");
        Console.WriteLine("| --- | --- | --- | ---: | ---: | ---: |");
    }

    /// <summary>Prints a row; where the peer has no time, why.</summary>
    public static void Row(string loss, string size, string peer, double ours, double theirs, string? failure = null)
    {
        var (time, ratio) = double.IsFinite(theirs)
            ? (FormattableString.Invariant($"{theirs:0.00}"), FormattableString.Invariant($"{theirs / ours:0.00}"))
            : (failure ?? "not in the script", "");
        Console.WriteLine(FormattableString.Invariant($"| {loss} | {size} | {peer} | {ours:0.00} | {time} | {ratio} |"));
    }

    public static void Summary(IReadOnlyCollection<double> ratios)
    {
        if (ratios.Count > 0)
            Console.WriteLine(
                FormattableString.Invariant(
                    $"\n{ratios.Count} rows, geometric mean of peer / ours {Timing.GeometricMean(ratios):0.00}, slowest {ratios.Min():0.00}, {ratios.Count(r => r < 1)} rows below 1."
                )
            );
    }
}
