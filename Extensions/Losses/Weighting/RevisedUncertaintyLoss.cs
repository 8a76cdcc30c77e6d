using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// sum_i exp(-s_i) L_i / 2 + log(1 + exp(s_i)). Parameter <c>logVariances</c> s [T] (start 0) trains with the network, without weight decay. The regulariser is above 0, so that
/// losses &gt;= 0 keep the value positive. Liebel and Koerner 2018 eq 2; AutomaticWeightedLoss with sigma = exp(s / 2).
/// </summary>
[LossGuide(
    "Σ e^(-s_i) L_i / 2 + log(1 + e^(s_i))",
    Use = "as HomoscedasticUncertainty, where losses may reach 0",
    Avoid = "a learning rate far too small to move s",
    Cost = "nothing; T learned numbers",
    Paper = "Liebel and Koerner 2018"
)]
public sealed record RevisedUncertaintyLoss : LossWeighting
{
    /// <inheritdoc/>
    protected override LossState? CreateState(LossContext context, int tasks) =>
        new LossState(context).AddParameter("logVariances", zeros(tasks));

    /// <inheritdoc/>
    protected override LossTerms Weigh(Tensor losses, LossCall call)
    {
        var s = Needed(call)["logVariances"];
        return LossTerms.Single((losses * (-s).exp()).sum() / 2 - nn.functional.logsigmoid(-s).sum());
    }
}
