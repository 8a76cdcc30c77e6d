using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// SimCLR's loss: with z the 2N rows of both views and p(i) the other view of i,
/// l_i = -log(exp(cos(z_i, z_p(i)) / T) / sum_{k != i} exp(cos(z_i, z_k) / T)). 2N terms, viewA's rows first; N = 1: 0 (no negative).
/// With the input <c>labels</c> int64 [N] all rows of a class are positives of each other, each compared with the anchor's negatives; a term is the
/// sum over the row's positives and <c>mean</c> is over all positive pairs. One product [2N, 2N]. Chen et al. 2020 (SimCLR); follows lightly and,
/// with labels, pytorch-metric-learning (which uses Temperature 0.07).
/// </summary>
[LossGuide(
    "-log(exp(cos(z_i, z_p) / T) / Σ_{k≠i} exp(cos(z_i, z_k) / T))",
    Use = "two augmentations of each image, batches of hundreds",
    Avoid = "tiny batches (few negatives): use BootstrapYourOwnLatent or VICReg; comparing values across batch sizes or temperatures",
    Cost = "O(N² D), memory 4 N²",
    Paper = "Chen et al. 2020"
)]
public sealed record NTXentLoss : TwoViewLoss
{
    /// <summary>T: divides the cosines; small: hard negatives count most. Default 0.5.</summary>
    [Interval("(0, inf)")]
    public double Temperature
    {
        get;
        init => field = Valid(value);
    } = 0.5;

    /// <inheritdoc/>
    public override IReadOnlyList<string> OptionalInputs => ["labels"];

    /// <inheritdoc/>
    protected override LossTerms Compare(Tensor viewA, Tensor viewB, LossCall call)
    {
        var rows = viewA.shape[0];
        var views = cat([Views.Unit(viewA), Views.Unit(viewB)]) * (1 / Math.Sqrt(Temperature));
        var logits = Views.ExcludeDiagonal(views.mm(views.t()));
        if (call.Optional("labels") is { } labels)
            return OnLabels(logits, labels, viewA);
        var partners = arange(2 * rows, ScalarType.Int64, viewA.device).roll(rows, 0);
        return new(nn.functional.cross_entropy(logits, partners, reduction: nn.Reduction.None));
    }

    private LossTerms OnLabels(Tensor logits, Tensor labels, Tensor viewA)
    {
        if (labels.dtype != ScalarType.Int64 || labels.dim() != 1 || labels.shape[0] != viewA.shape[0])
            throw Shapes.Wrong(this, "labels", labels, $"class indices int64 [{viewA.shape[0]}]");
        var classes = cat([labels, labels]);
        var same = classes.unsqueeze(0).eq(classes.unsqueeze(1));
        var pairs = same.to(logits.dtype);
        pairs.diagonal().zero_();
        // A finite floor: a row without negatives keeps a defined gradient, 0.
        var negatives = logits.masked_fill(same, -1e30).logsumexp(1, keepdim: true);
        var cost = -nn.functional.logsigmoid(logits.masked_fill(pairs.eq(0), 1e30) - negatives);
        return new((cost * pairs).sum(1), pairs.sum(1)) { Weighted = true };
    }

    /// <inheritdoc/>
    protected internal override Tensor ShapeWeights(Tensor weights, Tensor values)
    {
        if (weights.dim() != 1 || 2 * weights.shape[0] != values.shape[0])
            throw Shapes.Wrong(this, "weights", weights, $"[{values.shape[0] / 2}], one a row of a view");
        return weights.repeat(2);
    }
}
