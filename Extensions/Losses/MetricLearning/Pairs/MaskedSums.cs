using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>Sums of exponentials over some columns of each row, with finite values and gradients where there are none.</summary>
internal static class MaskedSums
{
    /// <summary>log sum exp over the columns of a mask, [N]; a row without any has a finite value of no meaning, to be weighed 0.</summary>
    /// <param name="values">[N, M].</param>
    /// <param name="mask">[N, M].</param>
    /// <param name="any">Whether the mask has any, [N, 1].</param>
    public static Tensor LogSumExp(Tensor values, Tensor mask, Tensor any) =>
        values.masked_fill(mask.logical_not().logical_and_(any), double.NegativeInfinity).logsumexp(1);

    /// <summary>log(1 + sum exp) over the columns of a mask, [N]; 0 where there are none.</summary>
    public static Tensor LogOnePlusSumExp(Tensor values, Tensor mask)
    {
        var any = mask.any(1, keepdim: true);
        return Softplus(LogSumExp(values, mask, any)) * any.squeeze(1);
    }

    /// <summary>log(1 + exp x), exact at both ends (torch's own softplus turns linear at 20).</summary>
    public static Tensor Softplus(Tensor x) => nn.functional.logsigmoid(x.neg()).neg();
}
