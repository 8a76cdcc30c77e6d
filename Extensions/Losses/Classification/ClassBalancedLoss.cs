using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// An inner loss with w_c = (1 - Beta) / (1 - Beta^(n_c)), scaled so that sum w_c = C, as class weights. Class indices. Inner sigmoid forms
/// (BinaryCrossEntropy, Focal with Sigmoid): w_y weighs all C elements of the row. <c>mean</c> divides by the weights, so that their scale
/// cancels; in <c>sum</c> and <c>none</c> it does not. With counts all far above 1 / (1 - Beta) the weights are equal: choose Beta about 1
/// - 1 / N. Cui et al. 2019 (whose focal form divides by N).
/// </summary>
/// <exception cref="ArgumentException">The inner loss is another or has ClassWeights; the counts are unknown or not as many as
/// classes.</exception>
[LossGuide(
    "w_y inner, w_c ∝ (1 - β)/(1 - β^n_c)",
    Use = "long-tailed data",
    Avoid = "balanced sampling at the same time; Beta far from 1 - 1/N",
    Cost = "the inner loss",
    Paper = "Cui et al. 2019"
)]
public sealed record ClassBalancedLoss : ClassificationLoss
{
    /// <summary>0: all weights 1; towards 1: inverse frequency. Default 0.999.</summary>
    [Interval("[0, 1)")]
    public double Beta
    {
        get;
        init => field = Valid(value);
    } = 0.999;

    /// <summary>
    /// [C]: samples per class; 0 counts as 1. Null (default): those of the training data, which a trainer states in
    /// <see cref="LossContext.ClassCounts"/>; they are never written into the definition.
    /// </summary>
    [Interval("[0, inf)")]
    public ValueList<long>? ClassCounts
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>
    /// <see cref="CrossEntropyLoss"/> (default), <see cref="FocalLoss"/> or <see cref="BinaryCrossEntropyLoss"/>, without ClassWeights;
    /// IgnoreIndex and the other options are its own.
    /// </summary>
    public WeightedClassificationLoss Inner { get; init; } = new CrossEntropyLoss();

    /// <inheritdoc/>
    protected internal override IEnumerable<(string Name, Loss Loss)> InnerLosses => [("inner", Inner)];

    /// <inheritdoc/>
    protected internal override TargetForms TargetForms => TargetForms.Indices;

    /// <inheritdoc/>
    protected internal override long? IgnoredTarget => Inner.IgnoreIndex;

    /// <inheritdoc/>
    protected internal override void Validate()
    {
        if (Inner is not (CrossEntropyLoss or FocalLoss or BinaryCrossEntropyLoss))
            throw new ArgumentException(
                $"ClassBalanced: Inner must be CrossEntropy, Focal or BinaryCrossEntropy; it is {(Inner is null ? "null" : Inner.Name)}.",
                nameof(Inner)
            );
        if (Inner.ClassWeights is not null)
            throw new ArgumentException("ClassBalanced: Inner must not have ClassWeights; they come from the counts.", nameof(Inner));
        Inner.Validate();
    }

    internal override bool IsByPixel(LossCall call) => Inner.IsByPixel(call);

    /// <inheritdoc/>
    protected override LossTerms Score(Tensor logits, ClassTargets targets, LossCall call)
    {
        var weights = ClassFrequencies.Derive(
            this,
            ClassCounts,
            "weights",
            logits,
            call,
            counts => ClassFrequencies.EffectiveNumberWeights(counts, Beta)
        );
        if (Inner is CrossEntropyLoss crossEntropy)
            return crossEntropy.Weighed(logits, targets, weights); // smoothing mixes the weights of all classes
        var terms = call.Inner("inner").Terms();
        var rows = weights.take(targets.Safe);
        if (terms.Values.dim() > rows.dim())
            rows = rows.unsqueeze(1);
        return new(terms.Values, terms.Weights is null ? rows : terms.Weights * rows);
    }
}
