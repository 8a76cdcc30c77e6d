using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.MetricLearning;

/// <summary>Embeddings with labels, and the plain loops that every loss on pairs is compared with.</summary>
internal sealed class Problem
{
    private readonly double[][] anchors;
    private readonly double[][] partners;
    private readonly long[] anchorLabels;
    private readonly long[] partnerLabels;

    private Problem(Tensor embeddings, Tensor labels, Tensor? references, Tensor? referenceLabels)
    {
        (Embeddings, Labels, References, ReferenceLabels) = (embeddings, labels, references, referenceLabels);
        (anchors, anchorLabels) = (Rows(embeddings), labels.data<long>().ToArray());
        partners = references is null ? anchors : Rows(references);
        partnerLabels = referenceLabels is null ? anchorLabels : referenceLabels.data<long>().ToArray();
    }

    public Tensor Embeddings { get; }
    public Tensor Labels { get; }
    public Tensor? References { get; }
    public Tensor? ReferenceLabels { get; }
    public int N => anchors.Length;
    public int M => partners.Length;

    public static Problem Draw(bool references, int n = 10, int m = 8, int classes = 3, int size = 4, ulong seed = 7)
    {
        using var generator = new Generator(seed, CPU);
        Tensor Normal(int rows) => randn(rows, size, dtype: ScalarType.Float64, generator: generator);
        Tensor Classes(int rows) => arange(rows, dtype: ScalarType.Int64).remainder(classes);
        return references ? new(Normal(n), Classes(n), Normal(m), Classes(m).flip(0)) : new(Normal(n), Classes(n), null, null);
    }

    public LossInputs Inputs(bool learn = false)
    {
        var inputs = new LossInputs { ["embeddings"] = learn ? Embeddings.clone().requires_grad_() : Embeddings, ["labels"] = Labels };
        return References is null ? inputs : inputs.With(("references", References), ("referenceLabels", ReferenceLabels!));
    }

    public long Label(int anchor) => anchorLabels[anchor];

    public IEnumerable<int> Positives(int anchor) =>
        Enumerable.Range(0, M).Where(j => partnerLabels[j] == anchorLabels[anchor] && !(References is null && j == anchor));

    public IEnumerable<int> Negatives(int anchor) => Enumerable.Range(0, M).Where(j => partnerLabels[j] != anchorLabels[anchor]);

    public IEnumerable<(int A, int P, int N)> Triplets() =>
        from a in Enumerable.Range(0, N)
        from p in Positives(a)
        from n in Negatives(a)
        select (a, p, n);

    public IEnumerable<(int A, int P)> PositivePairs() => from a in Enumerable.Range(0, N) from p in Positives(a) select (a, p);

    public IEnumerable<(int A, int N)> NegativePairs() => from a in Enumerable.Range(0, N) from n in Negatives(a) select (a, n);

    /// <summary>d, or -s of a similarity, of an anchor and a partner.</summary>
    public double D(Distance distance, int anchor, int partner) => Between(distance, anchors[anchor], partners[partner]);

    /// <summary>d, or -s of a similarity, of two partners.</summary>
    public double OfPartners(Distance distance, int first, int second) => Between(distance, partners[first], partners[second]);

    public double Cosine(int anchor, int partner) => -D(new CosineSimilarity(), anchor, partner);

    private static double Between(Distance distance, double[] x, double[] y)
    {
        double Dot(double[] a, double[] b) => a.Zip(b, (u, v) => u * v).Sum();
        double[] Unit(double[] a) => [.. a.Select(u => u / Math.Sqrt(Dot(a, a)))];
        double Variance(double[] a) => a.Sum(u => Math.Pow(u - a.Average(), 2)) / (a.Length - 1);
        switch (distance)
        {
            case EuclideanDistance euclidean:
                var (p, q) = euclidean.Normalize ? (Unit(x), Unit(y)) : (x, y);
                return Math.Pow(Math.Sqrt(p.Zip(q, (u, v) => (u - v) * (u - v)).Sum()), euclidean.Power);
            case CosineSimilarity:
                return -Dot(Unit(x), Unit(y));
            case DotProductSimilarity:
                return -Dot(x, y);
            case SignalToNoiseRatioDistance ratio:
                var (s, t) = ratio.Normalize ? (Unit(x), Unit(y)) : (x, y);
                return Variance([.. s.Zip(t, (u, v) => u - v)]) / Variance(s);
            default:
                throw new NotSupportedException();
        }
    }

    private static double[][] Rows(Tensor tensor) =>
        [.. Enumerable.Range(0, (int)tensor.shape[0]).Select(i => tensor[i].data<double>().ToArray())];
}

internal static class Numbers
{
    public static double Hinge(double z) => Math.Max(0, z);

    public static double Softplus(double z) => z > 0 ? z + Math.Log(1 + Math.Exp(-z)) : Math.Log(1 + Math.Exp(z));

    public static double Mean(IEnumerable<double> values, bool nonZero) => values.Where(v => !nonZero || v > 0).DefaultIfEmpty(0).Average();

    public static double Value(this Loss loss, LossInputs inputs, Reduction reduction = Reduction.Mean) =>
        loss.Compute(inputs, reduction).to(ScalarType.Float64).item<double>();

    public static void AreClose(double expected, double actual, string what) =>
        Microsoft.VisualStudio.TestTools.UnitTesting.Assert.AreEqual(expected, actual, 1e-9 * Math.Max(1, Math.Abs(expected)), what);

    /// <summary>The gradient by the embeddings against central differences.</summary>
    public static void GradientIsTheSlope(Loss loss, Problem problem)
    {
        var inputs = problem.Inputs(learn: true);
        loss.Compute(inputs).backward();
        var gradient = inputs["embeddings"].grad!;
        for (var row = 0; row < problem.N; row += 3)
        {
            double At(double step)
            {
                using var scope = NewDisposeScope();
                var moved = problem.Embeddings.clone();
                moved[row, 1] = moved[row, 1] + step;
                return loss.Value(problem.Inputs().With(("embeddings", moved)));
            }
            var slope = (At(1e-6) - At(-1e-6)) / 2e-6;
            Microsoft.VisualStudio.TestTools.UnitTesting.Assert.AreEqual(
                slope,
                gradient[row, 1].item<double>(),
                1e-6,
                $"{loss}, row {row}"
            );
        }
    }
}
