using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// A metric loss on pairs or triplets of samples. Positive pairs are ordered (i, j), i != j, of one class; negative pairs ordered, of different classes;
/// triplets (anchor, positive, negative). Optional inputs: <c>references</c> [M, D] and <c>referenceLabels</c> int64 [M]: partners come from there
/// instead of the batch (<c>ownReferences</c> int64 [N] names the row that is the anchor itself and so no partner; <c>referenceMask</c> bool [M] leaves
/// rows out); <c>positivePairs</c> and <c>negativePairs</c> int64 [P, 2], or <c>triplets</c> int64 [T, 3]: rows of anchors and partners to be used
/// instead of all or of a miner's. No pair: value 0, gradient 0. Row weights apply to losses with a term an anchor.
/// </summary>
public abstract record PairMetricLoss : MetricLoss
{
    private static readonly string[] PairInputs =
    [
        "references",
        "referenceLabels",
        "ownReferences",
        "referenceMask",
        "positivePairs",
        "negativePairs",
        "triplets",
    ];

    /// <inheritdoc/>
    public override IReadOnlyList<string> OptionalInputs => PairInputs;

    /// <inheritdoc/>
    protected sealed override LossTerms Compare(Tensor embeddings, Tensor labels, LossCall call)
    {
        var pairs = ReadPairs(embeddings, labels, call);
        if (pairs.Anchors.shape[0] == 0 || pairs.Partners.shape[0] == 0)
            return new(embeddings.sum([1]) * 0, zeros(embeddings.shape[0], dtype: embeddings.dtype, device: embeddings.device));
        return Score(pairs, Select(pairs, call), call);
    }

    /// <summary>The formula.</summary>
    private protected abstract LossTerms Score(MetricPairs pairs, MinedPairs mined, LossCall call);

    /// <summary>What the loss keeps of all pairs where the caller names none.</summary>
    private protected virtual MinedPairs Mine(MetricPairs pairs, LossCall call) => MinedPairs.All(pairs);

    /// <summary>Whether it may be the inner loss of a <see cref="CrossBatchMemoryLoss"/>.</summary>
    private protected virtual bool ServesMemory => false;

    internal bool MayUseMemory => ServesMemory;

    private MetricPairs ReadPairs(Tensor embeddings, Tensor labels, LossCall call)
    {
        var (references, referenceLabels) = (call.Optional("references"), call.Optional("referenceLabels"));
        if (references is null)
        {
            foreach (var lonely in new[] { "referenceLabels", "ownReferences", "referenceMask" })
                if (call.Optional(lonely) is not null)
                    throw new ArgumentException($"{Name}: '{lonely}' is given without 'references'.", lonely);
            return new(embeddings, labels, null, null, null, null);
        }
        if (referenceLabels is null)
            throw new ArgumentException($"{Name}: 'references' need 'referenceLabels', int64 [{references.shape[0]}].", "referenceLabels");
        CheckRows("references", references, "referenceLabels", referenceLabels);
        if (references.shape[1] != embeddings.shape[1])
            throw Shapes.Wrong(this, "references", references, $"[M, {embeddings.shape[1]}], as wide as the embeddings");
        var (n, m) = (embeddings.shape[0], references.shape[0]);
        if (call.Optional("ownReferences") is { } own)
        {
            if (own.dim() != 1 || own.shape[0] != n || own.dtype != ScalarType.Int64)
                throw Shapes.Wrong(this, "ownReferences", own, $"int64 [{n}], a row of references for each anchor");
            CheckIndices(call, "ownReferences", own, m);
        }
        if (call.Optional("referenceMask") is { } mask && (mask.dim() != 1 || mask.shape[0] != m || mask.dtype != ScalarType.Bool))
            throw Shapes.Wrong(this, "referenceMask", mask, $"bool [{m}]");
        return new(
            embeddings,
            labels,
            references.to(embeddings.dtype),
            referenceLabels,
            call.Optional("ownReferences"),
            call.Optional("referenceMask")
        );
    }

    private MinedPairs Select(MetricPairs pairs, LossCall call)
    {
        var (positive, negative, triplets) = (call.Optional("positivePairs"), call.Optional("negativePairs"), call.Optional("triplets"));
        if (triplets is not null)
        {
            if (positive is not null || negative is not null)
                throw new ArgumentException($"{Name}: give either 'triplets' or 'positivePairs' and 'negativePairs'.", "triplets");
            CheckRowNumbers(call, "triplets", triplets, 3, pairs);
            var columns = triplets.unbind(1);
            return MinedPairs.OfTriplets(pairs, new TripletList(columns[0], columns[1], columns[2], null));
        }
        if (positive is null && negative is null)
            return Mine(pairs, call);
        if (positive is null || negative is null)
            throw new ArgumentException(
                $"{Name}: '{(positive is null ? "negativePairs" : "positivePairs")}' are given alone; give both (one may be empty, [0, 2]).",
                positive is null ? "positivePairs" : "negativePairs"
            );
        CheckRowNumbers(call, "positivePairs", positive, 2, pairs);
        CheckRowNumbers(call, "negativePairs", negative, 2, pairs);
        return MinedPairs.OfPairs(pairs, positive, negative);
    }

    private void CheckRowNumbers(LossCall call, string name, Tensor rows, int width, MetricPairs pairs)
    {
        if (rows.dim() != 2 || rows.shape[1] != width || rows.dtype != ScalarType.Int64)
            throw Shapes.Wrong(this, name, rows, $"int64 [K, {width}]");
        CheckIndices(call, name, rows.narrow(1, 0, 1), pairs.Anchors.shape[0]);
        CheckIndices(call, name, rows.narrow(1, 1, width - 1), pairs.Partners.shape[0]);
    }

    private void CheckIndices(LossCall call, string name, Tensor rows, long count)
    {
        if (!call.CheckValues || rows.numel() == 0)
            return;
        var (low, high) = (rows.min().item<long>(), rows.max().item<long>());
        if (low < 0 || high >= count)
            throw new ArgumentOutOfRangeException(
                name,
                low < 0 ? low : high,
                $"{Name}: {name} names row {(low < 0 ? low : high)}; there are {count} rows, numbered from 0."
            );
    }
}
