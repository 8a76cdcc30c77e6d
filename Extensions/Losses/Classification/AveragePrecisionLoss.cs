using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Smooth-AP by column. Column c, its known rows, P = positives, S_ij = sigmoid((x_j - x_i) / Temperature), j != i: l_c = 1 - mean over i
/// in P of (1 + sum_(j in P) S_ij) / (1 + sum_j S_ij). <c>mean</c> over the columns that have a positive; <c>none</c> is [C], 0 for the
/// others; no positive at all: 0. Labels, or class indices as one-vs-rest; further axes are rows too. The batch is the ranking: batches
/// without positives teach nothing, so sample them in. It teaches order only: calibrate afterwards. A perfect ranking costs 0, one positive
/// ranked last of n 1 - 1 / n. Brown et al. 2020, who take embeddings and a temperature of 0.01 for cosines. Finding the positives of
/// labels waits for the device.
/// </summary>
/// <exception cref="ArgumentException">Shapes or types do not fit; row weights are given (a column has one value).</exception>
[LossGuide(
    "1 - mean over positives of rank among positives/rank",
    Use = "average precision is the metric and batches are large",
    Avoid = "small batches; probabilities",
    Cost = "positives x rows",
    Paper = "Brown et al. 2020"
)]
public sealed record AveragePrecisionLoss : IndexedClassificationLoss
{
    /// <summary>In logits; smaller is closer to true average precision with fewer useful pairs. Default 1.</summary>
    [Interval("(0, inf)")]
    public double Temperature
    {
        get;
        init => field = Valid(value);
    } = 1;

    /// <inheritdoc/>
    protected internal override TargetForms TargetForms => TargetForms.Indices | TargetForms.Labels;

    /// <inheritdoc/>
    protected override LossTerms Score(Tensor logits, ClassTargets targets, LossCall call)
    {
        var classes = targets.ClassCount;
        var scores = logits.dim() == 2 ? logits : logits.movedim([1], [-1]).reshape([-1, classes]);
        var pairs = targets.AreBinary ? OfLabels(targets.AsLabels(), classes) : OfIndices(targets);
        // before[j, a]: how far row j ranks before the anchor a, a positive of some column; the anchor itself counts 1/2.
        var anchors = scores.take(pairs.Row * classes + pairs.Column);
        var before = ((scores.index_select(1, pairs.Column) - anchors) / Temperature).sigmoid();
        if (pairs.Known is not null)
            before = before * pairs.Known;
        var missed = (before * pairs.Negative).sum([0]) / (before.sum([0]) + 0.5);
        var counted = pairs.Counts.to(scores.dtype);
        var counts = zeros(classes, scores.dtype, scores.device).index_add(0, pairs.Column, counted, 1);
        var sums = zeros(classes, scores.dtype, scores.device).index_add(0, pairs.Column, missed * counted, 1);
        return new(sums / counts.clamp_min(1), counts.gt(0)) { ByRow = false };
    }

    // Every row is the anchor of its own class.
    private static Pairs OfIndices(ClassTargets targets)
    {
        var column = targets.Safe.flatten();
        var valid = targets.Valid!.flatten();
        return new(
            arange(column.shape[0], ScalarType.Int64, column.device),
            column,
            valid,
            column.unsqueeze(1).ne(column),
            valid.unsqueeze(1)
        );
    }

    private static Pairs OfLabels(ClassTargets targets, int classes)
    {
        Tensor Rows(Tensor labels) => labels.dim() == 2 ? labels : labels.movedim([1], [-1]).reshape([-1, classes]);
        var positive = Rows(targets.Raw.eq(1));
        var place = positive.nonzero();
        var column = place.select(1, 1);
        return new(
            place.select(1, 0),
            column,
            ones_like(column),
            positive.logical_not().index_select(1, column),
            targets.MayIgnore ? Rows(targets.Valid!).index_select(1, column) : null
        );
    }

    /// <summary>Anchors (row and column of the scores; whether each counts) and how every row [rows, anchors] relates to them.</summary>
    private readonly record struct Pairs(Tensor Row, Tensor Column, Tensor Counts, Tensor Negative, Tensor? Known);
}
