namespace MLNetLosses.Losses;

/// <summary>A loss on pairs or triplets whose distance and miner can be chosen.</summary>
public abstract record MinedMetricLoss : PairMetricLoss
{
    /// <summary>How far apart two embeddings are. Default Euclidean distance of unit vectors.</summary>
    public Distance Distance
    {
        get;
        init => field = value ?? throw new ArgumentNullException(nameof(Distance));
    } = new EuclideanDistance();

    /// <summary>Which pairs or triplets are used. Default all.</summary>
    public Miner Miner
    {
        get;
        init => field = value ?? throw new ArgumentNullException(nameof(Miner));
    } = new AllMiner();

    /// <inheritdoc/>
    protected internal override void Validate()
    {
        Distance.Validate();
        Miner.CheckFor(Distance);
    }

    private protected override MinedPairs Mine(MetricPairs pairs, LossCall call) => Miner.Mine(pairs, Distance, call);
}
