using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// <see cref="SuperLoss"/> around a classification loss: the inner loss's value of each row (pixel, element) is weighed by its own confidence, so that easy samples count more and
/// hard or mislabelled ones less. Class weights and ignored rows of the inner loss stay what they are. Castells et al. 2020.
/// </summary>
[LossFamily("Weighting")]
[LossGuide(
    "SuperLoss of the inner loss's rows",
    Use = "training with label noise",
    Avoid = "few samples, of which the hard ones matter most",
    Cost = "the inner loss and one pass over its rows",
    Paper = "Castells et al. 2020"
)]
public sealed record SuperClassificationLoss : ClassificationLoss
{
    /// <summary>The loss whose rows are weighed; one with a value a row, no sum. Default <see cref="CrossEntropyLoss"/>.</summary>
    public ClassificationLoss Inner { get; init; } = new CrossEntropyLoss();

    /// <summary>The loss that separates easy from hard; null (the default): log C for C classes, log 2 for one logit.</summary>
    [Interval("(-inf, inf)")]
    public double? Tau
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>Large: the plain loss. Default 1.</summary>
    [Interval("(0, inf)")]
    public double Lambda
    {
        get;
        init => field = Valid(value);
    } = 1;

    /// <inheritdoc/>
    public override IReadOnlyList<string> RequiredInputs => Inner.RequiredInputs;

    /// <inheritdoc/>
    public override IReadOnlyList<string> OptionalInputs => Inner.OptionalInputs;

    /// <inheritdoc/>
    protected internal override TargetForms TargetForms => Inner.TargetForms;

    /// <inheritdoc/>
    protected internal override long? IgnoredTarget => Inner.IgnoredTarget;

    /// <inheritdoc/>
    protected internal override IEnumerable<(string Name, Loss Loss)> InnerLosses => [("inner", Inner)];

    /// <inheritdoc/>
    protected internal override void Validate()
    {
        if (Inner is ISumLoss)
            throw new ArgumentException("SuperClassification: Inner must have a value a row; a sum has one a batch.", nameof(Inner));
        Inner.Validate();
    }

    internal override bool IsByPixel(LossCall call) => Inner.IsByPixel(call);

    /// <inheritdoc/>
    protected internal override LossTerms ComputeTerms(LossCall call)
    {
        var terms = call.Inner("inner").Terms();
        if (terms.IsSingle || !terms.ByRow || !terms.HasNone || terms.More.Count > 0)
            throw new NotSupportedException($"SuperClassification: {Inner.Name} has no value a row.");
        var classes = call["logits"].dim() > 1 ? call["logits"].shape[1] : 1;
        var losses = terms is { Weighted: true, Weights: { } weights } ? terms.Values / LossReducer.NotZero(weights) : terms.Values;
        return new(SuperConfidence.Terms(losses, Tau ?? Math.Log(Math.Max(classes, 2)), Lambda), terms.Weights);
    }
}
