using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>Sums of exponentials over some columns of each row, with finite values and gradients where there are none.</summary>
internal static class MaskedSums
{
    /// <summary>log sum exp(scale value) over the members of each row, [N]; about -1e30 for a row without any.</summary>
    /// <param name="values">[N, M].</param>
    /// <param name="mask">The members.</param>
    /// <param name="scale">Multiplies the values.</param>
    public static Tensor LogSumExp(Tensor values, PairMask mask, double scale = 1) => RowLogSums.Of(values, mask.Penalties, scale);

    /// <summary>log(1 + sum exp(scale (value - origin))) over the members of each row, [N]; 0 where there are none.</summary>
    /// <param name="values">[N, M].</param>
    /// <param name="mask">The members.</param>
    /// <param name="scale">Multiplies the values.</param>
    /// <param name="origin">Subtracted from the values.</param>
    public static Tensor LogOnePlusSumExp(Tensor values, PairMask mask, double scale = 1, double origin = 0) =>
        Softplus.Of(LogSumExp(values, mask, scale) - scale * origin); // taken from the sums, which are fewer than the values
}
