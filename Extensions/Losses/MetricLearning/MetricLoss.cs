using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// A loss that brings embeddings of one class together and holds those of different classes apart: <c>embeddings</c> [N, D] and <c>labels</c> int64 [N].
/// Losses on pairs need batches with several samples a class: a random batch of many classes has no positive pair and costs a silent 0. Angles are in
/// radians.
/// </summary>
[LossFamily("MetricLearning")]
[SumType(typeof(MetricSumLoss))]
public abstract record MetricLoss : Loss
{
    /// <summary>Adds two metric losses; a sum's terms stay flat and named.</summary>
    /// <param name="left">A loss or sum.</param>
    /// <param name="right">A loss or sum.</param>
    public static MetricLoss operator +(MetricLoss left, MetricLoss right) => new MetricSumLoss { Terms = SumComposition.Add(left, right) };

    /// <summary>Weighs a loss; a sum's terms are weighed one by one.</summary>
    /// <param name="weight">At least 0.</param>
    /// <param name="loss">A loss or sum.</param>
    public static MetricLoss operator *(double weight, MetricLoss loss) => new MetricSumLoss { Terms = SumComposition.Scale(weight, loss) };

    /// <summary>A loss whose weight follows the ramp.</summary>
    /// <param name="ramp">The ramp.</param>
    /// <param name="loss">The loss.</param>
    public static MetricLoss operator *(WeightRamp ramp, MetricLoss loss) => new MetricSumLoss { Terms = SumComposition.Scale(ramp, loss) };

    /// <summary>Names the loss as a term of a sum: <c>triplet.Named("hard") + center</c>.</summary>
    /// <param name="name">A word of letters, digits and underscores.</param>
    public MetricLoss Named(string name) => new MetricSumLoss { Terms = SumComposition.Rename(name, this) };

    /// <inheritdoc/>
    public override IReadOnlyList<string> RequiredInputs => ["embeddings", "labels"];

    /// <summary>The value for embeddings and labels, for a loss without state.</summary>
    /// <param name="embeddings">[N, D] of a floating-point type.</param>
    /// <param name="labels">int64 [N].</param>
    /// <param name="weights">[N], one weight a sample, for losses with a term a sample; null: 1.</param>
    /// <param name="reduction">How the terms become the value.</param>
    /// <returns>The value; it lives in the caller's dispose scope.</returns>
    /// <exception cref="ArgumentException">Shapes or types do not fit.</exception>
    public Tensor Compute(Tensor embeddings, Tensor labels, Tensor? weights = null, Reduction reduction = Reduction.Mean)
    {
        var inputs = new LossInputs { ["embeddings"] = embeddings, ["labels"] = labels };
        return Compute(weights is null ? inputs : inputs.With(("weights", weights)), reduction);
    }

    /// <inheritdoc/>
    protected internal override LossTerms ComputeTerms(LossCall call)
    {
        var (embeddings, labels) = (call["embeddings"], call["labels"]);
        CheckRows("embeddings", embeddings, "labels", labels);
        if (call.CheckValues && embeddings.isnan().any().item<bool>())
            throw new ArgumentException($"{Name}: embeddings hold NaN.", "embeddings");
        return Compare(embeddings, labels, call);
    }

    /// <summary>The formula for checked inputs.</summary>
    /// <param name="embeddings">[N, D] of a floating-point type.</param>
    /// <param name="labels">int64 [N].</param>
    /// <param name="call">Further inputs and state.</param>
    protected virtual LossTerms Compare(Tensor embeddings, Tensor labels, LossCall call) =>
        throw new NotSupportedException($"{GetType().Name} must override {nameof(Compare)} or {nameof(ComputeTerms)}.");

    private protected void CheckRows(string name, Tensor rows, string labelName, Tensor labels)
    {
        Shapes.Floating(this, name, rows);
        Shapes.Rank(this, name, rows, 2, "[N, D]");
        if (labels.dim() != 1 || labels.shape[0] != rows.shape[0] || labels.dtype != ScalarType.Int64)
            throw Shapes.Wrong(this, labelName, labels, $"int64 [{rows.shape[0]}], one label a row of {name}");
        if (labels.device_type != rows.device_type)
            throw new ArgumentException($"{Name}: {labelName} are on {labels.device}, {name} on {rows.device}.", labelName);
    }

    /// <summary>Checks embeddings and labels against a parameter [C * perClass, D].</summary>
    private protected void CheckAgainst(Tensor parameter, long perClass, Tensor embeddings, Tensor labels, LossCall call)
    {
        if (embeddings.shape[1] != parameter.shape[1])
            throw Shapes.Wrong(this, "embeddings", embeddings, $"[N, {parameter.shape[1]}], the size that the loss was built for");
        if (call.CheckValues)
            CheckClasses(labels, parameter.shape[0] / perClass);
    }

    /// <summary>Checks that labels lie in [0, C); waits for the device.</summary>
    private protected void CheckClasses(Tensor labels, long classCount)
    {
        using var scope = NewDisposeScope();
        var wrong = labels.lt(0).logical_or(labels.ge(classCount));
        if (!wrong.any().item<bool>())
            return;
        var place = wrong.nonzero()[0, 0].item<long>();
        var value = labels[place].item<long>();
        throw new ArgumentOutOfRangeException(
            "labels",
            value,
            $"{Name}: labels[{place}] is {value}; it must lie in [0, {classCount}), the classes that the loss was built for."
        );
    }
}
