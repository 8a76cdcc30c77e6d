using System.Collections.ObjectModel;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses;

/// <summary>
/// How well a score tells pairs of the same from pairs of different things: a pair is accepted where its score is at least a threshold. Over the
/// thresholds, FAR is the share of different pairs that are accepted, TAR that of same pairs. Equal scores are accepted together.
/// </summary>
public sealed class VerificationMetrics
{
    private static readonly double[] DefaultRates = [0.001, 0.01, 0.1];

    private VerificationMetrics(double area, double equalErrorRate, ReadOnlyDictionary<double, double> acceptRates) =>
        (RocAuc, EqualErrorRate, TrueAcceptRateAt) = (area, equalErrorRate, acceptRates);

    /// <summary>The probability that a same pair outscores a different pair, ties half.</summary>
    public double RocAuc { get; }

    /// <summary>Where FAR = 1 - TAR, on straight lines between neighbouring thresholds.</summary>
    public double EqualErrorRate { get; }

    /// <summary>For each f the largest TAR among thresholds whose FAR is at most f; nothing is interpolated.</summary>
    public IReadOnlyDictionary<double, double> TrueAcceptRateAt { get; }

    /// <summary>Evaluates scores.</summary>
    /// <param name="scores">One a pair, larger for more alike.</param>
    /// <param name="same">Whether a pair shows the same.</param>
    /// <param name="falseAcceptRates">The f of <see cref="TrueAcceptRateAt"/>, in [0, 1]. Default 0.001, 0.01, 0.1.</param>
    /// <exception cref="ArgumentException">Lengths do not fit, a score is NaN, or all pairs are same or all are different.</exception>
    public static VerificationMetrics Evaluate(
        ReadOnlySpan<double> scores,
        ReadOnlySpan<bool> same,
        IReadOnlyList<double>? falseAcceptRates = null
    )
    {
        if (scores.Length != same.Length)
            throw new ArgumentException($"There are {scores.Length} scores for {same.Length} pairs.", nameof(scores));
        falseAcceptRates ??= DefaultRates;
        if (falseAcceptRates.Any(rate => !(rate is >= 0 and <= 1)))
            throw new ArgumentOutOfRangeException(nameof(falseAcceptRates), "Every rate must lie in [0, 1].");
        var pairs = new (double Score, bool Same)[scores.Length];
        for (var i = 0; i < pairs.Length; i++)
            pairs[i] = double.IsNaN(scores[i])
                ? throw new ArgumentException($"The score of pair {i} is NaN.", nameof(scores))
                : (scores[i], same[i]);
        var curve = Curve(pairs);
        var area = 0.0;
        var equal = double.NaN;
        for (var i = 1; i < curve.Count; i++)
        {
            var ((far0, tar0), (far1, tar1)) = (curve[i - 1], curve[i]);
            area += (far1 - far0) * (tar0 + tar1) / 2;
            var (before, after) = (far0 + tar0 - 1, far1 + tar1 - 1);
            if (before < 0 && after >= 0)
                equal = far0 + (far1 - far0) * (-before / (after - before));
        }
        var rates = falseAcceptRates.Distinct().ToDictionary(f => f, f => curve.Where(point => point.Far <= f).Max(point => point.Tar));
        return new(area, equal, rates.AsReadOnly());
    }

    /// <summary>Evaluates the cosine similarity of pairs of embeddings.</summary>
    /// <param name="embeddingsA">[N, D].</param>
    /// <param name="embeddingsB">[N, D].</param>
    /// <param name="same">Whether a pair shows the same.</param>
    /// <param name="falseAcceptRates">The f of <see cref="TrueAcceptRateAt"/>, in [0, 1]. Default 0.001, 0.01, 0.1.</param>
    /// <exception cref="ArgumentException">Shapes do not fit, a number is not finite, or all pairs are same or all are different.</exception>
    public static VerificationMetrics Evaluate(
        Tensor embeddingsA,
        Tensor embeddingsB,
        ReadOnlySpan<bool> same,
        IReadOnlyList<double>? falseAcceptRates = null
    )
    {
        EmbeddingInputs.Check(embeddingsA, nameof(embeddingsA));
        EmbeddingInputs.Check(embeddingsB, nameof(embeddingsB));
        if (!embeddingsA.shape.AsSpan().SequenceEqual(embeddingsB.shape))
            throw new ArgumentException(
                $"embeddingsA [{string.Join(", ", embeddingsA.shape)}] and embeddingsB [{string.Join(", ", embeddingsB.shape)}] must have the same shape.",
                nameof(embeddingsB)
            );
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        var scores = new CosineSimilarity().Rows(EmbeddingInputs.Real(embeddingsA), EmbeddingInputs.Real(embeddingsB));
        return Evaluate(scores.to(ScalarType.Float64).cpu().contiguous().data<double>().ToArray(), same, falseAcceptRates);
    }

    /// <summary>From the threshold above all scores to that below all.</summary>
    private static List<(double Far, double Tar)> Curve((double Score, bool Same)[] pairs)
    {
        Array.Sort(pairs, static (a, b) => b.Score.CompareTo(a.Score));
        double same = pairs.Count(pair => pair.Same);
        var different = pairs.Length - same;
        if (same == 0 || different == 0)
            throw new ArgumentException($"{(same == 0 ? "No" : "Every")} pair shows the same: nothing is defined.", nameof(same));
        var curve = new List<(double, double)> { (0, 0) };
        var (accepted, wrong) = (0, 0);
        for (var i = 0; i < pairs.Length; i++)
        {
            if (pairs[i].Same)
                accepted++;
            else
                wrong++;
            if (i + 1 == pairs.Length || pairs[i + 1].Score != pairs[i].Score)
                curve.Add((wrong / different, accepted / same));
        }
        return curve;
    }
}
