using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// ArcFace whose margin grows with the embedding's length: a = clamp(|x|, LowerNorm, UpperNorm), with gradient inside the range; margin m(a) linear from
/// LowerMargin to UpperMargin; plus Lambda (a / UpperNorm^2 + 1 / a) a sample, which rewards length. <see cref="SmallestLambda"/> is the least Lambda that
/// keeps lengths from collapsing. Parameter <c>weight</c> [C, D], normal(0, 1). Meng et al. 2021; agrees with the authors' code (run script: Lambda 35; its
/// default of 20 lies below the bound).
/// </summary>
[LossGuide(
    "ArcFace with margin m(|x|), + λ (a/u² + 1/a)",
    Use = "faces, when the embedding's length shall say the quality",
    Avoid = "networks whose embeddings never reach LowerNorm (no BatchNorm at the end)",
    Cost = "three products of N × D × C",
    Paper = "Meng et al. 2021"
)]
public sealed record MagFaceLoss : ClassifierMetricLoss
{
    /// <summary>Shorter embeddings count as this long. Default 10.</summary>
    [Interval("(0, inf)")]
    public double LowerNorm
    {
        get;
        init => field = Valid(value);
    } = 10;

    /// <summary>Longer embeddings count as this long. Default 110.</summary>
    [Interval("(0, inf)")]
    public double UpperNorm
    {
        get;
        init => field = Valid(value);
    } = 110;

    /// <summary>The margin at LowerNorm, in radians. Default 0.45.</summary>
    [Interval("[0, pi/2]")]
    public double LowerMargin
    {
        get;
        init => field = Valid(value);
    } = 0.45;

    /// <summary>The margin at UpperNorm, in radians. Default 0.8.</summary>
    [Interval("[0, pi/2]")]
    public double UpperMargin
    {
        get;
        init => field = Valid(value);
    } = 0.8;

    /// <summary>Multiplies the cosines. Default 64.</summary>
    [Interval("(0, inf)")]
    public double Scale
    {
        get;
        init => field = Valid(value);
    } = 64;

    /// <summary>The weight of the term that rewards length. Default 35.</summary>
    [Interval("[0, inf)")]
    public double Lambda
    {
        get;
        init => field = Valid(value);
    } = 35;

    /// <summary>No margin for targets beyond a right angle. Default true, as in the authors' code.</summary>
    public bool EasyMargin { get; init; } = true;

    /// <summary>Scale K u^2 l^2 / (u^2 - l^2), K = (UpperMargin - LowerMargin) / (u - l): below it, short embeddings pay.</summary>
    public double SmallestLambda =>
        Scale * MarginSlope * Math.Pow(UpperNorm * LowerNorm, 2) / (UpperNorm * UpperNorm - LowerNorm * LowerNorm);

    private double MarginSlope => (UpperMargin - LowerMargin) / (UpperNorm - LowerNorm);

    /// <inheritdoc/>
    protected internal override void Validate()
    {
        if (LowerNorm >= UpperNorm)
            throw new ArgumentException($"{Name}: LowerNorm ({LowerNorm}) must lie below UpperNorm ({UpperNorm}).", nameof(LowerNorm));
        if (LowerMargin > UpperMargin)
            throw new ArgumentException(
                $"{Name}: LowerMargin ({LowerMargin}) must not exceed UpperMargin ({UpperMargin}).",
                nameof(LowerMargin)
            );
    }

    private protected override double LogitScale => Scale;

    private protected override bool UsesLengths => true;

    private protected override Tensor Lengths(Tensor embeddings) => base.Lengths(embeddings).clamp(LowerNorm, UpperNorm);

    private protected override Tensor? Regularizer(Tensor lengths) => (lengths / (UpperNorm * UpperNorm) + lengths.reciprocal()) * Lambda;

    private protected override Func<Tensor, TargetScore> TargetRule(Tensor? lengths, LossCall call) =>
        cosines =>
        {
            var target = MarginTarget.Angular(cosines, (lengths! - LowerNorm) * MarginSlope + LowerMargin, EasyMargin);
            return target with { ByLength = target.ByLength! * MarginSlope };
        };
}
