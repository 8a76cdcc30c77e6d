using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Weights by how much a loss still varies against its own level: l_k = L_k / (mean of L before k), l_0 = 1; over the K earlier steps
/// c = sqrt(population variance of l + 1e-8) / mean of l, w = c / sum c, constant; K &lt;= 1: w = 1 / T. value = sum w_i L_i. Input <c>history</c> [K, T] (all earlier steps) where given,
/// else running sums in the state (<c>steps</c>, <c>meanLosses</c>, <c>meanRatios</c>, <c>spread</c>), which training calls extend after they have weighed. Evaluation without history: the plain
/// sum. Losses must be positive. The weights sum to 1: raise the learning rate against a plain sum. Groenendijk et al. 2021 eq 3 to 6, the authors' code.
/// </summary>
[LossGuide(
    "w_i ∝ σ(l_i) / μ(l_i), l = L / running mean of L",
    Use = "many terms of one task, without tuning",
    Avoid = "losses that may be 0 or negative; noise from tiny batches",
    Cost = "nothing; 3 T remembered numbers",
    Paper = "Groenendijk et al. 2021"
)]
public sealed record CoefficientOfVariationLoss : LossWeighting
{
    /// <summary>Means decay as m &lt;- Momentum m + (1 - Momentum) x; the sum of squares does not. Null (the default): true means.</summary>
    [Interval("(0, 1)")]
    public double? Momentum
    {
        get;
        init => field = Valid(value);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> OptionalInputs => ["history"];

    /// <inheritdoc/>
    protected override LossState? CreateState(LossContext context, int tasks) =>
        new LossState(context)
            .AddBuffer("steps", zeros(1))
            .AddBuffer("meanLosses", zeros(tasks))
            .AddBuffer("meanRatios", zeros(tasks))
            .AddBuffer("spread", zeros(tasks));

    /// <inheritdoc/>
    protected override LossTerms Weigh(Tensor losses, LossCall call)
    {
        if (call.Optional("history") is { } history)
            return Weighed(losses, FromHistory(losses, history.detach()).Weights());
        if (!call.Training)
            return LossTerms.Single(losses.sum());
        var state = Needed(call);
        var statistics = new Statistics(state["steps"], state["meanLosses"], state["meanRatios"], state["spread"]);
        var weights = statistics.Weights();
        var next = statistics.With(losses.detach(), Momentum);
        state.Set("steps", next.Steps);
        state.Set("meanLosses", next.MeanLosses);
        state.Set("meanRatios", next.MeanRatios);
        state.Set("spread", next.Spread);
        return Weighed(losses, weights);
    }

    private Statistics FromHistory(Tensor losses, Tensor history)
    {
        if (history.dim() != 2 || history.shape[1] != losses.shape[0])
            throw Shapes.Wrong(this, "history", history, $"[K, {losses.shape[0]}]");
        var nothing = zeros_like(losses).detach();
        var statistics = new Statistics(zeros(1, losses.dtype, losses.device), nothing, nothing, nothing);
        for (var k = 0L; k < history.shape[0]; k++)
            statistics = statistics.With(history[k], Momentum);
        return statistics;
    }

    // Tensors throughout, the count of steps too: nothing waits for the device.
    private readonly record struct Statistics(Tensor Steps, Tensor MeanLosses, Tensor MeanRatios, Tensor Spread)
    {
        private Tensor IsFirst => Steps.eq(0);

        public Tensor Weights()
        {
            var deviations = (Spread / Steps.clamp(min: 1) + 1e-8).sqrt();
            var variation = deviations / MeanRatios.masked_fill(MeanRatios.le(0), 1);
            return where(Steps.le(1), 1.0 / Spread.shape[0], variation / variation.sum());
        }

        public Statistics With(Tensor losses, double? momentum)
        {
            var unknown = MeanLosses.le(0);
            var ratios = (losses / MeanLosses.masked_fill(unknown, 1)).masked_fill(unknown, 1);
            var kept = momentum is { } fixedShare ? fixedShare * IsFirst.logical_not().to(losses.dtype) : 1 - 1 / (Steps + 1);
            var meanRatios = kept * MeanRatios + (1 - kept) * ratios;
            return new(
                Steps + 1,
                kept * MeanLosses + (1 - kept) * losses,
                meanRatios,
                Spread + (ratios - MeanRatios) * (ratios - meanRatios)
            );
        }
    }
}
