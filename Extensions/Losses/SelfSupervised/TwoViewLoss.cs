using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// A loss on two views: <c>viewA</c>, <c>viewB</c> [N, D], raw projections or predictions; row i of both belongs to the same thing (two
/// augmentations of an image; an image and its text).
/// </summary>
public abstract record TwoViewLoss : SelfSupervisedLoss
{
    /// <inheritdoc/>
    public override IReadOnlyList<string> RequiredInputs => ["viewA", "viewB"];

    /// <summary>The value for two views, for a loss without state.</summary>
    /// <param name="viewA">[N, D] of a floating-point type.</param>
    /// <param name="viewB">Of the same shape.</param>
    /// <param name="weights">[N], one weight a row; null: 1.</param>
    /// <param name="reduction">How the terms become the value.</param>
    /// <returns>The value; it lives in the caller's dispose scope.</returns>
    /// <exception cref="ArgumentException">Shapes or types do not fit.</exception>
    public Tensor Compute(Tensor viewA, Tensor viewB, Tensor? weights = null, Reduction reduction = Reduction.Mean)
    {
        var inputs = new LossInputs { ["viewA"] = viewA, ["viewB"] = viewB };
        return Compute(weights is null ? inputs : inputs.With(("weights", weights)), reduction);
    }

    /// <inheritdoc/>
    protected internal override LossTerms ComputeTerms(LossCall call)
    {
        var (viewA, viewB) = (call["viewA"], call["viewB"]);
        Shapes.Floating(this, "viewA", viewA);
        Shapes.Rank(this, "viewA", viewA, 2, "[N, D]");
        Shapes.Same(this, "viewB", viewB, "viewA", viewA);
        if (viewA.shape[0] < MinimumRows)
            throw Shapes.Wrong(this, "viewA", viewA, $"[N, D] with at least {MinimumRows} rows, over which it takes statistics");
        return Compare(viewA, viewB, call);
    }

    /// <summary>The formula for checked views.</summary>
    /// <param name="viewA">[N, D].</param>
    /// <param name="viewB">[N, D].</param>
    /// <param name="call">Further inputs and state.</param>
    protected virtual LossTerms Compare(Tensor viewA, Tensor viewB, LossCall call) =>
        throw new NotSupportedException($"{GetType().Name} must override {nameof(Compare)} or {nameof(ComputeTerms)}.");
}
