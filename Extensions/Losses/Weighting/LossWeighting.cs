using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// How the losses of several tasks, or the terms of a sum, become one: an option of a trainer (<c>LossWeighting</c>) that takes the place of the plain sum.
/// Input <c>losses</c> [T], one number a task, on the graph; the value is one number, so that <c>reduction</c> has no say. A weight that is computed from the data is a
/// constant: no gradient passes through it. What a weighting learns or remembers is state: it trains with the network, and is logged, saved and resumed.
/// Most rules work on the values and cost nothing; <see cref="GradNormLoss"/> needs the norms of the terms' gradients at one layer, and a <see cref="GradientRule"/> the
/// gradients of all terms: as many backward passes, and as many copies of the gradient, as there are terms.
/// </summary>
[LossFamily("Weighting")]
public abstract record LossWeighting : Loss
{
    /// <inheritdoc/>
    public override IReadOnlyList<string> RequiredInputs => ["losses"];

    /// <inheritdoc/>
    protected internal override bool RowsFirst => false;

    /// <summary>The number of tasks that the options are for, such as the length of a list of weights; null (the default): any.</summary>
    protected virtual int? OptionCount => null;

    /// <summary>The state for a number of tasks; null (the default) for a weighting without.</summary>
    /// <param name="context">Facts.</param>
    /// <param name="tasks">T.</param>
    protected virtual LossState? CreateState(LossContext context, int tasks) => null;

    /// <summary>The formula for checked losses.</summary>
    /// <param name="losses">[T].</param>
    /// <param name="call">Further inputs and state.</param>
    protected abstract LossTerms Weigh(Tensor losses, LossCall call);

    /// <summary>Takes in the means of the losses over an epoch that has ended; by default nothing.</summary>
    /// <param name="state">The state.</param>
    /// <param name="means">One number a task.</param>
    protected internal virtual void EndEpoch(LossState? state, IReadOnlyList<double> means) { }

    /// <summary>The value for given losses, for a weighting without state.</summary>
    /// <param name="losses">[T].</param>
    /// <returns>One number; it lives in the caller's dispose scope.</returns>
    /// <exception cref="ArgumentException">The shape or type does not fit, or the weighting has state (build it instead).</exception>
    public Tensor Compute(Tensor losses) => Compute(new LossInputs { ["losses"] = losses });

    /// <inheritdoc/>
    protected internal sealed override LossState? CreateState(LossContext context)
    {
        if (context.TaskCount is not { } tasks)
            return null;
        CheckCount(tasks);
        using var scope = NewDisposeScope();
        return CreateState(context, tasks);
    }

    /// <inheritdoc/>
    protected internal override LossTerms ComputeTerms(LossCall call)
    {
        var losses = call["losses"];
        Shapes.Floating(this, "losses", losses);
        if (losses.dim() != 1 || losses.shape[0] == 0)
            throw Shapes.Wrong(this, "losses", losses, "[T], one number a task");
        var tasks = (int)losses.shape[0];
        CheckCount(tasks);
        if (call.FoundState is not null && call.Context.TaskCount != tasks)
            throw Shapes.Wrong(this, "losses", losses, $"[{call.Context.TaskCount}], the TaskCount that the weighting was built for");
        return Weigh(losses, call);
    }

    private void CheckCount(int tasks)
    {
        if (OptionCount is { } wanted && wanted != tasks)
            throw new ArgumentException($"{Name}: its options are for {wanted} tasks, but there are {tasks}.", "losses");
    }

    /// <summary>State that the weighting cannot do without.</summary>
    private protected LossState Needed(LossCall call) =>
        call.FoundState
        ?? throw new ArgumentException(
            $"{Name} needs LossContext.TaskCount: build it with a context that states the number of tasks.",
            nameof(LossContext.TaskCount)
        );

    /// <summary>An input of the losses' shape, without its graph, or null.</summary>
    private protected Tensor? Fact(string name, Tensor losses, LossCall call)
    {
        if (call.Optional(name) is not { } fact)
            return null;
        Shapes.Same(this, name, fact, "losses", losses);
        return fact.detach();
    }

    /// <summary>sum w L with constant weights.</summary>
    private protected static LossTerms Weighed(Tensor losses, Tensor weights) =>
        LossTerms.Single((losses * weights).sum(), ("weights", weights));
}
