using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Of each triplet u = max(0, d(a,p) - beta + Margin) and v = max(0, beta - d(a,n) + Margin); the value is sum(u + v) / (#(u &gt; 0) + #(v &gt; 0)), 0 if
/// none is active. beta is <see cref="Beta"/>, or learned (<see cref="LearnBeta"/>): parameter <c>beta</c> [1], or [C] by the anchor's class
/// (<see cref="PerClass"/>). One learned beta adds Nu beta; one a class adds sum over triplets of Nu beta[y_a] / the same divisor. <c>mean</c> and
/// <c>sum</c>. The paper mines with <see cref="DistanceWeightedMiner"/>. Wu et al. 2017; follows pytorch-metric-learning's <c>MarginLoss</c>.
/// </summary>
[LossGuide(
    "max(0, d(a,p) - β + m) + max(0, β - d(a,n) + m)",
    Use = "triplets whose scale should be learned; with DistanceWeighted mining",
    Avoid = "LearnBeta with Nu 0 and few classes: beta drifts",
    Cost = "N² log N with a miner that bounds the gap, else N²",
    Paper = "Wu et al. 2017"
)]
public sealed record MarginLoss : MinedMetricLoss
{
    /// <summary>The half width around beta in which pairs cost, in units of the distance. Default 0.2.</summary>
    [Interval("[0, inf)")]
    public double Margin
    {
        get;
        init => field = Valid(value);
    } = 0.2;

    /// <summary>The distance between positives and negatives; where it is learned, its start. Default 1.2.</summary>
    [Interval("(-inf, inf)")]
    public double Beta
    {
        get;
        init => field = Valid(value);
    } = 1.2;

    /// <summary>The weight of beta itself, which keeps a learned beta small. Default 0.</summary>
    [Interval("[0, inf)")]
    public double Nu
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>Whether beta is a parameter that learns. Default false.</summary>
    public bool LearnBeta { get; init; }

    /// <summary>Whether each class has its own beta; needs LearnBeta. Default false.</summary>
    public bool PerClass { get; init; }

    private protected override bool ServesMemory => true;

    /// <inheritdoc/>
    protected internal override void Validate()
    {
        base.Validate();
        if (PerClass && !LearnBeta)
            throw new ArgumentException($"{Name}: PerClass needs LearnBeta: a beta a class has to be learned.", nameof(PerClass));
    }

    /// <inheritdoc/>
    protected internal override LossState? CreateState(LossContext context) =>
        LearnBeta
            ? new LossState(context).AddParameter(
                "beta",
                full([PerClass ? context.Needed(context.ClassCount, nameof(LossContext.ClassCount), Name) : 1], Beta, dtype: context.DType)
            )
            : null;

    private protected override LossTerms Score(MetricPairs pairs, MinedPairs mined, LossCall call)
    {
        var d = pairs.Dissimilarity(Distance);
        var beta = LearnBeta ? call.State["beta"] : tensor(Beta, dtype: d.dtype, device: d.device);
        if (PerClass)
        {
            if (call.CheckValues)
                CheckClasses(pairs.AnchorLabels, beta.shape[0]);
            beta = beta.index_select(0, pairs.AnchorLabels).unsqueeze(1);
        }
        var (positives, negatives) = mined.TripletsByPair();
        var beyond = (d - beta + Margin).relu();
        var within = (beta - d + Margin).relu();
        var sum = (beyond * positives).sum() + (within * negatives).sum();
        var active = (positives * beyond.detach().gt(0)).sum() + (negatives * within.detach().gt(0)).sum();
        if (!LearnBeta || Nu == 0)
            return PairTerms.Of(sum, active);
        if (!PerClass)
            return PairTerms.Of(sum, active, constant: (beta * Nu).sum());
        return PairTerms.Of(sum + (beta * positives.sum([1], keepdim: true)).sum() * Nu * active.gt(0), active);
    }
}
