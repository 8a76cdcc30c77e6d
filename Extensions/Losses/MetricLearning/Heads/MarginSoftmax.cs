using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>The target's score with its margin, and how it depends on the plain score and on the embedding's length, each [N].</summary>
/// <param name="Value">In place of the cosine.</param>
/// <param name="Slope">dvalue/dscore.</param>
/// <param name="ByLength">dvalue/dlength; null: none.</param>
internal readonly record struct TargetScore(Tensor Value, Tensor Slope, Tensor? ByLength = null);

/// <summary>
/// Cross-entropy over scaled scores of unit class vectors, the target's score replaced by one with a margin. Scores, probabilities and gradient share one
/// buffer [N, C]: the chain of operations would make ten.
/// </summary>
internal static class MarginSoftmax
{
    /// <param name="rows">[N, D], on the graph.</param>
    /// <param name="classes">Unit vectors [C * perClass, D], on the graph; the nearest of a class counts.</param>
    /// <param name="labels">int64 [N].</param>
    /// <param name="scale">Multiplies the scores.</param>
    /// <param name="rule">The target's score.</param>
    /// <param name="perClass">Vectors a class.</param>
    /// <param name="bound">Scores are clamped to +- this; null: not.</param>
    public static (Tensor Values, Tensor? ByLength) CrossEntropy(
        Tensor rows,
        Tensor classes,
        Tensor labels,
        double scale,
        Func<Tensor, TargetScore> rule,
        int perClass,
        double? bound
    )
    {
        var wantsGradient = KnownGradient.IsWanted(rows) || KnownGradient.IsWanted(classes);
        Tensor values;
        Tensor? byLength = null;
        Tensor? byScore = null;
        using (no_grad())
        {
            var target = labels.unsqueeze(1);
            var scores = rows.detach().mul(scale).mm(classes.detach().t());
            Tensor? nearest = null;
            if (perClass > 1)
                (scores, nearest) = scores.view(scores.shape[0], -1, perClass).max(2);
            Tensor? beyond = null;
            if (bound is { } limit)
            {
                beyond = scores.abs().gt(limit * scale);
                scores.clamp_(-limit * scale, limit * scale);
            }
            var margined = rule(scores.gather(1, target).squeeze(1).div_(scale));
            scores.scatter_(1, target, margined.Value.mul(scale).unsqueeze(1));
            var logProbabilities = nn.functional.log_softmax(scores, 1);
            values = logProbabilities.gather(1, target).squeeze(1).neg_();
            if (wantsGradient)
            {
                byScore = logProbabilities.exp_();
                var byTarget = byScore.gather(1, target).squeeze(1).sub_(1);
                byLength = margined.ByLength?.mul(byTarget).mul_(scale);
                byScore.scatter_(1, target, (byTarget * margined.Slope).unsqueeze(1));
                if (beyond is not null)
                    byScore.masked_fill_(beyond, 0);
                if (nearest is not null)
                    byScore = zeros(byScore.shape[0], byScore.shape[1], perClass, dtype: byScore.dtype, device: byScore.device)
                        .scatter_(2, nearest.unsqueeze(2), byScore.unsqueeze(2))
                        .view(byScore.shape[0], -1);
            }
        }
        if (byScore is null)
            return (values, byLength);
        // sum_c byScore_c w_c is the gradient by the row; as a function of w it carries the gradient by the classes, weighed by row.
        var pull = byScore.mm(classes) * scale;
        var still = rows.detach();
        return (values + ((rows - still) * pull.detach()).sum([1]) + ((pull - pull.detach()) * still).sum([1]), byLength);
    }
}
