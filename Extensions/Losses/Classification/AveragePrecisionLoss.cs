using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Smooth-AP by column. Column c, its known rows, P = positives, S_ij = sigmoid((x_j - x_i) / Temperature), j != i: l_c = 1 - mean over i
/// in P of (1 + sum_(j in P) S_ij) / (1 + sum_j S_ij). <c>mean</c> over the columns that have a positive; <c>none</c> is [C], 0 for the
/// others; no positive at all: 0. Labels, or class indices as one-vs-rest; further axes are rows too. The batch is the ranking: batches
/// without positives teach nothing, so sample them in. It teaches order only: calibrate afterwards. A perfect ranking costs 0, one positive
/// ranked last of n 1 - 1 / n. Brown et al. 2020, who take embeddings and a temperature of 0.01 for cosines. On other devices
/// than the CPU labels cost rows x rows a column, so that nothing waits for the positives to be found.
/// </summary>
/// <exception cref="ArgumentException">Shapes or types do not fit; row weights are given (a column has one value).</exception>
[LossGuide(
    "1 - mean over positives of rank among positives/rank",
    Use = "average precision is the metric and batches are large",
    Avoid = "small batches; probabilities",
    Cost = "positives x rows; labels elsewhere than on the CPU: rows x rows a column",
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

    private const long DenseElements = 1 << 24;

    /// <inheritdoc/>
    protected internal override TargetForms TargetForms => TargetForms.Indices | TargetForms.Labels;

    /// <inheritdoc/>
    protected override LossTerms Score(Tensor logits, ClassTargets targets, LossCall call)
    {
        var classes = targets.ClassCount;
        Tensor Rows(Tensor values) => values.dim() == 2 ? values : values.movedim([1], [-1]).reshape([-1, classes]);
        var scores = Rows(logits);
        if (!targets.AreBinary)
            return Terms(OfAnchors(scores, OfIndices(targets)));
        var labels = targets.AsLabels();
        // Anchors are listed where that costs no waiting; else every place is one, a few columns at a time.
        var listed = logits.device_type == DeviceType.CPU;
        var length = listed ? classes : Math.Max(1, DenseElements / Math.Max(1, scores.shape[0] * scores.shape[0]));
        return Terms(
            OfColumns(scores, Rows(labels.Raw.eq(1)), labels.MayIgnore ? Rows(labels.Valid!) : null, listed, length).transpose(0, 1)
        );
    }

    private static LossTerms Terms(Tensor sums) => new(sums[0] / sums[1].clamp_min(1), sums[1].gt(0)) { ByRow = false };

    /// <summary>Of each column the sum over its positives and their number, [C, 2].</summary>
    /// <param name="scores">[rows, C].</param>
    /// <param name="positive">bool [rows, C].</param>
    /// <param name="known">bool [rows, C]; null: every row is known.</param>
    /// <param name="listed">Whether the positives are listed, which waits for a device.</param>
    /// <param name="length">How many columns are worked on at once.</param>
    internal Tensor OfColumns(Tensor scores, Tensor positive, Tensor? known, bool listed, long length) =>
        PartByPart.Of(
            scores.t(),
            length,
            (part, others) =>
                OfAnchors(part.t(), OfLabels(others[0].t(), others.Length > 1 ? others[1].t() : null, listed)).transpose(0, 1),
            known is null ? [positive.t()] : [positive.t(), known.t()]
        );

    // The sum of 1 - precision over the anchors that count and their number, [2, C].
    private Tensor OfAnchors(Tensor scores, Anchors anchors)
    {
        // before[j, a]: how far row j ranks before the anchor a, a positive of some column; the anchor itself counts 1/2.
        var own = scores.take(anchors.Row * scores.shape[1] + anchors.Column);
        var before = ((scores.index_select(1, anchors.Column) - own) / Temperature).sigmoid();
        if (anchors.Known is not null)
            before = before * anchors.Known;
        var missed = (before * anchors.Negative).sum([0]) / (before.sum([0]) + 0.5);
        var counted = anchors.Counts.to(scores.dtype);
        var none = zeros(scores.shape[1], scores.dtype, scores.device);
        return stack([none.index_add(0, anchors.Column, missed * counted, 1), none.index_add(0, anchors.Column, counted, 1)]);
    }

    // Every row is the anchor of its own class.
    private static Anchors OfIndices(ClassTargets targets)
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

    private static Anchors OfLabels(Tensor positive, Tensor? known, bool listed)
    {
        Tensor row,
            column,
            counts;
        if (listed)
        {
            var places = positive.nonzero();
            (row, column) = (places.select(1, 0), places.select(1, 1));
            counts = ones_like(column);
        }
        else
        {
            var places = arange(positive.numel(), ScalarType.Int64, positive.device);
            (row, column) = (places.div(positive.shape[1], RoundingMode.floor).to(ScalarType.Int64), places.remainder(positive.shape[1]));
            counts = positive.reshape(-1);
        }
        return new(row, column, counts, positive.logical_not().index_select(1, column), known?.index_select(1, column));
    }

    /// <summary>Anchors (row and column of the scores; whether each counts) and how every row [rows, anchors] relates to them.</summary>
    private readonly record struct Anchors(Tensor Row, Tensor Column, Tensor Counts, Tensor Negative, Tensor? Known);
}
