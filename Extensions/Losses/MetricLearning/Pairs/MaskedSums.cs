using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>Sums of exponentials over some columns of each row, with finite values and gradients where there are none.</summary>
internal static class MaskedSums
{
    /// <summary>log sum exp over the members of each row, [N]; about -1e30 for a row without any.</summary>
    /// <param name="values">[N, M].</param>
    /// <param name="mask">The members.</param>
    public static Tensor LogSumExp(Tensor values, PairMask mask) => (values + mask.Penalties).logsumexp(1);

    /// <summary>log(1 + sum exp) over the members of each row, [N]; 0 where there are none.</summary>
    /// <param name="values">[N, M].</param>
    /// <param name="mask">The members.</param>
    public static Tensor LogOnePlusSumExp(Tensor values, PairMask mask) => Softplus.Of(LogSumExp(values, mask));
}
