using System.Globalization;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static MLNetLosses.UnitTests.Losses.MetricLearning.Numbers;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.MetricLearning;

/// <summary>The angular loss, which works through its pairs in blocks, against plain loops.</summary>
[TestClass]
public class AngularTests
{
    private static readonly AngularLoss Loss = new();

    private static double Square => Math.Pow(Math.Tan(Loss.Angle), 2);

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void IsItsLoops(bool references)
    {
        using var scope = NewDisposeScope();
        var problem = Problem.Draw(references);
        var (unit, partners) = (Unit(problem.Embeddings), Unit(problem.References ?? problem.Embeddings));
        double Dot(Tensor x, Tensor y) => x.dot(y).item<double>();
        var costs = problem
            .PositivePairs()
            .Select(pair =>
            {
                var (a, p) = (unit[pair.A], partners[pair.P]);
                double Exponent(int n) => 4 * Square * Dot(a + p, partners[n]) - 2 * (1 + Square) * Dot(a, p);
                return Math.Log(1 + problem.Negatives(pair.A).Sum(n => Math.Exp(Exponent(n))));
            })
            .ToArray();
        AreClose(costs.Average(), Loss.Value(problem.Inputs()), "mean");
        AreClose(costs.Sum(), Loss.Value(problem.Inputs(), Reduction.Sum), "sum");
        GradientIsTheSlope(Loss, problem);
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void ManyBlocksAreOneAnchorAfterTheOther(bool references)
    {
        using var scope = NewDisposeScope();
        var problem = Problem.Draw(references, n: 512, m: 300, classes: 2, size: 8);
        LossInputs Leaves()
        {
            var leaves = problem.Inputs(learn: true);
            return references ? leaves.With(("references", problem.References!.clone().requires_grad_())) : leaves;
        }
        var (expected, actual) = (Leaves(), Leaves());
        var sum = 0.0;
        for (var anchor = 0; anchor < problem.N; anchor++)
        {
            using var one = NewDisposeScope();
            var a = Unit(expected["embeddings"])[anchor];
            var partners = Unit(expected[references ? "references" : "embeddings"]);
            var positives = tensor(problem.Positives(anchor).Select(p => (long)p).ToArray());
            var negatives = tensor(problem.Negatives(anchor).Select(n => (long)n).ToArray());
            var (p, n) = (partners.index_select(0, positives), partners.index_select(0, negatives));
            var exponents = (a + p).mm(n.t()) * (4 * Square) - p.mv(a).unsqueeze(1) * (2 * (1 + Square));
            var cost = cat([zeros(p.shape[0], 1, dtype: p.dtype), exponents], 1).logsumexp(1).sum();
            cost.backward();
            sum += cost.item<double>();
        }
        var value = Loss.Compute(actual, Reduction.Sum);
        value.backward();
        AreClose(sum, value.item<double>(), "sum");
        foreach (var (name, leaf) in expected.Where(input => input.Value.requires_grad))
            Assert.IsTrue(leaf.grad!.allclose(actual[name].grad!, 1e-9, 1e-9), name);
    }

    [TestMethod]
    public void HoldsNoTensorOfAllPairsAndPartners()
    {
        var megabytes = double.Parse(PeakMemory.Lines(Measure).Single(), CultureInfo.InvariantCulture);
        Console.WriteLine($"{megabytes} MB");
        Assert.IsLessThan(100, megabytes, "one tensor of 512 * 255 pairs and 512 partners takes 267 MB");
    }

    private static int Measure(string[] arguments)
    {
        PeakMemory.Prepare();
        Step(16); // code
        Console.WriteLine(FormattableString.Invariant($"{Step(512) / 1e6:0.0}"));
        return 0;
    }

    private static double Step(int rows)
    {
        using var scope = NewDisposeScope();
        var embeddings = randn(rows, 64).requires_grad_();
        var inputs = new LossInputs { ["embeddings"] = embeddings, ["labels"] = arange(rows, ScalarType.Int64).remainder(2) };
        return PeakMemory.Bytes(() => Loss.Compute(inputs).backward());
    }

    private static Tensor Unit(Tensor rows) => rows / rows.square().sum([1], keepdim: true).sqrt();
}
