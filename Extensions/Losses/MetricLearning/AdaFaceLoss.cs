using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// A margin by image quality, for which the embedding's length stands. n_i = clamp(|x_i|, 0.001, 100), held constant; buffers <c>batchMean</c> and
/// <c>batchStd</c> [1] (20 and 100 at first) follow the batch's mean and deviation with Momentum (one sample keeps the deviation; evaluation changes
/// nothing); z = clamp(Concentration (n - batchMean) / (batchStd + 0.001), -1, 1). Cosines c clamped to +-0.999; the target's becomes
/// cos(clamp(t - Margin z, 0.001, pi - 0.001)) - Margin (1 + z); cross-entropy of Scale * cosines. Parameter <c>weight</c> [C, D], unit rows. Kim et al.
/// 2022; agrees with the authors' code.
/// </summary>
[LossGuide(
    "cross-entropy of s cos, the target's s (cos(θ - m z) - m (1 + z)), z from |x|",
    Use = "faces of mixed quality",
    Avoid = "normalised embeddings: their length is the quality",
    Cost = "three products of N × D × C",
    Paper = "Kim et al. 2022"
)]
public sealed record AdaFaceLoss : ClassifierMetricLoss
{
    /// <summary>The margin of average quality. Default 0.4.</summary>
    [Interval("[0, inf)")]
    public double Margin
    {
        get;
        init => field = Valid(value);
    } = 0.4;

    /// <summary>How far quality moves the margin (the paper's h). Default 0.333.</summary>
    [Interval("[0, inf)")]
    public double Concentration
    {
        get;
        init => field = Valid(value);
    } = 0.333;

    /// <summary>Multiplies the cosines. Default 64.</summary>
    [Interval("(0, inf)")]
    public double Scale
    {
        get;
        init => field = Valid(value);
    } = 64;

    /// <summary>How fast the statistics follow the batch. Default 0.01.</summary>
    [Interval("(0, 1]")]
    public double Momentum
    {
        get;
        init => field = Valid(value);
    } = 0.01;

    /// <inheritdoc/>
    protected internal override bool HasTrueGradient => false;

    /// <inheritdoc/>
    protected internal override LossState CreateState(LossContext context) =>
        base.CreateState(context).AddBuffer("batchMean", full([1], 20.0)).AddBuffer("batchStd", full([1], 100.0));

    private protected override double LogitScale => Scale;

    private protected override double? CosineBound => 0.999;

    private protected override Tensor InitialWeight(LossState state, long rows, long size) =>
        Distance.Unit(state.Uniform(rows, size).mul_(2).sub_(1));

    /// <inheritdoc/>
    protected override LossTerms Compare(Tensor embeddings, Tensor labels, LossCall call)
    {
        if (call.Training && embeddings.shape[0] > 0)
            Follow(Quality(embeddings), call.State);
        return base.Compare(embeddings, labels, call);
    }

    private protected override Func<Tensor, TargetScore> TargetRule(Tensor? lengths, LossCall call)
    {
        var quality = Quality(call["embeddings"]);
        return cosines =>
        {
            var state = call.State;
            var z = (quality - state["batchMean"]).mul_(Concentration).div_(state["batchStd"] + 0.001).clamp_(-1, 1);
            var angles = cosines.acos().sub_(z * Margin);
            var inside = angles.ge(0.001).logical_and_(angles.le(Math.PI - 0.001));
            angles.clamp_(0.001, Math.PI - 0.001);
            var slopes = angles.sin().div_((1 - cosines.square()).sqrt_()).mul_(inside);
            return new(angles.cos().sub_((1 + z).mul_(Margin)), slopes);
        };
    }

    private static Tensor Quality(Tensor embeddings) => Distance.Lengths(embeddings.detach()).clamp_(0.001, 100);

    private void Follow(Tensor quality, LossState state)
    {
        state.Set("batchMean", state["batchMean"] * (1 - Momentum) + quality.mean() * Momentum);
        if (quality.shape[0] > 1)
            state.Set("batchStd", state["batchStd"] * (1 - Momentum) + quality.std() * Momentum);
    }
}
