using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.Classification;

/// <summary>Each loss on class indices against its formula written out for one row.</summary>
[TestClass]
public class RowFormulaTests
{
    private static readonly double[][] Rows =
    [
        [0.3, -1.2, 2.1, 0],
        [0, 0, 0, 0],
        [5, -5, 1, 2],
        [-0.2, 0.1, 0.05, 1.7],
        [9, 1, -3, 0.5],
    ];
    private static readonly int[] Labels = [2, 1, 0, 1, 3];
    private static readonly double[][] Noise =
    [
        [0.7, 0.3, 0, 0],
        [0, 0.9, 0.1, 0],
        [0.2, 0, 0.8, 0],
        [0.1, 0.1, 0.1, 0.7],
    ];
    private const string NoiseText = "[[0.7, 0.3, 0, 0], [0, 0.9, 0.1, 0], [0.2, 0, 0.8, 0], [0.1, 0.1, 0.1, 0.7]]";
    private static readonly double[] Counts = [10, 500, 80, 1];

    [TestMethod]
    [DynamicData(nameof(Formulas))]
    public void IsItsFormula(string text, Func<double[], int, double> formula)
    {
        using var scope = NewDisposeScope();
        var loss = Loss.Parse<ClassificationLoss>(text);
        var inputs = new LossInputs
        {
            ["logits"] = stack(Rows.Select(row => tensor(row))),
            ["targets"] = tensor(Labels).to(int64),
            ["teacherLogits"] = stack(Rows.Select(row => tensor(row.Reverse().ToArray()))),
        };
        var values = loss.Compute(inputs, Reduction.None);
        CollectionAssert.AreEqual(new long[] { Rows.Length }, values.shape);
        for (var i = 0; i < Rows.Length; i++)
            Assert.AreEqual(formula(Rows[i], Labels[i]), values[i].item<double>(), 1e-11, $"row {i}");
    }

    public static IEnumerable<object[]> Formulas()
    {
        static object[] Row(string text, Func<double[], int, double> formula) => [text, formula];
        yield return Row("CrossEntropy()", (x, y) => -Log(x)[y]);
        yield return Row("CrossEntropy(labelSmoothing: 0.2)", (x, y) => -0.8 * Log(x)[y] - 0.05 * Log(x).Sum());
        yield return Row("CrossEntropy(classWeights: [1, 2, 0.5, 3])", (x, y) => -new[] { 1, 2, 0.5, 3 }[y] * Log(x)[y]);
        yield return Row("Focal()", (x, y) => -Math.Pow(1 - P(x)[y], 2) * Log(x)[y]);
        yield return Row("Focal(gamma: 0.5, alpha: 3)", (x, y) => -3 * Math.Pow(1 - P(x)[y], 0.5) * Log(x)[y]);
        yield return Row(
            "Poly(epsilon1: -0.7, gamma: 1.5)",
            (x, y) => -Math.Pow(1 - P(x)[y], 1.5) * Log(x)[y] - 0.7 * Math.Pow(1 - P(x)[y], 2.5)
        );
        yield return Row("Hinge(margin: 2)", (x, y) => x.Where((_, k) => k != y).Sum(other => Math.Max(0, 2 + other - x[y])) / 4);
        yield return Row(
            "Hinge(squared: true)",
            (x, y) => x.Where((_, k) => k != y).Sum(other => Math.Pow(Math.Max(0, 1 + other - x[y]), 2)) / 4
        );
        yield return Row("Hinge(form: CrammerSinger)", (x, y) => Math.Max(0, 1 + x.Where((_, k) => k != y).Max() - x[y]));
        yield return Row("Asymmetric()", (x, y) => SingleLabelAsymmetric(x, y, 0.1, 1, 4));
        yield return Row(
            "Asymmetric(labelSmoothing: 0.4, gammaPositive: 2, gammaNegative: 0)",
            (x, y) => SingleLabelAsymmetric(x, y, 0.4, 2, 0)
        );
        yield return Row(
            "LogitAdjusted(tau: 0.5, classCounts: [10, 500, 80, 1])",
            (x, y) => -Log(Shift(x, c => 0.5 * Math.Log(Counts[c] / 591)))[y]
        );
        yield return Row(
            "LabelDistributionAwareMargin(scale: 2, margin: 0.4, classCounts: [10, 500, 80, 1])",
            (x, y) => -Log([.. x.Select((v, c) => 2 * (v - (c == y ? 0.4 * Math.Pow(Counts[c], -0.25) : 0)))])[y]
        );
        yield return Row(
            "ClassBalanced(beta: 0.9, classCounts: [10, 500, 80, 1], inner: Focal(gamma: 1))",
            (x, y) => EffectiveNumber(0.9)[y] * (1 - P(x)[y]) * -Log(x)[y]
        );
        yield return Row(
            "Distillation(temperature: 3, alpha: 0.6)",
            (x, y) =>
            {
                var (student, teacher) = (Log(Shift(x, _ => 0, 3)), Log(Shift([.. x.Reverse()], _ => 0, 3)));
                return 0.6 * 9 * teacher.Zip(student, (t, s) => Math.Exp(t) * (t - s)).Sum() - 0.4 * Log(x)[y];
            }
        );
        yield return Row("JensenShannon(targetWeight: 0.3)", (x, y) => JensenShannon(x, y, 0.3) / (-0.7 * Math.Log(0.7)));
        yield return Row("JensenShannon(scaled: false)", (x, y) => JensenShannon(x, y, 0.5));
        yield return Row("GeneralizedCrossEntropy(q: 0.3)", (x, y) => (1 - Math.Pow(P(x)[y], 0.3)) / 0.3);
        yield return Row("SymmetricCrossEntropy(labelFloor: 0.01)", (x, y) => -0.1 * Log(x)[y] - Math.Log(0.01) * (1 - P(x)[y]));
        yield return Row("Bootstrapping(beta: 0.6)", (x, y) => -0.6 * Log(x)[y] - 0.4 * P(x).Zip(Log(x), (p, l) => p * l).Sum());
        yield return Row("Bootstrapping(hard: true, beta: 0.6)", (x, y) => -0.6 * Log(x)[y] - 0.4 * Log(x).Max());
        yield return Row(
            $"ForwardCorrection(transitionMatrix: {NoiseText})",
            (x, y) => -Math.Log(P(x).Select((p, i) => p * Noise[i][y]).Sum())
        );
        yield return Row("ActivePassive(alpha: 2)", (x, y) => 2 * Log(x)[y] / Log(x).Sum() - Math.Log(1e-4) * (1 - P(x)[y]));
        yield return Row("ActivePassive(passive: MeanAbsoluteError, beta: 3)", (x, y) => Log(x)[y] / Log(x).Sum() + 3 * (1 - P(x)[y]));
        yield return Row("ProbabilityMeanAbsoluteError()", (x, y) => 1 - P(x)[y]);
        yield return Row(
            "EvidentialClassification(regularizationWeight: 0)",
            (x, y) => ExpectedSquares([.. x.Select(v => Math.Max(v, 0) + 1)], y)
        );
        yield return Row(
            "EvidentialClassification(evidence: Softplus, regularizationWeight: 0)",
            (x, y) => ExpectedSquares([.. x.Select(v => Math.Log(1 + Math.Exp(v)) + 1)], y)
        );
        yield return Row(
            "EvidentialClassification(evidence: Exponential, risk: LogMarginalLikelihood, regularizationWeight: 0)",
            (x, y) => Math.Log(x.Sum(v => Math.Exp(v) + 1)) - Math.Log(Math.Exp(x[y]) + 1)
        );
    }

    [TestMethod]
    public void BackwardCorrectionUndoesTheNoise()
    {
        // Averaged over the labels that a true class i carries, the corrected loss is the clean loss: sum_y T[i, y] l(x, y) = CE(x, i).
        using var scope = NewDisposeScope();
        var loss = Loss.Parse<ClassificationLoss>($"BackwardCorrection(transitionMatrix: {NoiseText})");
        var x = tensor(Rows[0]).unsqueeze(0).expand(4, 4);
        var values = loss.Compute(x, arange(4), reduction: Reduction.None);
        for (var i = 0; i < 4; i++)
            Assert.AreEqual(-Log(Rows[0])[i], Enumerable.Range(0, 4).Sum(y => Noise[i][y] * values[y].item<double>()), 1e-12);
    }

    [TestMethod]
    public void EvidentialDivergenceIsThatOfDirichlets()
    {
        // KL(Dir(a) || Dir(1)) = E log p(x), by sampling: gamma variates through torch's own Dirichlet.
        using var scope = NewDisposeScope();
        using var generator = new Generator(3, CPU);
        var (x, y) = (
            tensor(
                new double[,]
                {
                    { 1.5, 0.2, 0, 3 },
                }
            ),
            tensor(new long[] { 3 })
        );
        var with = new EvidentialClassificationLoss().Compute(x, y).item<double>();
        var without = new EvidentialClassificationLoss { RegularizationWeight = 0 }
            .Compute(x, y)
            .item<double>();
        var a = tensor(new double[] { 2.5, 1.2, 1, 1 });
        var samples = distributions.Dirichlet(a, generator).sample(100_000);
        var constant = a.sum().lgamma() - a.lgamma().sum() - Math.Log(6);
        var expected = (constant + ((a - 1) * samples.log()).sum(1).mean()).item<double>();
        Assert.AreEqual(expected, with - without, 0.02);
    }

    private static double[] Log(double[] x)
    {
        var max = x.Max();
        var total = max + Math.Log(x.Sum(v => Math.Exp(v - max)));
        return [.. x.Select(v => v - total)];
    }

    private static double[] P(double[] x) => [.. Log(x).Select(Math.Exp)];

    private static double[] Shift(double[] x, Func<int, double> by, double divisor = 1) => [.. x.Select((v, c) => v / divisor + by(c))];

    private static double[] EffectiveNumber(double beta)
    {
        var raw = Counts.Select(n => (1 - beta) / (1 - Math.Pow(beta, n))).ToArray();
        return [.. raw.Select(w => w * raw.Length / raw.Sum())];
    }

    private static double SingleLabelAsymmetric(double[] x, int y, double smoothing, double gammaPositive, double gammaNegative)
    {
        var (logs, sum) = (Log(x), 0.0);
        for (var c = 0; c < x.Length; c++)
        {
            var target = (c == y ? 1 - smoothing : 0) + smoothing / x.Length;
            var p = Math.Exp(logs[c]);
            sum -= target * (c == y ? Math.Pow(1 - p, gammaPositive) : Math.Pow(p, gammaNegative)) * logs[c];
        }
        return sum;
    }

    private static double JensenShannon(double[] x, int y, double a)
    {
        var (p, sum) = (P(x), 0.0);
        for (var c = 0; c < x.Length; c++)
        {
            var m = (c == y ? a : 0) + (1 - a) * p[c];
            sum += (c == y ? -a * Math.Log(m) : 0) + (1 - a) * p[c] * Math.Log(p[c] / m);
        }
        return sum;
    }

    private static double ExpectedSquares(double[] a, int y)
    {
        var total = a.Sum();
        return a.Select((v, c) => (Mean: v / total, Y: c == y ? 1 : 0))
            .Sum(t => Math.Pow(t.Y - t.Mean, 2) + t.Mean * (1 - t.Mean) / (total + 1));
    }
}
