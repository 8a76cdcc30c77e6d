using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>How <see cref="TotalVariationLoss"/> measures a pixel's differences.</summary>
public enum VariationNorm
{
    /// <summary>|dy| + |dx|.</summary>
    Anisotropic,

    /// <summary>sqrt(dy^2 + dx^2); gradient 0 where both are 0.</summary>
    Isotropic,

    /// <summary>dy^2 + dx^2.</summary>
    Squared,
}

/// <summary>What <see cref="TotalVariationLoss"/> divides by.</summary>
public enum VariationNormalization
{
    /// <summary>Nothing: the sum over C, H, W of an image.</summary>
    Sum,

    /// <summary>The mean of vertical plus the mean of horizontal differences; Isotropic: the mean over C H W.</summary>
    Pixels,
}

/// <summary>
/// Input <c>predictions</c> [N, C, H, W] alone. dy = x[i+1, j] - x[i, j], dx = x[i, j+1] - x[i, j], 0 past the border; an image's term sums or averages them
/// (a side of 1 pixel: that direction is 0). Rudin et al. 1992; Mahendran and Vedaldi 2015. Follows torchmetrics, piq (<c>l1</c>, <c>l2_squared</c>) and kornia;
/// tf.image's is Anisotropic, Sum.
/// </summary>
[LossGuide(
    "Σ |x[i+1, j] - x[i, j]| + |x[i, j+1] - x[i, j]|",
    Use = "a regulariser against noise and checkerboards",
    Avoid = "a weight tuned at one resolution with Sum, which grows with H W",
    Cost = "two passes",
    Paper = "Rudin et al. 1992"
)]
public sealed record TotalVariationLoss : ImageLoss
{
    /// <summary>How differences are measured. Default Anisotropic.</summary>
    public VariationNorm Norm
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>What it is divided by. Default Sum.</summary>
    public VariationNormalization Normalization
    {
        get;
        init => field = Valid(value);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> RequiredInputs => ["predictions"];

    /// <summary>The value for images.</summary>
    /// <param name="predictions">[N, C, H, W] of a floating-point type.</param>
    /// <param name="reduction">How the images' terms become the value.</param>
    /// <returns>The value; it lives in the caller's dispose scope.</returns>
    /// <exception cref="ArgumentException">The shape or type does not fit.</exception>
    public Tensor Compute(Tensor predictions, Reduction reduction = Reduction.Mean) =>
        Compute(new LossInputs { ["predictions"] = predictions }, reduction);

    /// <inheritdoc/>
    protected internal override LossTerms ComputeTerms(LossCall call)
    {
        var image = call["predictions"];
        ImageArithmetic.Check(this, "predictions", image);
        var (dy, dx) = (ImageArithmetic.Vertical(image), ImageArithmetic.Horizontal(image));
        if (Norm == VariationNorm.Isotropic)
        {
            var squares = nn.functional.pad(dy.square(), [0, 0, 0, 1]) + nn.functional.pad(dx.square(), [0, 1]);
            return new(Total(ImageArithmetic.Root(squares)));
        }
        return Norm == VariationNorm.Squared ? new(Total(dy.square()) + Total(dx.square())) : new(Total(dy.abs()) + Total(dx.abs()));
    }

    private Tensor Total(Tensor values) =>
        Normalization == VariationNormalization.Sum ? ImageArithmetic.SumOfEach(values) : ImageArithmetic.MeanOfEach(values);
}
