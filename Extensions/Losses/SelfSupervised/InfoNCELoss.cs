using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// MoCo's loss: l_i = -log softmax([cos(a_i, b_i), negatives] / T) at the first. viewA holds the queries, viewB the keys (whose gradient flows if they
/// have one; MoCo's momentum encoder runs without). Negatives: the rows of the input <c>queue</c> [K, D] (detached, normalised inside) where given;
/// else the loss's own queue when <see cref="QueueSize"/> &gt; 0; else the other keys of the batch, one direction only (for both use
/// <see cref="NTXentLoss"/> or <see cref="ImageTextContrastiveLoss"/>). No queue and N = 1: 0. van den Oord et al. 2018, He et al. 2020; follows lightly's
/// NTXentLoss with a memory bank.
/// </summary>
[LossGuide(
    "-log(exp(cos(a_i, b_i) / T) / (exp(cos(a_i, b_i) / T) + Σ_neg exp(cos(a_i, q) / T)))",
    Use = "many negatives with small batches: a queue of keys from a momentum encoder",
    Avoid = "keys from the encoder that is being trained together with a queue: old keys no longer fit",
    Cost = "O(N K D), memory N K",
    Paper = "van den Oord et al. 2018, He et al. 2020"
)]
public sealed record InfoNCELoss : TwoViewLoss
{
    /// <summary>T: divides the cosines. Default 0.07.</summary>
    [Interval("(0, inf)")]
    public double Temperature
    {
        get;
        init => field = Valid(value);
    } = 0.07;

    /// <summary>
    /// K &gt; 0: the loss remembers the newest K keys as state <c>queue</c> [K, D] (random unit vectors at first, from the context's seed; training calls
    /// push theirs, evaluation does not) and takes them as negatives. Needs <see cref="LossContext.EmbeddingSize"/>. 0 (the default): no queue of its own.
    /// </summary>
    [Interval("[0, inf)")]
    public int QueueSize
    {
        get;
        init => field = Valid(value);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> OptionalInputs => ["queue"];

    /// <inheritdoc/>
    protected internal override LossState? CreateState(LossContext context)
    {
        if (QueueSize == 0)
            return null;
        var width = context.Needed(context.EmbeddingSize, nameof(LossContext.EmbeddingSize), Name);
        using var scope = NewDisposeScope();
        var state = new LossState(context);
        return state.AddBuffer("queue", Views.Unit(state.Normal(QueueSize, width)));
    }

    /// <inheritdoc/>
    protected override LossTerms Compare(Tensor viewA, Tensor viewB, LossCall call)
    {
        var (queries, keys) = (Views.Unit(viewA), Views.Unit(viewB));
        if (Negatives(viewA, call) is { } negatives)
        {
            var positive = Views.Dot(queries, keys) / Temperature;
            var others = RowLogSums.Of(queries.mm(negatives.t()), scale: 1 / Temperature);
            if (QueueSize > 0 && call.Training && call.Optional("queue") is null)
                call.State.Set("queue", cat([keys.detach().flip(0), negatives]).narrow(0, 0, QueueSize));
            return new(-nn.functional.logsigmoid(positive - others));
        }
        var logits = (queries / Temperature).mm(keys.t());
        return new(
            nn.functional.cross_entropy(logits, arange(viewA.shape[0], ScalarType.Int64, viewA.device), reduction: nn.Reduction.None)
        );
    }

    private Tensor? Negatives(Tensor viewA, LossCall call)
    {
        if (call.Optional("queue") is { } given)
        {
            if (given.dim() != 2 || given.shape[1] != viewA.shape[1] || given.shape[0] == 0)
                throw Shapes.Wrong(this, "queue", given, $"[K, {viewA.shape[1]}] with at least one row");
            return Views.Unit(given.detach());
        }
        if (QueueSize == 0)
            return null;
        var queue = call.State["queue"];
        if (queue.shape[1] != viewA.shape[1])
            throw Shapes.Wrong(this, "viewA", viewA, $"[N, {queue.shape[1]}], the EmbeddingSize that the loss was built for");
        return queue.to(viewA.dtype, copy: true); // the graph keeps it while the state moves on
    }
}
