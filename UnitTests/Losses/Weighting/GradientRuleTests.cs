using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.Weighting;

/// <summary>Rules that combine gradients: conditions of optimality on random gradients, and the edges.</summary>
[TestClass]
public class GradientRuleTests
{
    public static IEnumerable<object[]> Cases() =>
        from tasks in new[] { 1, 2, 3, 5, 9 }
        from seed in Enumerable.Range(0, 8)
        from kind in new[] { "spread", "few dimensions", "repeated", "unlike lengths" }
        select new object[] { tasks, seed, kind };

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void TheLeastPointSatisfiesItsConditions(int tasks, int seed, string kind)
    {
        using var scope = NewDisposeScope();
        var g = Gradients(tasks, seed, kind);
        using var function = new MultipleGradientDescentLoss().Build();
        var x = function.CombineGradients(g);
        var square = x.dot(x).item<double>();
        var scale = g.square().sum(1).max().item<double>();
        // x is the least point of the hull if and only if x . g_i >= |x|^2 for all i.
        Assert.IsTrue(g.mv(x).min().item<double>() >= square - 1e-9 * scale);
        var weights = function.EvaluateUnreduced(new() { ["taskGradients"] = g }).Details.Single(d => d.Name == "weights").Value;
        Assert.AreEqual(1, weights.sum().item<double>(), 1e-9);
        Assert.IsTrue(weights.min().item<double>() >= 0);
    }

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void TheWorstTaskCannotBeHelpedMoreWithinTheRadius(int tasks, int seed, string kind)
    {
        using var scope = NewDisposeScope();
        var g = Gradients(tasks, seed, kind);
        using var function = new ConflictAverseGradientLoss { C = 0.6 }.Build();
        var v = function.CombineGradients(g);
        var mean = g.mean([0]);
        var radius = 0.6 * mean.norm().item<double>();
        var scale = g.square().sum(1).max().item<double>();
        Assert.IsTrue((v - mean).norm().item<double>() <= radius + 1e-9 * Math.Sqrt(scale));
        var worst = g.mv(v).min().item<double>();
        using var generator = new Generator((ulong)seed, CPU);
        for (var i = 0; i < 50; i++)
        {
            var direction = randn([g.shape[1]], dtype: ScalarType.Float64, generator: generator);
            foreach (var size in new[] { 1e-3, 0.1, 1 }) // near the solution and anywhere in the ball
            {
                var other = v - mean + direction / direction.norm() * radius * size;
                other = mean + other * Math.Min(1, radius / Math.Max(other.norm().item<double>(), 1e-300));
                Assert.IsTrue(g.mv(other).min().item<double>() <= worst + 1e-6 * scale);
            }
        }
    }

    [TestMethod]
    public void ProjectedGradientsOfTwoTasksDoNotConflict()
    {
        using var scope = NewDisposeScope();
        for (var seed = 0; seed < 20; seed++)
        {
            var g = Gradients(2, seed, "few dimensions");
            using var function = new ProjectConflictingGradientsLoss().Build();
            var v = function.CombineGradients(g);
            if (g[0].dot(g[1]).item<double>() < 0)
                Assert.IsTrue(g.mv(v).min().item<double>() >= -1e-9);
            else
                Assert.AreEqual(0, (v - g.sum([0])).abs().max().item<double>(), 1e-12);
        }
    }

    [TestMethod]
    public void TheOrderIsRandomAndRepeatsWithTheSeed()
    {
        using var scope = NewDisposeScope();
        var g = Gradients(4, 3, "few dimensions");
        double[] Draw(long seed)
        {
            using var function = new ProjectConflictingGradientsLoss().Build(
                new()
                {
                    TaskCount = 4,
                    Seed = seed,
                    DType = ScalarType.Float64,
                }
            );
            return [.. Enumerable.Range(0, 6).Select(_ => function.CombineGradients(g).sum().item<double>())];
        }
        CollectionAssert.AreEqual(Draw(1), Draw(1));
        Assert.IsTrue(Draw(1).Distinct().Count() > 1);
        using var given = new ProjectConflictingGradientsLoss().Build();
        var error = Assert.ThrowsExactly<ArgumentException>(() =>
            given.Evaluate(new() { ["taskGradients"] = g, ["order"] = zeros(4, 4, ScalarType.Int64) })
        );
        Assert.AreEqual("order", error.ParamName);
    }

    [TestMethod]
    public void GradientsThatAreNotFiniteStayVisible()
    {
        using var scope = NewDisposeScope();
        foreach (
            var rule in new GradientRule[]
            {
                new ProjectConflictingGradientsLoss(),
                new ConflictAverseGradientLoss(),
                new MultipleGradientDescentLoss(),
            }
        )
        {
            using var function = rule.Build();
            var g = Gradients(3, 1, "spread");
            using (no_grad())
                g[1, 0].fill_(double.NaN);
            Assert.IsTrue(function.CombineGradients(g)[0].isnan().item<bool>(), $"{rule}");
        }
    }

    private static Tensor Gradients(int tasks, int seed, string kind)
    {
        using var generator = new Generator((ulong)seed, CPU);
        var g = randn([tasks, kind == "few dimensions" ? 2 : 12], dtype: ScalarType.Float64, generator: generator);
        if (kind == "repeated" && tasks > 1)
            g = cat([g.narrow(0, 0, tasks - 1), g.narrow(0, 0, 1)]);
        if (kind == "unlike lengths")
            g = g * pow(10, arange(tasks, ScalarType.Float64) % 4).unsqueeze(1);
        return g;
    }
}
