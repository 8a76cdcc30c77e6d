using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Learns weights so that all tasks train at one rate. Inputs <c>gradientNorms</c> n [T] (norm of each unweighted loss's gradient at the last shared layer), <c>losses</c>,
/// <c>initialLosses</c> (of step 0). G = w n; r_i = (L_i / L0_i) / mean(L / L0); target = mean(G) r^Alpha, constant; value = sum_i |G_i - target_i|, to be differentiated in the
/// parameter <c>weights</c> w [T] (start 1) alone. After each step w is set to max(w, 0) T / sum(max(w, 0)). The network trains on sum w_i L_i with w constant. In a training
/// all this happens by itself: the norms are taken at <see cref="SharedLayer"/>, at the cost of the terms' backward passes from their heads to that layer, and
/// w moves with the optimizer at the loss's learning rate. A loss of 0: target 0. L0 &lt;= 0 throws. Chen et al. 2018 eq 1 and 2.
/// </summary>
[LossGuide(
    "w from Σ |w_i n_i - mean(w n) r_i^α|",
    Use = "tasks that train at uneven speed",
    Avoid = "losses that start at 0; terms that share no layer",
    Cost = "T backward passes down to one layer",
    Paper = "Chen et al. 2018"
)]
public sealed record GradNormLoss : LossWeighting
{
    /// <summary>How strongly slow tasks are helped; 0: equal norms. The paper: 1.5 for unlike tasks, 0.12 for like ones. Default 1.5.</summary>
    [Interval("[0, inf)")]
    public double Alpha
    {
        get;
        init => field = Valid(value);
    } = 1.5;

    /// <summary>
    /// The name of the network's parameter at which a training takes the norms. Null (the default): the last matrix that the gradients of all terms reach.
    /// </summary>
    public string? SharedLayer { get; init; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> RequiredInputs => ["losses", "gradientNorms", "initialLosses"];

    /// <inheritdoc/>
    protected internal override bool HasTrueGradient => false; // targets are constant

    /// <inheritdoc/>
    protected override LossState? CreateState(LossContext context, int tasks) =>
        new LossState(context).AddParameter("weights", ones(tasks)).AddBuffer("initialLosses", zeros(tasks));

    /// <inheritdoc/>
    protected override LossTerms Weigh(Tensor losses, LossCall call)
    {
        var norms = Fact("gradientNorms", losses, call) ?? call["gradientNorms"];
        var initial = Fact("initialLosses", losses, call) ?? call["initialLosses"];
        if (call.CheckValues)
            CheckInitial(initial);
        var weighted = Needed(call)["weights"] * norms;
        Tensor targets;
        using (no_grad())
        {
            var ratios = losses.detach() / initial;
            var rates = (ratios / LossReducer.NotZero(ratios.mean())).clamp(min: 0);
            targets = weighted.mean() * rates.pow(Alpha);
        }
        return LossTerms.Single((weighted - targets).abs().sum(), ("targetNorms", targets));
    }

    private void CheckInitial(Tensor initial)
    {
        using var scope = NewDisposeScope();
        if (!initial.gt(0).all().item<bool>())
            throw new ArgumentException($"{Name}: initialLosses must be > 0, since progress is measured against them.", "initialLosses");
    }

    /// <summary>Brings the weights back to a sum of T, none below 0.</summary>
    internal static void Renormalize(LossState state)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        var weights = state["weights"];
        weights.clamp_(min: 0);
        var total = weights.sum();
        // All fell to 0: start anew.
        weights.copy_(where(total.eq(0), 1, weights * (weights.shape[0] / LossReducer.NotZero(total))));
    }
}
