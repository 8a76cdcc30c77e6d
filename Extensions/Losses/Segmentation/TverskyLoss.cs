using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>A region loss made of the Tversky score.</summary>
public abstract record TverskyFamilyLoss : RegionOverlapLoss
{
    private protected TverskyFamilyLoss() { }

    /// <summary>The weight of false positives. Default 0.3. (Abraham and Khan write alpha for the false negatives.)</summary>
    [Interval("[0, inf)")]
    public double Alpha
    {
        get;
        init => field = Valid(value);
    } = 0.3;

    /// <summary>The weight of false negatives. Default 0.7: recall before precision.</summary>
    [Interval("[0, inf)")]
    public double Beta
    {
        get;
        init => field = Valid(value);
    } = 0.7;

    /// <summary>s, in pixels, on the scale of TP: Alpha = Beta = 0.5 with s is Dice with 2 s. Default 1e-5.</summary>
    [Interval("[0, inf)")]
    public double Smooth
    {
        get;
        init => field = Valid(value);
    } = 1e-5;

    /// <inheritdoc/>
    protected internal override void Validate()
    {
        base.Validate();
        if (Alpha + Beta == 0)
            throw new ArgumentException($"{Name}: Alpha and Beta are both 0, so that no error counts; make one positive.", nameof(Alpha));
    }
}

/// <summary>
/// l = 1 - (TP + s) / (TP + Alpha FP + Beta FN + s) in each cell, FP = sum p (1 - y), FN = sum (1 - p) y. Range [0, 1]. Beta above Alpha asks for
/// recall. Alpha = Beta = 0.5 is Dice, 1 and 1 Jaccard. Shapes, cells and weights: <see cref="RegionLoss"/>. Salehi et al. 2017; follows MONAI's
/// <c>TverskyLoss</c>, whose default is 0.5 and 0.5.
/// </summary>
[LossGuide(
    "1 - (TP + s) / (TP + α FP + β FN + s)",
    Use = "small objects that must not be missed (β > α), or false alarms that cost (α > β)",
    Avoid = "swapping the letters: here α weighs false positives",
    Cost = "as Dice",
    Paper = "Salehi et al. 2017"
)]
public sealed record TverskyLoss : TverskyFamilyLoss
{
    /// <summary>True: l = -ln(score), the score not below 1e-7. Default false.</summary>
    public bool Log { get; init; }

    /// <inheritdoc/>
    protected override Tensor Cell(RegionSums sums) =>
        Log ? sums.NegativeLogTversky(Alpha, Beta, Smooth) : sums.TverskyLoss(Alpha, Beta, Smooth);
}
