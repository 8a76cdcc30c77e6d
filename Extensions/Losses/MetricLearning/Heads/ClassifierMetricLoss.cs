using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// A metric loss that owns a classifier of C classes by cosines with a parameter <c>weight</c> [C, D] (only its directions matter): <c>embeddings</c>
/// [N, D], <c>labels</c> int64 [N] in [0, C). <c>mean</c>, <c>sum</c> and <c>none</c> [N]. Predict with <see cref="Logits"/>: training's margin would
/// favour the label. The gradient is computed with the value, in one pass over [N, C]; there is no second derivative.
/// </summary>
public abstract record ClassifierMetricLoss : MetricLoss, IOwnsHead
{
    /// <inheritdoc/>
    protected internal override LossState CreateState(LossContext context)
    {
        var state = new LossState(context);
        var (classes, size) = Sizes(context, Name);
        return state.AddParameter(ParameterName, InitialWeight(state, classes * RowsPerClass, size));
    }

    /// <inheritdoc/>
    public virtual Tensor Logits(Tensor embeddings, LossState state)
    {
        using var scope = NewDisposeScope();
        var scores = (Rows(embeddings) * LogitScale).mm(Distance.Unit(state[ParameterName]).t());
        if (RowsPerClass > 1)
            scores = scores.view(scores.shape[0], -1, RowsPerClass).amax([2]);
        return scores.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    protected override LossTerms Compare(Tensor embeddings, Tensor labels, LossCall call)
    {
        var weight = call.State[ParameterName];
        CheckAgainst(weight, RowsPerClass, embeddings, labels, call);
        var rows = Rows(embeddings);
        var lengths = UsesLengths ? Lengths(embeddings) : null;
        var rule = TargetRule(lengths?.detach(), call);
        var softmax = MarginSoftmax.CrossEntropy(rows, Distance.Unit(weight), labels, LogitScale, rule, RowsPerClass, CosineBound);
        if (lengths is null)
            return new(softmax.Values);
        var values = KnownGradient.Attach(softmax.Values, lengths, softmax.ByLength);
        return new(Regularizer(lengths) is { } regularizer ? values + regularizer : values);
    }

    /// <summary>Multiplies the cosines.</summary>
    private protected abstract double LogitScale { get; }

    /// <summary>The target's score with its margin. Runs without a graph.</summary>
    private protected abstract Func<Tensor, TargetScore> TargetRule(Tensor? lengths, LossCall call);

    private protected virtual string ParameterName => "weight";

    private protected virtual int RowsPerClass => 1;

    /// <summary>Cosines are held within +- this bound; null: not.</summary>
    private protected virtual double? CosineBound => null;

    /// <summary>Whether the target's score depends on the embedding's length with a gradient.</summary>
    private protected virtual bool UsesLengths => false;

    private protected virtual Tensor Rows(Tensor embeddings) => Distance.Unit(embeddings);

    private protected virtual Tensor Lengths(Tensor embeddings) => Distance.Lengths(embeddings);

    private protected virtual Tensor? Regularizer(Tensor lengths) => null;

    private protected virtual Tensor InitialWeight(LossState state, long rows, long size) => state.Normal(rows, size);

    internal static (int Classes, int Size) Sizes(LossContext context, string name) =>
        (
            context.Needed(context.ClassCount, nameof(LossContext.ClassCount), name),
            context.Needed(context.EmbeddingSize, nameof(LossContext.EmbeddingSize), name)
        );
}
