using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>The two groups of hinges that contrastive losses share.</summary>
internal static class ContrastiveTerms
{
    public static LossTerms Of(
        MetricPairs pairs,
        MinedPairs mined,
        Distance distance,
        double? positiveMargin,
        double? negativeMargin,
        bool averageNonZero,
        Tensor? constant = null
    )
    {
        var d = pairs.Dissimilarity(distance);
        var (positive, negative) = distance.IsSimilarity ? (1.0, 0.0) : (0.0, 1.0);
        var negatives = Hinges(distance.Threshold(negativeMargin ?? negative) - d, mined.NegativeCounts, averageNonZero, [], null);
        return Hinges(d - distance.Threshold(positiveMargin ?? positive), mined.PositiveCounts, averageNonZero, [negatives], constant);
    }

    private static LossTerms Hinges(Tensor excess, Tensor counts, bool averageNonZero, IReadOnlyList<LossTerms> more, Tensor? constant)
    {
        var values = excess.relu();
        var counted = averageNonZero ? counts * values.detach().gt(0) : counts;
        return PairTerms.Of((values * counts).sum(), counted.sum(), more, constant);
    }
}

/// <summary>Terms that belong to pairs: a sum and how many it is divided by.</summary>
internal static class PairTerms
{
    public static LossTerms Of(
        Tensor sum,
        Tensor count,
        IReadOnlyList<LossTerms>? more = null,
        Tensor? constant = null,
        IReadOnlyList<(string, Tensor)>? details = null
    ) =>
        new(sum, count)
        {
            Weighted = true,
            ByRow = false,
            HasNone = false,
            More = more ?? [],
            Constant = constant,
            Details = details ?? [],
        };
}
