using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// A loss on pairs against a memory of earlier batches. First the batch, detached, joins the memory and the oldest beyond <see cref="MemorySize"/> leave it;
/// then the inner loss takes its anchors from the batch and its partners from the whole memory, where a sample's own copy is no partner. Gradient reaches
/// the batch's side only; miners choose batch against memory; evaluation leaves the memory as it is. State: buffers <c>memoryEmbeddings</c>
/// [MemorySize, D] and <c>memoryLabels</c>, oldest first and filled from the end, <c>memoryCount</c> [1]; they are checkpointed. Optional inputs:
/// <c>keys</c> [K, D] (and <c>keyLabels</c>, by default the labels) join the memory in place of the embeddings, and a sample's own key is then a partner
/// (He et al. 2020, MoCo); <c>memoryEmbeddings</c> [M, D] with <c>memoryLabels</c>, a memory that the caller keeps: what becomes of it is found among the
/// results of the same names. Embeddings drift at first: give the loss a start step (a <see cref="WeightRamp"/>), and add the loss within the batch as a
/// term of its own. Wang et al. 2020 (XBM); follows pytorch-metric-learning's <c>CrossBatchMemory</c>.
/// </summary>
[LossGuide(
    "a loss on pairs of the batch against the last MemorySize embeddings",
    Use = "small batches: thousands of negatives for the price of one product",
    Avoid = "from step 0 on; with embeddings that change quickly",
    Cost = "that of the inner loss for N × MemorySize pairs",
    Paper = "Wang et al. 2020"
)]
[DefinitionExample("CrossBatchMemory(inner: Contrastive())")]
public sealed record CrossBatchMemoryLoss : MetricLoss
{
    /// <summary>How many embeddings it remembers; at least as many as a batch has. Default 1024.</summary>
    [Interval("[1, inf)")]
    public int MemorySize
    {
        get;
        init => field = Valid(value);
    } = 1024;

    /// <summary>
    /// The loss: Contrastive, Triplet without Swap, MultiSimilarity, SupervisedContrastive, Circle, LiftedStructure with Generalized, Margin, Angular or
    /// TupletMargin.
    /// </summary>
    public required MetricLoss Inner { get; init; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> OptionalInputs => ["keys", "keyLabels", "memoryEmbeddings", "memoryLabels"];

    /// <inheritdoc/>
    protected internal override bool HasTrueGradient => false;

    /// <inheritdoc/>
    protected internal override IEnumerable<(string Name, Loss Loss)> InnerLosses => [("inner", Inner)];

    /// <inheritdoc/>
    protected internal override void Validate()
    {
        if (Inner is not PairMetricLoss { MayUseMemory: true })
            throw new ArgumentException(
                $"{Name}: {Inner?.ToString() ?? "null"} cannot be its inner loss. Allowed: Contrastive, Triplet without swap, MultiSimilarity, "
                    + "SupervisedContrastive, Circle, LiftedStructure(generalized: true), Margin, Angular, TupletMargin.",
                nameof(Inner)
            );
        Inner.Validate();
    }

    /// <inheritdoc/>
    protected internal override LossState CreateState(LossContext context)
    {
        var size = context.Needed(context.EmbeddingSize, nameof(LossContext.EmbeddingSize), Name);
        return new LossState(context)
            .AddBuffer("memoryEmbeddings", zeros(MemorySize, size))
            .AddBuffer("memoryLabels", zeros(MemorySize, dtype: ScalarType.Int64))
            .AddBuffer("memoryCount", zeros(1, dtype: ScalarType.Int64));
    }

    /// <inheritdoc/>
    protected override LossTerms Compare(Tensor embeddings, Tensor labels, LossCall call)
    {
        var (keys, keyLabels) = ReadKeys(embeddings, labels, call);
        var given = call.Optional("memoryEmbeddings");
        var (memory, memoryLabels) = given is null ? (call.State["memoryEmbeddings"], call.State["memoryLabels"]) : ReadMemory(given, call);
        if (memory.shape[1] != keys.shape[1])
            throw Shapes.Wrong(this, "embeddings", embeddings, $"[N, {memory.shape[1]}], as wide as the memory");
        var joined = cat(new Tensor[] { memory.detach(), keys.detach().to(memory.dtype) });
        var joinedLabels = cat(new Tensor[] { memoryLabels, keyLabels });
        var surplus = Math.Max(0, joined.shape[0] - MemorySize);
        joined = joined.narrow(0, surplus, joined.shape[0] - surplus);
        joinedLabels = joinedLabels.narrow(0, surplus, joinedLabels.shape[0] - surplus);
        var inputs = call.Inputs.With(("references", joined), ("referenceLabels", joinedLabels));
        if (ReferenceEquals(keys, embeddings))
        {
            var first = joined.shape[0] - keys.shape[0];
            inputs["ownReferences"] = arange(first, joined.shape[0], dtype: ScalarType.Int64, device: keys.device);
        }
        if (given is null)
        {
            var count = (call.State["memoryCount"] + keys.shape[0]).clamp_(max: MemorySize);
            inputs["referenceMask"] = arange(MemorySize, dtype: ScalarType.Int64, device: keys.device).ge(MemorySize - count);
            if (call.Training)
            {
                call.State.Set("memoryEmbeddings", joined);
                call.State.Set("memoryLabels", joinedLabels);
                call.State.Set("memoryCount", count);
            }
        }
        var terms = call.Inner("inner", inputs).Terms();
        return given is null
            ? terms
            : terms with
            {
                Details = [.. terms.Details, ("memoryEmbeddings", joined), ("memoryLabels", joinedLabels)],
            };
    }

    private (Tensor Keys, Tensor Labels) ReadKeys(Tensor embeddings, Tensor labels, LossCall call)
    {
        var keys = call.Optional("keys") ?? embeddings;
        var keyLabels = call.Optional("keyLabels") ?? labels;
        CheckRows("keys", keys, "keyLabels", keyLabels);
        if (keys.shape[1] != embeddings.shape[1])
            throw Shapes.Wrong(this, "keys", keys, $"[K, {embeddings.shape[1]}], as wide as the embeddings");
        if (keys.shape[0] > MemorySize)
            throw new ArgumentException(
                $"{Name}: a batch of {keys.shape[0]} does not fit into the memory; set MemorySize ({MemorySize}) to at least the batch size.",
                nameof(MemorySize)
            );
        return (keys, keyLabels);
    }

    private (Tensor Memory, Tensor Labels) ReadMemory(Tensor memory, LossCall call)
    {
        var labels = call["memoryLabels"];
        CheckRows("memoryEmbeddings", memory, "memoryLabels", labels);
        return (memory, labels);
    }
}
