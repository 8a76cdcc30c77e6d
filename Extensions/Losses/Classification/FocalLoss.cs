using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Two forms, chosen by Activation. Softmax (indices): l = -A (1 - p_y)^Gamma log p_y, A = Alpha or 1, a value a row. Sigmoid (labels 0/1;
/// indices as one-vs-rest; one logit): p_t = s(x) where the label is 1, else s(-x); l = -a_t (1 - p_t)^Gamma log p_t, a_t = Alpha where the
/// label is 1, else 1 - Alpha, 1 without Alpha; a value an element. Gamma 0 is cross-entropy. On pixels [N, C, H, W] pixel by pixel.
/// Everything ignored: 0, gradient 0; saturated logits have a finite gradient at any Gamma.
/// Alpha is the weight of positives, and with Gamma 2 its best value is below 0.5; with ClassWeights too it weighs twice. Detection divides
/// the sum by the number of positives: see <see cref="SigmoidFocalLoss"/>. Lin et al. 2017; follows torchvision's <c>sigmoid_focal_loss</c>
/// (whose Alpha defaults to 0.25) and segmentation_models_pytorch's <c>softmax_focal_loss_with_logits</c>.
/// </summary>
/// <exception cref="ArgumentException">Shapes or types do not fit, ClassWeights has another length than the classes, or Alpha exceeds 1 in
/// the sigmoid form.</exception>
[LossGuide(
    "-(1 - p_y)^γ log p_y",
    Use = "many easy examples drown the few hard ones",
    Avoid = "label noise: wrong labels are the hardest examples; Alpha and ClassWeights together",
    Cost = "softmax: cross-entropy and a few passes over rows; sigmoid: one pass",
    Paper = "Lin et al. 2017"
)]
public sealed record FocalLoss : ActivatedClassificationLoss
{
    /// <summary>How strongly easy examples are turned down; 0: not at all. Default 2.</summary>
    [Interval("[0, inf)")]
    public double Gamma
    {
        get;
        init => field = Valid(value);
    } = 2;

    /// <summary>
    /// Sigmoid: the weight of positives in [0, 1], of negatives 1 - Alpha (RetinaNet 0.25); Softmax: a constant factor. Null (default): 1.
    /// </summary>
    [Interval("[0, inf)")]
    public double? Alpha
    {
        get;
        init => field = Valid(value);
    }

    /// <inheritdoc/>
    protected internal override void Validate()
    {
        if (Activation == ClassActivation.Sigmoid)
            CheckAlpha();
    }

    private LabelFormula Labelled => LabelFormula.Of(new FocalFormula(Gamma, Alpha));

    private protected override LabelFormula? OfLabel =>
        Activation == ClassActivation.Softmax || ClassWeights is not null || Alpha > 1 ? null : Labelled;

    /// <inheritdoc/>
    protected override LossTerms Score(Tensor logits, ClassTargets targets, LossCall call)
    {
        if (UsesSoftmax(targets))
        {
            var values = FocalCurve.OfCost(ClassScores.Cost(this, logits, targets), Gamma);
            return ByTargetClass(Alpha is { } factor ? values * factor : values, logits, targets, call);
        }
        CheckAlpha();
        if (targets.AreBinary)
            return ByColumn(Labelled.Values(logits, targets), targets.AsLabels(), call);
        var elements = FocalCurve.OfAway(OneVsRest.Away(logits, targets), Gamma);
        if (Alpha is { } alpha)
            elements = OneVsRest.Weigh(elements, targets, alpha, 1 - alpha);
        return ByColumn(elements, targets, call);
    }

    private void CheckAlpha()
    {
        if (Alpha > 1)
            throw new ArgumentException(
                $"Focal: in the sigmoid form Alpha is the weight of positives and must lie in [0, 1]; it is {Alpha}.",
                nameof(Alpha)
            );
    }
}
