using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>Class scores as C independent yes/no questions: labels as they are, an index as yes for its class and no for the rest.</summary>
internal static class OneVsRest
{
    /// <summary>The logits away from the truth: -x where the answer is yes, x where it is no. Every hard-label sigmoid loss is a curve over them.</summary>
    public static Tensor Away(Tensor logits, ClassTargets targets)
    {
        if (!targets.AreBinary)
            return SetTarget(logits, targets, -targets.Pick(logits));
        var labels = targets.AsLabels();
        return logits * labels.Raw.eq(1).to(logits.dtype).mul_(-2).add_(1);
    }

    /// <summary>One number where the answer is yes, another where it is no, times the values.</summary>
    public static Tensor Weigh(Tensor values, ClassTargets targets, double yes, double no)
    {
        if (!targets.AreBinary)
            return SetTarget(values * no, targets, targets.Pick(values) * yes);
        return values * targets.AsLabels().Raw.eq(1).to(values.dtype).mul_(yes - no).add_(no);
    }

    /// <summary>A copy of [N, C, ...] in which the target's column is replaced by [N, ...]; no one-hot tensor.</summary>
    public static Tensor SetTarget(Tensor values, ClassTargets targets, Tensor column) =>
        values.scatter(1, targets.Safe.unsqueeze(1), column.unsqueeze(1));
}
