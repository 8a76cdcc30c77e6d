using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// For dense detection heads: <c>logits</c> [K] (or any shape: everything is ranked together) and <c>targets</c> of the same shape: 0 a
/// negative, in (0, 1] a positive with that quality (its overlap), below 0 ignored. H(d) = clamp(d / (2 Delta) + 1/2, 0, 1), H_ij = H(x_j -
/// x_i). For each positive i: F = sum of H_ij over negatives, R = over positives (itself 1/2); ranking = F / (R + F); sorting = sum over
/// positives of H_ij (1 - y_j) / R - the same ratio over positives with y_j &gt;= y_i. Value: the mean over positives of ranking + sorting;
/// no positive: 0. One value: no reduction changes it.
/// <para><b>The gradient is an update rule, not the derivative.</b> For each positive i, where F &gt; 0: grad_i -= ranking_i and grad_j +=
/// ranking_i H_ij / F for every negative j; where M = sum of H_ij over positives with y_j &lt; y_i is &gt; 0: grad_i -= sorting_i and
/// grad_j += sorting_i H_ij / M for those j; all divided by the number of positives. Do not weigh it like other terms nor average it over
/// images: rank the whole batch.</para> Finding the positives waits for the device. Oksuz et al. 2021; follows kemaloksuz/RankSortLoss.
/// </summary>
/// <exception cref="ArgumentException">Shapes or types do not fit, or a target exceeds 1.</exception>
[LossFamily("Classification")]
[LossGuide(
    "mean over positives of ranking + sorting error",
    Use = "dense detection heads: no loss weights or sampling to tune",
    Avoid = "averages over images; a check by finite differences",
    Cost = "positives x places",
    Paper = "Oksuz et al. 2021"
)]
public sealed record RankSortLoss : DenseDetectionLoss
{
    /// <summary>Half the width of the ramp that replaces the step, in logits. Default 0.5.</summary>
    [Interval("(0, inf)")]
    public double Delta
    {
        get;
        init => field = Valid(value);
    } = 0.5;

    /// <inheritdoc/>
    protected internal override bool HasTrueGradient => false;

    /// <inheritdoc/>
    protected override LossTerms Score(Tensor logits, Tensor targets, LossCall call)
    {
        var wanted = KnownGradient.IsWanted(logits);
        Tensor value;
        Tensor update;
        using (no_grad())
            (value, update) = Rank(logits.detach().flatten(), targets.to(logits.dtype).flatten());
        // The update reaches the logits as if it were the gradient; the value is not touched.
        return LossTerms.Single(wanted ? value + ((logits - logits.detach()).flatten() * update).sum() : value);
    }

    private (Tensor Value, Tensor Update) Rank(Tensor x, Tensor y)
    {
        // Waits for the device twice: a head has some hundred thousand places and a few hundred positives, and every pair of places is too many.
        var places = y.gt(0).nonzero().squeeze(1);
        var (own, quality) = (x.take(places), y.take(places));
        var count = Math.Max(places.shape[0], 1);
        var update = zeros_like(x);
        // A negative further than Delta below the lowest positive overtakes none.
        var rivals = places.shape[0] == 0 ? places : y.eq(0).logical_and(x.gt(own.min() - Delta)).nonzero().squeeze(1);

        var overNegatives = Ramp(x.take(rivals) - own.unsqueeze(1)); // [positives, rivals]
        var overPositives = Ramp(own - own.unsqueeze(1));
        var falsePositives = overNegatives.sum(1);
        var rank = overPositives.sum(1);
        var ranking = falsePositives / (rank + falsePositives);

        var worse = quality.lt(quality.unsqueeze(1)).to(x.dtype);
        var loss = overPositives * (1 - quality);
        var better = overPositives * (1 - worse);
        var sorting = loss.sum(1) / rank - (loss * (1 - worse)).sum(1) / better.sum(1);
        var swapped = overPositives * worse;
        var misplaced = swapped.sum(1);

        update.index_add_(0, rivals, PushUp(ranking, overNegatives, falsePositives), 1);
        update.index_add_(0, places, PushUp(sorting, swapped, misplaced), 1);
        var pull = ranking * falsePositives.gt(0) + sorting * misplaced.gt(0);
        update.index_add_(0, places, -pull, 1);
        return ((ranking + sorting).sum() / count, update / count);
    }

    // sum over positives i of error_i H_ij / total_i
    private static Tensor PushUp(Tensor error, Tensor steps, Tensor total) =>
        ((error / where(total.gt(0), total, 1)).unsqueeze(1) * steps).sum([0]);

    private Tensor Ramp(Tensor difference) => (difference / (2 * Delta) + 0.5).clamp(0, 1);
}
