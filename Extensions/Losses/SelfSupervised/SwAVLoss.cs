using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Inputs <c>views</c> [V, N, D], V &gt;= 2, whose first GlobalCrops give codes, and optionally <c>queue</c> [GlobalCrops, Q, D] of older features of each
/// global crop. Parameter <c>prototypes</c> [K, D], uniform in +-1/sqrt(D) at first. s_v = cos(views_v, prototypes). Codes (detached) of crop i: Q = exp(s /
/// SinkhornEpsilon) over the N (+ Q) rows; SinkhornIterations times each prototype's column is divided by its sum, then each row by its sum; the first N rows
/// count. Value: mean over i of mean over v != i of -mean_n sum_k Q_i,nk log softmax_k(s_v / Temperature); a term a row n.
/// Caron et al. 2020; follows lightly on these cosines. Sinkhorn runs on logarithms, so that a small epsilon stays finite. The gradient goes through the
/// normalisation of the prototypes. Freezing them for the first epoch is the trainer's job.
/// </summary>
[LossGuide(
    "-Σ_{v≠i} Sinkhorn(s_i / ε) · log softmax(s_v / T)",
    Use = "clustering-based pre-training with multi-crop views and moderate batches",
    Avoid = "fewer rows (with queue) than prototypes: Sinkhorn has nothing to spread",
    Cost = "O(V N K D + iterations (N + Q) K)",
    Paper = "Caron et al. 2020"
)]
public sealed record SwAVLoss : SelfSupervisedLoss
{
    /// <summary>T: divides the cosines of the predictions. Default 0.1.</summary>
    [Interval("(0, inf)")]
    public double Temperature
    {
        get;
        init => field = Valid(value);
    } = 0.1;

    /// <summary>Divides the cosines of the codes; small: harder codes. Default 0.05.</summary>
    [Interval("(0, inf)")]
    public double SinkhornEpsilon
    {
        get;
        init => field = Valid(value);
    } = 0.05;

    /// <summary>How often columns and rows are normalised. Default 3.</summary>
    [Interval("[1, inf)")]
    public int SinkhornIterations
    {
        get;
        init => field = Valid(value);
    } = 3;

    /// <summary>How many of the first views give codes, at most V. Default 2.</summary>
    [Interval("[1, inf)")]
    public int GlobalCrops
    {
        get;
        init => field = Valid(value);
    } = 2;

    /// <summary>K, the number of prototypes (the paper: 3000); null (the default): <see cref="LossContext.ClassCount"/>.</summary>
    [Interval("[1, inf)")]
    public int? PrototypeCount
    {
        get;
        init => field = Valid(value);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> RequiredInputs => ["views"];

    /// <inheritdoc/>
    public override IReadOnlyList<string> OptionalInputs => ["queue"];

    /// <inheritdoc/>
    protected internal override bool RowsFirst => false;

    /// <inheritdoc/>
    protected internal override bool HasTrueGradient => false; // the codes depend on the views and are held constant

    /// <inheritdoc/>
    protected internal override LossState CreateState(LossContext context)
    {
        var count = PrototypeCount ?? context.Needed(context.ClassCount, nameof(LossContext.ClassCount), Name);
        var width = context.Needed(context.EmbeddingSize, nameof(LossContext.EmbeddingSize), Name);
        using var scope = NewDisposeScope();
        var state = new LossState(context);
        return state.AddParameter("prototypes", (rand([count, width], generator: state.Generator) * 2 - 1) / Math.Sqrt(width));
    }

    /// <inheritdoc/>
    protected internal override LossTerms ComputeTerms(LossCall call)
    {
        var (views, prototypes) = (call["views"], Views.Unit(call.State["prototypes"]));
        Shapes.Floating(this, "views", views);
        if (views.dim() != 3 || views.shape[0] < Math.Max(2, GlobalCrops) || views.shape[2] != prototypes.shape[1])
            throw Shapes.Wrong(
                this,
                "views",
                views,
                $"[V, N, {prototypes.shape[1]}] with at least {Math.Max(2, GlobalCrops)} views (GlobalCrops is {GlobalCrops})"
            );
        var scores = Scores(views, prototypes);
        return new(Views.CrossEntropy(Codes(scores, prototypes, call), nn.functional.log_softmax(scores / Temperature, -1)));
    }

    private static Tensor Scores(Tensor vectors, Tensor prototypes) =>
        Views
            .Unit(vectors)
            .reshape(-1, vectors.shape[2])
            .mm(prototypes.t())
            .reshape(vectors.shape[0], vectors.shape[1], prototypes.shape[0]);

    private Tensor Codes(Tensor scores, Tensor prototypes, LossCall call)
    {
        using var frozen = no_grad();
        var rows = scores.shape[1];
        var logits = scores.detach().narrow(0, 0, GlobalCrops);
        if (call.Optional("queue") is { } queue)
        {
            if (queue.dim() != 3 || queue.shape[0] != GlobalCrops || queue.shape[2] != prototypes.shape[1])
                throw Shapes.Wrong(this, "queue", queue, $"[{GlobalCrops}, Q, {prototypes.shape[1]}], one for each global crop");
            logits = cat([logits, Scores(queue.detach(), prototypes)], 1);
        }
        logits = logits / SinkhornEpsilon;
        for (var i = 1; i < SinkhornIterations; i++)
            logits = nn.functional.log_softmax(nn.functional.log_softmax(logits, 1), 2);
        return nn.functional.softmax(nn.functional.log_softmax(logits, 1).narrow(1, 0, rows), 2);
    }
}
