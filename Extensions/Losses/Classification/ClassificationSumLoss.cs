namespace MLNetLosses.Losses;

/// <summary>
/// A weighted sum of classification losses, made by <c>a + 0.5 * b</c>; its value is the weighted sum of the terms' means.
/// </summary>
public sealed record ClassificationSumLoss : ClassificationLoss, ISumLoss
{
    /// <inheritdoc/>
    public override string Name => SumComposition.JsonName;

    /// <summary>The terms, flat, each with its name and weight.</summary>
    public ValueList<WeightedLoss> Terms { get; init; } = [];

    /// <inheritdoc/>
    public override IReadOnlyList<string> RequiredInputs => SumComposition.RequiredInputs(Terms);

    /// <inheritdoc/>
    public override IReadOnlyList<string> OptionalInputs => SumComposition.OptionalInputs(Terms);

    /// <inheritdoc/>
    protected internal override IEnumerable<(string Name, Loss Loss)> InnerLosses => SumComposition.Inner(Terms);

    /// <inheritdoc/>
    protected internal override void Validate() => SumComposition.Validate(Terms);

    /// <inheritdoc/>
    protected internal override LossTerms ComputeTerms(LossCall call) => SumComposition.Terms(this, call);
}
