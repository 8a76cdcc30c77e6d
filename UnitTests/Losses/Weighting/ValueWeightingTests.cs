using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.Weighting;

/// <summary>Weightings on values: what they learn and remember between calls.</summary>
[TestClass]
public class ValueWeightingTests
{
    private static readonly LossContext Three = new() { TaskCount = 3, DType = ScalarType.Float64 };

    [TestMethod]
    public void RunningVariationEqualsTheWholeHistory()
    {
        using var scope = NewDisposeScope();
        var steps = rand([7, 3], dtype: ScalarType.Float64) + 0.2;
        foreach (var momentum in new double?[] { null, 0.8 })
        {
            var rule = new CoefficientOfVariationLoss { Momentum = momentum };
            using var running = rule.Build(Three);
            for (var k = 0; k < 7; k++)
            {
                var losses = steps[k];
                var given = rule.Compute(new LossInputs { ["losses"] = losses, ["history"] = steps.narrow(0, 0, k) });
                Assert.AreEqual(given.item<double>(), running.Evaluate(new() { ["losses"] = losses }).item<double>(), 1e-12);
            }
            running.eval();
            Assert.AreEqual(steps[0].sum().item<double>(), running.Evaluate(new() { ["losses"] = steps[0] }).item<double>(), 1e-12);
            Assert.AreEqual(7, running.State!["steps"].item<double>());
        }
    }

    [TestMethod]
    public void DynamicAveragesFollowTheEpochs()
    {
        using var scope = NewDisposeScope();
        var rule = new DynamicWeightAverageLoss { Temperature = 0.7 };
        using var function = rule.Build(Three);
        var losses = tensor(new[] { 1.0, 2, 3 });
        double Now() => function.Combine(losses[0], losses[1], losses[2]).item<double>();
        Assert.AreEqual(6, Now(), 1e-12);
        function.EndEpoch([4, 5, 6]);
        Assert.AreEqual(6, Now(), 1e-12);
        function.EndEpoch([2, 4, 5]);
        var given = rule.Compute(
            new LossInputs
            {
                ["losses"] = losses,
                ["previousLosses"] = tensor(new[] { 2.0, 4, 5 }),
                ["olderLosses"] = tensor(new[] { 4.0, 5, 6 }),
            }
        );
        Assert.AreEqual(given.item<double>(), Now(), 1e-12);
        Assert.AreNotEqual(6, Now(), 1e-3);
        Assert.ThrowsExactly<ArgumentException>(() => function.EndEpoch([1, 2]));
    }

    [TestMethod]
    public void RandomWeightsChangeWithEveryStepAndRepeatWithTheSeed()
    {
        using var scope = NewDisposeScope();
        var losses = tensor(new[] { 1.0, 20, 300 });
        double[] Draw(long seed)
        {
            using var function = new RandomWeightingLoss().Build(Three with { Seed = seed });
            return [.. Enumerable.Range(0, 4).Select(_ => function.Evaluate(new() { ["losses"] = losses }).item<double>())];
        }
        CollectionAssert.AreEqual(Draw(1), Draw(1));
        CollectionAssert.AreNotEqual(Draw(1), Draw(2));
        Assert.AreEqual(4, Draw(1).Distinct().Count());
        using var evaluated = new RandomWeightingLoss().Build(Three);
        evaluated.eval();
        Assert.AreEqual(107, evaluated.Evaluate(new() { ["losses"] = losses }).item<double>(), 1e-9);
    }

    [TestMethod]
    public void LearnedVariancesSettleWhereTheyShould()
    {
        using var scope = NewDisposeScope();
        var losses = tensor(new[] { 0.5, 2, 8 });
        var rule = new HomoscedasticUncertaintyLoss
        {
            Kinds = [UncertainTask.Regression, UncertainTask.Classification, UncertainTask.Regression],
        };
        using var function = rule.Build(Three);
        function.State!.Set("logVariances", tensor(new[] { Math.Log(0.5), Math.Log(4), Math.Log(8) })); // log(2 k L)
        function.Evaluate(new() { ["losses"] = losses }).backward();
        Assert.AreEqual(0, function.State["logVariances"].grad!.abs().max().item<double>(), 1e-12);
        Assert.AreEqual(1, function.parameters().Count());
    }

    [TestMethod]
    public void AGeometricMeanIgnoresScales()
    {
        using var scope = NewDisposeScope();
        var losses = tensor(new[] { 1.0, 2, 4 }).requires_grad_();
        new GeometricMeanLoss().Compute(losses).backward();
        var shares = losses.grad! * losses.detach();
        Assert.AreEqual(0, (shares - shares.mean()).abs().max().item<double>(), 1e-12);
    }

    [TestMethod]
    public void NormsOfASlowTaskAreWantedHigher()
    {
        using var scope = NewDisposeScope();
        using var function = new GradNormLoss().Build(Three);
        var inputs = new LossInputs
        {
            ["losses"] = tensor(new[] { 1.0, 0.5, 0.1 }),
            ["initialLosses"] = ones(3, dtype: ScalarType.Float64),
            ["gradientNorms"] = ones(3, dtype: ScalarType.Float64),
        };
        function.Evaluate(inputs).backward();
        var slope = function.State!["weights"].grad!.data<double>().ToArray();
        Assert.IsTrue(slope[0] < 0 && slope[2] > 0); // descent raises the first weight, lowers the last
        function.State.Set("weights", tensor(new[] { -1.0, 2, 6 }));
        GradNormLoss.Renormalize(function.State);
        CollectionAssert.AreEqual(new[] { 0, 0.75, 2.25 }, function.State["weights"].data<double>().ToArray());
        var error = Assert.ThrowsExactly<ArgumentException>(() =>
            function.Evaluate(inputs.With(("initialLosses", zeros(3, dtype: ScalarType.Float64))))
        );
        Assert.AreEqual("initialLosses", error.ParamName);
    }

    [TestMethod]
    public void WrongCountsAreNamed()
    {
        using var scope = NewDisposeScope();
        var three = ones(3, dtype: ScalarType.Float64);
        Fails("losses", () => new FixedWeightsLoss { Weights = [1, 2] }.Compute(three));
        Fails("losses", () => new FixedWeightsLoss { Weights = [1, 2] }.Build(Three));
        Fails("losses", () => new HomoscedasticUncertaintyLoss { Kinds = [UncertainTask.Regression] }.Build(Three));
        Fails("losses", () => new GeometricMeanLoss().Compute(ones(2, 2)));
        Fails("TaskCount", () => new RevisedUncertaintyLoss().Compute(three));
        Fails("history", () => new CoefficientOfVariationLoss().Compute(new LossInputs { ["losses"] = three, ["history"] = ones(4, 2) }));
        Fails("draws", () => new RandomWeightingLoss().Compute(new LossInputs { ["losses"] = three, ["draws"] = ones(2) }));
        using var function = new RevisedUncertaintyLoss().Build(Three);
        Fails("losses", () => function.Evaluate(new() { ["losses"] = ones(2, dtype: ScalarType.Float64) }));
        Fails("terms", () => function.Combine(three));
        Fails("weighting", () => function.CombineGradients(ones(2, 3)));
        using var rule = new MultipleGradientDescentLoss().Build(Three);
        Fails("weighting", () => rule.Combine(three[0], three[1]));
        using var other = new SuperLoss { Tau = 1 }.Build();
        Fails("weighting", () => other.Combine(three[0]));
    }

    private static void Fails(string parameter, Action action)
    {
        var error = Assert.ThrowsExactly<ArgumentException>(action);
        Assert.AreEqual(parameter, error.ParamName, error.Message);
    }
}
