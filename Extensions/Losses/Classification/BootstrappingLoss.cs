using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Soft: l = -sum_c (Beta onehot_c + (1 - Beta) p_c) log p_c. Hard: p in front is replaced by the one-hot of the argmax: -Beta log p_y - (1
/// - Beta) max_c log p_c. Class indices, a value a row. The gradient flows through the soft p (entropy regularisation), not through the
/// argmax. Train with cross-entropy first: from random weights it only confirms itself. Reed et al. 2015; follows ErikEnglesson/GJS (t = 1
/// - Beta).
/// </summary>
/// <exception cref="ArgumentException">Shapes or types do not fit.</exception>
[LossGuide(
    "-Σ (β onehot + (1 - β) p) log p",
    Use = "label noise, after a warm-up",
    Avoid = "random weights; reading Beta as the trust in the prediction",
    Cost = "about four passes",
    Paper = "Reed et al. 2015"
)]
public sealed record BootstrappingLoss : IndexedClassificationLoss
{
    /// <summary>The trust in the label; the paper uses 0.95 soft and 0.8 hard. Default 0.95.</summary>
    [Interval("[0, 1]")]
    public double Beta
    {
        get;
        init => field = Valid(value);
    } = 0.95;

    /// <summary>Whether the most likely class stands for the prediction. Default false.</summary>
    public bool Hard { get; init; }

    /// <inheritdoc/>
    protected internal override TargetForms TargetForms => TargetForms.Indices;

    internal override bool IsByPixel(LossCall call) => true;

    /// <inheritdoc/>
    protected override LossTerms Score(Tensor logits, ClassTargets targets, LossCall call)
    {
        var logs = ClassScores.LogProbabilities(this, logits);
        var belief = Hard ? logs.max(1).values : (logs.exp() * logs).sum(1);
        return ByRow(targets.Pick(logs) * -Beta - belief * (1 - Beta), targets);
    }
}
