using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>The only place that reduces.</summary>
internal static class LossReducer
{
    /// <param name="loss">Named by errors.</param>
    /// <param name="terms">What the loss computed.</param>
    /// <param name="reduction">How to reduce.</param>
    /// <param name="rowWeights">Weights already shaped to broadcast to the values, or null.</param>
    public static Tensor Reduce(Loss loss, LossTerms terms, Reduction reduction, Tensor? rowWeights)
    {
        if (rowWeights is not null && !terms.ByRow)
            throw new ArgumentException(
                $"{loss.Name}: row weights need a value a row; this loss has one a batch or a class (PerImage, if it has that option, changes it).",
                "weights"
            );
        if (reduction == Reduction.Sum && !terms.HasSum)
            throw new NotSupportedException(
                $"{loss.Name} is a mean over the batch by its definition: reduction Sum has no meaning for it."
            );
        if (terms.IsSingle)
            return terms.Values;
        if (reduction == Reduction.None)
        {
            if (terms.More.Count > 0 || !terms.HasNone)
                throw new NotSupportedException(
                    $"{loss.Name} has {(terms.HasNone ? "several groups of terms" : "terms that are not of samples")}: reduction None has no meaning for it. Use Mean or Sum."
                );
            return Weigh(terms, rowWeights);
        }
        var value = reduction == Reduction.Sum ? Weigh(terms, rowWeights).sum() : Mean(terms, rowWeights);
        if (terms.Constant is { } constant)
            value = value + constant;
        foreach (var group in terms.More)
            value = value + Reduce(loss, group, reduction, rowWeights);
        return value;
    }

    private static Tensor Mean(LossTerms terms, Tensor? rowWeights)
    {
        if (terms.Divisor is { } divisor)
            return Weigh(terms, rowWeights).sum() / NotZero(divisor);
        if (terms.Weights is null && rowWeights is null)
            return terms.Values.numel() == 0 ? terms.Values.sum() : terms.Values.mean();
        var weights =
            terms.Weights is null ? rowWeights!
            : rowWeights is null ? terms.Weights
            : terms.Weights * rowWeights;
        var total = Repeated(weights.sum(), weights.numel(), terms.Values.numel());
        // Weights that came in with a graph keep it: then the denominator depends on them too.
        return Weigh(terms, rowWeights).sum() / NotZero(rowWeights is { requires_grad: true } ? total : total.detach());
    }

    // Broadcasting repeats every weight equally often.
    private static Tensor Repeated(Tensor sum, long from, long to) => from == to || from == 0 ? sum : sum * ((double)to / from);

    /// <summary>w l.</summary>
    public static Tensor Weigh(LossTerms terms, Tensor? rowWeights)
    {
        var values = terms.Weights is null || terms.Weighted ? terms.Values : terms.Values * terms.Weights;
        return rowWeights is null ? values : values * rowWeights;
    }

    /// <summary>A divisor: 1 in place of 0, without asking the device.</summary>
    public static Tensor NotZero(Tensor total) => where(total.eq(0), 1, total);
}
