using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// A further input <c>teacherLogits</c> of the logits' shape; class indices. T = Temperature, q = softmax(teacher / T): l = Alpha T^2 sum_c
/// q_c (log q_c - log_softmax(x / T)_c) + (1 - Alpha) CE(x, y); mean over rows. T^2 keeps the teacher's weight when the temperature
/// changes. <c>targets</c> are optional when Alpha is 1; given, they only say which rows are ignored. No gradient flows to the teacher.
/// Exact at logits of thousands. Hinton et al. 2015; follows <c>torch.nn.functional.kl_div</c> summed over classes (<c>batchmean</c>; its
/// <c>mean</c> divides by N C).
/// </summary>
/// <exception cref="ArgumentException">Shapes or types do not fit.</exception>
[LossGuide(
    "α T² KL(q_T ‖ p_T) + (1 - α) CE",
    Use = "a small network learns from a large one",
    Avoid = "a teacher in training mode",
    Cost = "two softmaxes and a few passes",
    Paper = "Hinton et al. 2015"
)]
public sealed record DistillationLoss : IndexedClassificationLoss
{
    /// <summary>Divides both logits. Default 4.</summary>
    [Interval("(0, inf)")]
    public double Temperature
    {
        get;
        init => field = Valid(value);
    } = 4;

    /// <summary>The weight of the teacher; 1: no labels are needed. Default 0.9.</summary>
    [Interval("[0, 1]")]
    public double Alpha
    {
        get;
        init => field = Valid(value);
    } = 0.9;

    /// <inheritdoc/>
    public override IReadOnlyList<string> RequiredInputs =>
        Alpha < 1 ? ["logits", "teacherLogits", "targets"] : ["logits", "teacherLogits"];

    /// <inheritdoc/>
    public override IReadOnlyList<string> OptionalInputs => Alpha < 1 ? [] : ["targets"];

    /// <inheritdoc/>
    protected internal override TargetForms TargetForms => TargetForms.Indices;

    internal override bool IsByPixel(LossCall call) => true;

    /// <inheritdoc/>
    protected internal override LossTerms ComputeTerms(LossCall call)
    {
        var (logits, teacher) = (call["logits"], call["teacherLogits"]);
        Shapes.Floating(this, "teacherLogits", teacher);
        Shapes.Same(this, "teacherLogits", teacher, "logits", logits);
        var targets = Alpha < 1 || call.Optional("targets") is not null ? ClassTargets.Read(this, call) : null;
        var values = Alpha == 0 ? null : Imitation(logits, teacher.detach()) * (Alpha * Temperature * Temperature);
        if (Alpha < 1)
        {
            var cost = ClassScores.Cost(this, logits, targets!) * (1 - Alpha);
            values = values is null ? cost : values + cost;
        }
        return new(values!, targets?.WeightsIfIgnoring(values!));
    }

    private Tensor Imitation(Tensor logits, Tensor teacher)
    {
        var own = ClassScores.LogProbabilities(this, logits / Temperature);
        var shown = ClassScores.LogProbabilities(this, teacher / Temperature);
        return (shown.exp() * (shown - own)).sum(1);
    }
}
