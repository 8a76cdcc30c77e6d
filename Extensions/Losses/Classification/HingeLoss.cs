using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>The multi-class forms of the hinge loss.</summary>
public enum HingeForm
{
    /// <summary>(1 / C) sum over the other classes of max(0, d_k)^q.</summary>
    WestonWatkins,

    /// <summary>max(0, max over the other classes of d_k)^q.</summary>
    CrammerSinger,
}

/// <summary>
/// Indices, C &gt; 1: d_k = Margin + x_k - x_y for k != y, q = 2 if Squared, else 1; WestonWatkins l = (1 / C) sum_k max(0, d_k)^q,
/// CrammerSinger l = max(0, max_k d_k)^q; a value a row. Labels 0/1, or one logit with indices 0/1: l = max(0, Margin - s x)^q, s = 2 t -
/// 1, a value an element. The gradient is 0 beyond the margin; of equal maxima one takes it. The scores are no probabilities. Weston and
/// Watkins 1999; Crammer and Singer 2001. Follows <c>torch.nn.functional.multi_margin_loss</c> (with class weights its mean divides by N,
/// ours by the weights); the max form is that of Keras, optax and scikit-learn. Not to be confused with the binary
/// <c>Microsoft.ML.Trainers.HingeLoss</c>.
/// </summary>
/// <exception cref="ArgumentException">Shapes or types do not fit, or ClassWeights has another length than the classes.</exception>
[LossGuide(
    "(1/C) Σ_k max(0, m + x_k - x_y), or the largest violation alone",
    Use = "only the decision matters, not probabilities",
    Avoid = "reading its scores as probabilities; calibration",
    Cost = "about five passes",
    Paper = "Weston and Watkins 1999; Crammer and Singer 2001"
)]
public sealed record HingeLoss : WeightedClassificationLoss
{
    /// <summary>By how much the target's logit must lead. Default 1.</summary>
    [Interval("(0, inf)")]
    public double Margin
    {
        get;
        init => field = Valid(value);
    } = 1;

    /// <summary>Which multi-class form; not used by labels. Default WestonWatkins.</summary>
    public HingeForm Form
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>Whether each violation (not their sum) is squared. Default false.</summary>
    public bool Squared { get; init; }

    /// <inheritdoc/>
    protected internal override TargetForms TargetForms => TargetForms.Indices | TargetForms.Labels;

    internal override bool IsByPixel(LossCall call) => true;

    /// <inheritdoc/>
    protected override LossTerms Score(Tensor logits, ClassTargets targets, LossCall call)
    {
        if (targets.AreBinary)
            return ByColumn(Violation(OneVsRest.Away(logits, targets)), targets.AsLabels(), call);
        var target = targets.Pick(logits);
        if (Form == HingeForm.CrammerSinger)
        {
            var others = OneVsRest.SetTarget(logits, targets, full_like(target, double.NegativeInfinity));
            return ByTargetClass(Violation(others.max(1).values - target), logits, targets, call);
        }
        // The target's own column violates by exactly the margin, without gradient.
        var sum = Violation(logits - target.unsqueeze(1)).sum(1) - (Squared ? Margin * Margin : Margin);
        return ByTargetClass(sum / targets.ClassCount, logits, targets, call);
    }

    private Tensor Violation(Tensor lead)
    {
        var beyond = (lead + Margin).relu();
        return Squared ? beyond.square() : beyond;
    }
}
