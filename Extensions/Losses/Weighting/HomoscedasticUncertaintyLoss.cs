using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>What a task of <see cref="HomoscedasticUncertaintyLoss"/> predicts.</summary>
public enum UncertainTask
{
    /// <summary>Numbers; the loss is a squared or absolute error. Factor 1/2.</summary>
    Regression,

    /// <summary>Classes; the loss is a cross-entropy. Factor 1.</summary>
    Classification,
}

/// <summary>
/// sum_i k_i exp(-s_i) L_i + s_i / 2, k = 1/2 for Regression, 1 for Classification. Parameter <c>logVariances</c> s [T] (start 0) trains with the network, without weight
/// decay. The optimum is s_i = log(2 k_i L_i). The value may be negative and falls without bound when a loss reaches 0: use <see cref="RevisedUncertaintyLoss"/> then.
/// Kendall, Gal and Cipolla 2018 eq 7 and 10; follows LibMTL's UW (which starts s at -0.5).
/// </summary>
[LossGuide(
    "Σ k_i e^(-s_i) L_i + s_i / 2",
    Use = "tasks of other units, such as depth and classes",
    Avoid = "losses that reach 0; a learning rate far too small to move s",
    Cost = "nothing; T learned numbers",
    Paper = "Kendall et al. 2018"
)]
public sealed record HomoscedasticUncertaintyLoss : LossWeighting
{
    /// <summary>One kind a task; null (the default): all Regression.</summary>
    public ValueList<UncertainTask>? Kinds { get; init; }

    /// <inheritdoc/>
    protected override int? OptionCount => Kinds?.Count;

    /// <inheritdoc/>
    protected override LossState? CreateState(LossContext context, int tasks) =>
        new LossState(context).AddParameter("logVariances", zeros(tasks));

    /// <inheritdoc/>
    protected override LossTerms Weigh(Tensor losses, LossCall call)
    {
        var s = Needed(call)["logVariances"];
        var weights = (-s).exp();
        var factors = call.Constant(
            "factors",
            losses,
            () => [.. Enumerable.Range(0, (int)losses.shape[0]).Select(i => Kinds?[i] == UncertainTask.Classification ? 1 : 0.5)]
        );
        return LossTerms.Single((losses * weights * factors).sum() + s.sum() / 2);
    }
}
