using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>Logarithms of probabilities of the target's class, without ever leaving log space: finite at logits of thousands.</summary>
internal static class ClassScores
{
    /// <summary>log softmax over axis 1.</summary>
    public static Tensor LogProbabilities(Tensor logits) => nn.functional.log_softmax(logits, 1);

    /// <summary>log p_y, [N, ...], by one fused gather.</summary>
    public static Tensor LogProbability(Tensor logits, ClassTargets targets) => targets.Pick(LogProbabilities(logits));

    /// <summary>log(1 - p_y) = logsumexp of the other classes - logsumexp of all; 1 - exp(log p_y) would lose all digits of confident rows.</summary>
    public static Tensor LogComplement(Tensor logits, ClassTargets targets)
    {
        var others = logits.scatter(1, targets.Safe.unsqueeze(1), double.NegativeInfinity);
        return others.logsumexp(1) - logits.logsumexp(1);
    }
}
