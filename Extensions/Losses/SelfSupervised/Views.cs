using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>What losses on several views share: unit vectors, cosines, similarities without the diagonal, cross-entropies between views.</summary>
internal static class Views
{
    // Below it a vector has no direction that could be told from rounding.
    private const double Shortest = 1e-12;

    /// <summary>x / |x| over the last axis; a zero vector stays 0 and passes no gradient (1 / 1e-12 would overrun every other).</summary>
    public static Tensor Unit(Tensor vectors)
    {
        var length = linalg.vector_norm(vectors, 2, [-1], keepdim: true);
        return vectors * length.masked_fill(length.le(Shortest), double.PositiveInfinity).reciprocal();
    }

    /// <summary>Products of rows: [N, D] and [N, D] to [N].</summary>
    public static Tensor Dot(Tensor a, Tensor b) => (a * b).sum(-1);

    /// <summary>
    /// Removes self-pairs from logits that a softmax, logsumexp or maximum follows: -infinity gets no gradient from those, so that it can be
    /// written past the graph, which saves a copy of the matrix in the backward pass.
    /// </summary>
    public static Tensor ExcludeDiagonal(Tensor logits, long offset = 0)
    {
        logits.detach().diagonal(offset).fill_(double.NegativeInfinity);
        return logits;
    }

    /// <summary>0 a row, connected to the graph, for batches in which a row has nothing to be told from.</summary>
    public static Tensor NothingToCompare(Tensor unitA, Tensor unitB) => Dot(unitA, unitB) * 0;

    /// <summary>The two networks' targets, checked, detached and of unit length.</summary>
    public static (Tensor A, Tensor B) Targets(Loss loss, LossCall call)
    {
        var (targetA, targetB) = (call["targetA"], call["targetB"]);
        Shapes.Same(loss, "targetA", targetA, "viewA", call["viewA"]);
        Shapes.Same(loss, "targetB", targetB, "viewB", call["viewB"]);
        return (Unit(targetA.detach()), Unit(targetB.detach()));
    }

    /// <summary>
    /// -1 / (G (V - 1)) sum over t != s of p_t . q_s a row: every global crop's probabilities against every other crop's log-probabilities, where
    /// crop t of both is the same crop.
    /// </summary>
    /// <param name="probabilities">p [G, N, K], constant.</param>
    /// <param name="logProbabilities">q [V, N, K], G &lt;= V.</param>
    /// <returns>[N].</returns>
    public static Tensor CrossEntropy(Tensor probabilities, Tensor logProbabilities)
    {
        var (globals, views) = (probabilities.shape[0], logProbabilities.shape[0]);
        var total = zeros([probabilities.shape[1]], logProbabilities.dtype, logProbabilities.device);
        for (var s = 0L; globals > 1 && s < globals; s++)
        {
            // The others are summed, not the crop's own subtracted from all: the difference would lose the digits of small probabilities.
            Tensor? others = null;
            for (var t = 0L; t < globals; t++)
                if (t != s)
                    others = others is null ? probabilities[t] : others + probabilities[t];
            total = total - Dot(others!, logProbabilities[s]);
        }
        if (views > globals)
            total = total - (probabilities.sum([0]) * logProbabilities.narrow(0, globals, views - globals)).sum([0, 2]);
        return total / (globals * (views - 1));
    }
}
