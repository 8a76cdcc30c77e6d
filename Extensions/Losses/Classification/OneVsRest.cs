using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Class scores as C independent yes/no questions: labels as they are, an index as yes for its class and no for the rest.
/// </summary>
internal static class OneVsRest
{
    /// <summary>
    /// The logits away from the truth: -x where the answer is yes, x where it is no. Every hard-label sigmoid loss is a curve over them.
    /// </summary>
    public static Tensor Away(Tensor logits, ClassTargets targets) =>
        targets.AreBinary ? logits * (Labels(targets, logits) * -2 + 1) : SetTarget(logits, targets, -targets.Pick(logits));

    /// <summary>One number where the answer is yes, another where it is no, times the values.</summary>
    public static Tensor Weigh(Tensor values, ClassTargets targets, double yes, double no) =>
        targets.AreBinary
            ? values * (Labels(targets, values) * (yes - no) + no)
            : SetTarget(values * no, targets, targets.Pick(values) * yes);

    /// <summary>Labels as 0 and 1 of a tensor's type, 0 where ignored. Arithmetic with them is many times faster than masks.</summary>
    public static Tensor Labels(ClassTargets targets, Tensor like) => targets.AsLabels().Safe.to(like.dtype);

    /// <summary>A copy of [N, C, ...] in which the target's column is replaced by [N, ...]; no one-hot tensor.</summary>
    public static Tensor SetTarget(Tensor values, ClassTargets targets, Tensor column) =>
        values.scatter(1, targets.Safe.unsqueeze(1), column.unsqueeze(1));
}
