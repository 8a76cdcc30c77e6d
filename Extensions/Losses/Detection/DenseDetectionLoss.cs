using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// A loss on the class scores of every place of a detector: <c>logits</c> [N, A, K] (heat maps [N, K, H, W]; any shape) and <c>targets</c> of the same
/// shape, at most 1. There is no background channel: a row of zeros is background. Targets below 0 are ignored (an ignored anchor has -1 in all K
/// places). Terms are elements, <c>none</c> has the shape of the logits; <b><c>mean</c> divides the sum by max(1, number of positives)</b>, not by the
/// number of elements. Optional <c>weights</c> [N]. No gradient flows to the targets; the gradient is computed with the value, finite for any finite
/// logits. Start the last bias at -ln((1 - 0.01) / 0.01).
/// </summary>
[LossFamily("Detection")]
[SumType(typeof(DenseDetectionSumLoss))]
public abstract record DenseDetectionLoss : Loss
{
    /// <summary>Adds two dense detection losses; a sum's terms stay flat and named.</summary>
    /// <param name="left">A loss or sum.</param>
    /// <param name="right">A loss or sum.</param>
    public static DenseDetectionLoss operator +(DenseDetectionLoss left, DenseDetectionLoss right) =>
        new DenseDetectionSumLoss { Terms = SumComposition.Add(left, right) };

    /// <summary>Weighs a loss; a sum's terms are weighed one by one.</summary>
    /// <param name="weight">At least 0.</param>
    /// <param name="loss">A loss or sum.</param>
    public static DenseDetectionLoss operator *(double weight, DenseDetectionLoss loss) =>
        new DenseDetectionSumLoss { Terms = SumComposition.Scale(weight, loss) };

    /// <summary>Names the loss as a term of a sum: <c>focal.Named("scores") + quality</c>.</summary>
    /// <param name="name">A word of letters, digits and underscores.</param>
    public DenseDetectionLoss Named(string name) => new DenseDetectionSumLoss { Terms = SumComposition.Rename(name, this) };

    /// <inheritdoc/>
    public override IReadOnlyList<string> RequiredInputs => ["logits", "targets"];

    /// <summary>The value for logits and targets, for a loss without state.</summary>
    /// <param name="logits">Of a floating-point type, any shape.</param>
    /// <param name="targets">Of the same shape, at most 1; below 0: ignored.</param>
    /// <param name="weights">[N], one weight a row of the batch; null: 1.</param>
    /// <param name="reduction">How the terms become the value.</param>
    /// <returns>The value; it lives in the caller's dispose scope.</returns>
    /// <exception cref="ArgumentException">Shapes, types or values do not fit.</exception>
    public Tensor Compute(Tensor logits, Tensor targets, Tensor? weights = null, Reduction reduction = Reduction.Mean)
    {
        var inputs = new LossInputs { ["logits"] = logits, ["targets"] = targets };
        return Compute(weights is null ? inputs : inputs.With(("weights", weights)), reduction);
    }

    /// <inheritdoc/>
    protected internal override LossTerms ComputeTerms(LossCall call)
    {
        var (logits, targets) = Read(call);
        return Score(logits, targets, call);
    }

    /// <summary>The formula for checked inputs.</summary>
    /// <param name="logits">Of a floating-point type.</param>
    /// <param name="targets">Of the same shape, of any type.</param>
    /// <param name="call">Further inputs and state.</param>
    protected virtual LossTerms Score(Tensor logits, Tensor targets, LossCall call)
    {
        var (values, positives) =
            Costs(logits, targets, summed: false)
            ?? throw new NotSupportedException($"{GetType().Name} must override {nameof(Score)} or {nameof(ComputeTerms)}.");
        return new(values) { Divisor = positives };
    }

    /// <inheritdoc/>
    protected internal override Tensor? FusedMean(LossCall call)
    {
        var (logits, targets) = Read(call);
        return Costs(logits, targets, summed: true) is { } costs ? costs.Values / costs.Positives.clamp_(min: 1) : null;
    }

    /// <summary>The cost of every place, or their sum, and the number of positives; null for a loss that is not made of a <see cref="IElementFormula"/>.</summary>
    private protected virtual (Tensor Values, Tensor Positives)? Costs(Tensor logits, Tensor targets, bool summed) => null;

    private (Tensor Logits, Tensor Targets) Read(LossCall call)
    {
        var (logits, targets) = (call["logits"], call["targets"].detach());
        Shapes.Floating(this, "logits", logits);
        Shapes.Same(this, "targets", targets, "logits", logits);
        if (call.CheckValues)
            Check(targets);
        return (logits, targets);
    }

    /// <summary>Whether targets may lie between 0 and 1.</summary>
    private protected virtual bool TakesSoftTargets => true;

    // Waits for the device.
    private void Check(Tensor targets)
    {
        var right = TakesSoftTargets ? targets.le(1) : targets.le(0).logical_or(targets.eq(1));
        if (right.all().item<bool>())
            return;
        var wrong = right.logical_not();
        var place = wrong.nonzero()[0].data<long>().ToArray();
        var value = targets.masked_select(wrong)[0].to(ScalarType.Float64).item<double>();
        throw new ArgumentException(
            $"{Name}: targets[{string.Join(", ", place)}] is {value}; it must be {(TakesSoftTargets ? "in [0, 1]" : "0 or 1")}, or below 0 to be ignored.",
            "targets"
        );
    }
}
