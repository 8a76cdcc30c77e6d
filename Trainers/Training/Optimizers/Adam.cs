namespace MLNetLosses.Training;

/// <summary>
/// Adam with weight decay through the gradient, g &lt;- g + WeightDecay w (Kingma and Ba 2015). Follows <c>torch.optim.Adam</c>.
/// </summary>
public sealed record Adam : AdaptiveMoments
{
    private protected override bool DecaysWeights => false;
}

/// <summary>
/// Adam with decoupled weight decay, w &lt;- w (1 - rate WeightDecay) (Loshchilov and Hutter 2019). Follows <c>torch.optim.AdamW</c>;
/// WeightDecay is 0.01 by default.
/// </summary>
public sealed record AdamW : AdaptiveMoments
{
    /// <summary>Starts from a weight decay of 0.01.</summary>
    public AdamW() => WeightDecay = 0.01;

    private protected override bool DecaysWeights => true;
}
