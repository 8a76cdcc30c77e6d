using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// l = r sum y (y - p)^2 / max(1, sum y) + (1 - r) sum (1 - y)(y - p)^2 / max(1, sum (1 - y)) in each cell, r = SensitivityRatio. An absent class loses its
/// first part. The gradient vanishes where p saturates, also on wrong pixels. Shapes, cells and weights: <see cref="RegionLoss"/>. Brosch et al. 2015.
/// </summary>
[LossGuide(
    "r Σy(y-p)²/Σy + (1-r) Σ(1-y)(y-p)²/Σ(1-y)",
    Use = "very small objects, with a stated price of misses against false alarms",
    Avoid = "from scratch with saturated outputs: wrong pixels have no gradient",
    Cost = "softmax and three passes",
    Paper = "Brosch et al. 2015"
)]
public sealed record SensitivitySpecificityLoss : RegionLoss
{
    /// <summary>r: the weight of the error on the object. Default 0.05.</summary>
    [Interval("[0, 1]")]
    public double SensitivityRatio
    {
        get;
        init => field = Valid(value);
    } = 0.05;

    private protected override Tensor Measure(Tensor logits, ClassTargets targets, int first)
    {
        if (!PixelScores.HaveBackground(targets))
            return OfLabels(logits, targets.AsLabels());
        var (images, classes, pixels) = (logits.shape[0], logits.shape[1], PixelScores.PixelCount(logits));
        var (everywhere, indices) = (targets.Weights(logits)!.reshape(images, pixels), targets.Safe.reshape(images, pixels));
        // The formula holds six tensors of the size of its logits: a few images at a time. [N, 4, C].
        var scores = logits.reshape(images, classes, pixels);
        var byImage = PartByPart.Of(
            scores,
            PartByPart.Length(scores),
            (part, others) => OfIndices(part, others[0], others[1]),
            everywhere,
            indices
        );
        var rows = byImage.transpose(0, 1);
        return first == 0 ? rows : rows.narrow(2, first, classes - first);
    }

    private static Tensor OfIndices(Tensor scores, Tensor valid, Tensor safe)
    {
        var p = nn.functional.softmax(scores, 1);
        var missed = (1 - p.gather(1, safe.unsqueeze(1)).squeeze(1)).square() * valid;
        var elsewhere = p.scatter(1, safe.unsqueeze(1), zeros_like(missed).unsqueeze(1)).square().bmm(valid.unsqueeze(2)).squeeze(2);
        var cells = zeros_like(elsewhere).detach();
        return stack(
            [
                cells.scatter_add(1, safe, missed),
                elsewhere,
                cells.scatter_add(1, safe, valid),
                valid.sum(1, keepdim: true).expand(cells.shape),
            ],
            1
        );
    }

    private static Tensor OfLabels(Tensor logits, ClassTargets targets)
    {
        var valid = targets.Weights(logits)!;
        var y = targets.Safe.to(logits.dtype);
        var squares = (y - logits.sigmoid()).square() * valid;
        var missed = squares * y;
        Tensor Sum(Tensor values) => values.reshape(logits.shape[0], logits.shape[1], PixelScores.PixelCount(logits)).sum(2);
        return stack([Sum(missed), Sum(squares - missed), Sum(y * valid), Sum(valid)]);
    }

    private protected override Tensor Cell(Tensor rows)
    {
        var (target, valid) = (rows[2], rows[3]);
        return rows[0] / target.clamp(min: 1) * SensitivityRatio + rows[1] / (valid - target).clamp(min: 1) * (1 - SensitivityRatio);
    }
}
