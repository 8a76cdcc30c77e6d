using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Inputs <c>student</c> [V, N, K] (all crops) and <c>teacher</c> [G, N, K] (the global crops, 1 &lt;= G &lt;= V, V &gt;= 2; crop t of both is the same crop;
/// detached). p_t = softmax((teacher_t - center) / TeacherTemperature), q_s = log softmax(student_s / StudentTemperature); the value is
/// -1/(T N) sum over t != s of sum_n p_t . q_s with T = G V - G pairs; a term a row n. State <c>center</c> [K] (zeros at first, no gradient): a training call
/// uses the old one and leaves m center + (1 - m) mean(teacher) behind; evaluation does not change it. K is <see cref="LossContext.EmbeddingSize"/>.
/// Caron et al. 2021; follows lightly (which lets a gradient into the teacher; the authors detach, as here).
/// </summary>
[LossGuide(
    "-Σ_{t≠s} softmax((teacher_t - c) / τt) · log softmax(student_s / τs)",
    Use = "self-distillation of vision transformers with multi-crop views and a moving-average teacher",
    Avoid = "student and teacher crops in different orders: the same crop is compared with itself",
    Cost = "O(V N K)",
    Paper = "Caron et al. 2021"
)]
public sealed record DINOLoss : SelfSupervisedLoss
{
    /// <summary>Divides the student's outputs. Default 0.1.</summary>
    [Interval("(0, inf)")]
    public double StudentTemperature
    {
        get;
        init => field = Valid(value);
    } = 0.1;

    /// <summary>Divides the centred teacher's outputs; often warmed up from 0.04 to 0.07. Default 0.04.</summary>
    [Interval("(0, inf)")]
    public double TeacherTemperature
    {
        get;
        init => field = Valid(value);
    } = 0.04;

    /// <summary>m: how much of the old centre stays. Default 0.9.</summary>
    [Interval("[0, 1]")]
    public double CenterMomentum
    {
        get;
        init => field = Valid(value);
    } = 0.9;

    /// <inheritdoc/>
    public override IReadOnlyList<string> RequiredInputs => ["student", "teacher"];

    /// <inheritdoc/>
    protected internal override bool RowsFirst => false;

    /// <inheritdoc/>
    protected internal override LossState CreateState(LossContext context)
    {
        using var scope = NewDisposeScope();
        return new LossState(context).AddBuffer(
            "center",
            zeros(context.Needed(context.EmbeddingSize, nameof(LossContext.EmbeddingSize), Name))
        );
    }

    /// <inheritdoc/>
    protected internal override LossTerms ComputeTerms(LossCall call)
    {
        var (student, teacher, center) = (call["student"], call["teacher"].detach(), call.State["center"]);
        Shapes.Floating(this, "student", student);
        if (student.dim() != 3 || student.shape[0] < 2 || student.shape[2] != center.shape[0])
            throw Shapes.Wrong(this, "student", student, $"[V, N, {center.shape[0]}] with at least two crops");
        if (
            teacher.dim() != 3
            || teacher.shape[0] < 1
            || teacher.shape[0] > student.shape[0]
            || !teacher.shape.AsSpan(1).SequenceEqual(student.shape.AsSpan(1))
        )
            throw Shapes.Wrong(this, "teacher", teacher, $"[G, {student.shape[1]}, {student.shape[2]}] with 1 to {student.shape[0]} crops");
        var targets = nn.functional.softmax((teacher - center) / TeacherTemperature, -1);
        if (call.Training)
            call.State.Set("center", CenterMomentum * center + (1 - CenterMomentum) * teacher.mean([0, 1]));
        return new(Views.CrossEntropy(targets, nn.functional.log_softmax(student / StudentTemperature, -1)));
    }
}
