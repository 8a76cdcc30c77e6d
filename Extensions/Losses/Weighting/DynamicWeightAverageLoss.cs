using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// r_i = previous_i / older_i, the ratio of the mean losses of the last two epochs; w = T softmax(r / Temperature), constant; value = sum w_i L_i. Inputs
/// <c>previousLosses</c> and <c>olderLosses</c> [T] where given, else what the loop told at the ends of epochs (state of the same names, 0 at first). Without history, or where the
/// older mean is &lt;= 0: r = 1. The weights sum to T, so that the total keeps the scale of a plain sum. Liu et al. 2019 eq 7; follows LibMTL's DWA.
/// </summary>
[LossGuide(
    "w = T softmax(L(t-1) / L(t-2) / τ)",
    Use = "tasks that train at uneven speed, at no cost",
    Avoid = "batch losses in place of epoch means; losses that are negative",
    Cost = "nothing; 2 T remembered numbers",
    Paper = "Liu et al. 2019"
)]
public sealed record DynamicWeightAverageLoss : LossWeighting
{
    /// <summary>Large: equal weights. Default 2.</summary>
    [Interval("(0, inf)")]
    public double Temperature
    {
        get;
        init => field = Valid(value);
    } = 2;

    /// <inheritdoc/>
    public override IReadOnlyList<string> OptionalInputs => ["previousLosses", "olderLosses"];

    /// <inheritdoc/>
    protected override LossState? CreateState(LossContext context, int tasks) =>
        new LossState(context).AddBuffer("previousLosses", zeros(tasks)).AddBuffer("olderLosses", zeros(tasks));

    /// <inheritdoc/>
    protected internal override void EndEpoch(LossState? state, IReadOnlyList<double> means)
    {
        if (state is null)
            return;
        using var scope = NewDisposeScope();
        var previous = state["previousLosses"];
        if (previous.shape[0] != means.Count)
            throw new ArgumentException($"{Name}: there are {means.Count} means for {previous.shape[0]} tasks.", nameof(means));
        state.Set("olderLosses", previous);
        state.Set("previousLosses", tensor(means.ToArray(), previous.dtype, previous.device));
    }

    /// <inheritdoc/>
    protected override LossTerms Weigh(Tensor losses, LossCall call)
    {
        var previous = Fact("previousLosses", losses, call) ?? call.FoundState?["previousLosses"];
        var older = Fact("olderLosses", losses, call) ?? call.FoundState?["olderLosses"];
        if (previous is null || older is null)
            return Weighed(losses, ones_like(losses).detach());
        var unknown = older.le(0);
        var rates = (previous / older.masked_fill(unknown, 1)).masked_fill(unknown, 1);
        return Weighed(losses, losses.shape[0] * nn.functional.softmax(rates / Temperature, 0));
    }
}
