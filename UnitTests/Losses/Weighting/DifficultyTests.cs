using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.Weighting;

/// <summary>Losses that weigh samples by their difficulty.</summary>
[TestClass]
public class DifficultyTests
{
    [TestMethod]
    public void LambertInvertsItsFunction()
    {
        using var scope = NewDisposeScope();
        var y = tensor(new[] { -0.36787, -0.3, -0.1, -1e-8, 0, 1e-8, 0.5, 3, 1e3, 1e6, 1e12 });
        var w = SuperConfidence.Lambert(new TensorNumber(y)).Values;
        Assert.AreEqual(0, (w * w.exp() / y - 1).nan_to_num().abs().max().item<double>(), 1e-12);
        var ends = SuperConfidence.Lambert(new TensorNumber(tensor(new[] { -1 / Math.E, -5, double.NegativeInfinity }))).Values;
        CollectionAssert.AreEqual(new[] { -1.0, -1, -1 }, ends.data<double>().ToArray());
    }

    [TestMethod]
    public void NoOtherConfidenceCostsLess()
    {
        using var scope = NewDisposeScope();
        foreach (var loss in new[] { 0.2, 1.5, 2.3, 4, 30 })
        {
            var cost = new SuperLoss { Tau = 2, Lambda = 0.7 }
                .Compute(new() { ["losses"] = tensor(new[] { loss }) })
                .item<double>();
            for (var log = -5.0; log <= 1; log += 0.01) // confidence up to e
                Assert.IsTrue(cost <= (loss - 2) * Math.Exp(log) + 0.7 * log * log + 1e-9);
        }
    }

    [TestMethod]
    public void ALargeLambdaIsThePlainLoss()
    {
        using var scope = NewDisposeScope();
        var losses = tensor(new[] { 0.5, 2, 7 });
        var value = new SuperLoss { Tau = 1, Lambda = 1e9 }.Compute(new() { ["losses"] = losses }, Reduction.None);
        Assert.AreEqual(0, (value - (losses - 1)).abs().max().item<double>(), 1e-6);
    }

    [TestMethod]
    public void AroundAClassificationLossItWeighsRows()
    {
        using var scope = NewDisposeScope();
        var (logits, targets) = (randn(6, 4, dtype: ScalarType.Float64), tensor(new long[] { 0, 1, -100, 3, 2, 1 }));
        var inner = new CrossEntropyLoss { ClassWeights = [1, 2, 3, 4] };
        var value = new SuperClassificationLoss { Inner = inner }
            .Compute(logits, targets)
            .item<double>();
        var (sum, weights) = (0.0, 0.0);
        foreach (var row in new[] { 0, 1, 3, 4, 5 })
        {
            var target = targets[row].item<long>();
            var loss = new CrossEntropyLoss().Compute(logits[row].unsqueeze(0), targets[row].unsqueeze(0)).unsqueeze(0);
            sum +=
                (target + 1)
                * new SuperLoss { Tau = Math.Log(4) }
                    .Compute(new() { ["losses"] = loss })
                    .item<double>();
            weights += target + 1;
        }
        Assert.AreEqual(sum / weights, value, 1e-12);
        var wrong = new SuperClassificationLoss { Inner = new CrossEntropyLoss() + new FocalLoss() };
        Assert.ThrowsExactly<ArgumentException>(() => wrong.Build());
    }

    [TestMethod]
    public void SuperWorksOnPixelsAndInSums()
    {
        using var scope = NewDisposeScope();
        ClassificationLoss loss = new SuperClassificationLoss { Inner = new FocalLoss() } + 0.5 * new CrossEntropyLoss();
        Assert.AreEqual(loss, Loss.Parse<ClassificationLoss>(loss.ToString()));
        using var function = loss.Build();
        var value = function.Evaluate(new() { ["logits"] = randn(2, 3, 4, 4), ["targets"] = zeros(2, 4, 4, ScalarType.Int64) });
        Assert.IsTrue(float.IsFinite(value.item<float>()));
    }

    [TestMethod]
    public void GammaFollowsTheProbabilityOfTheRightAnswer()
    {
        using var scope = NewDisposeScope();
        using var function = new AutomatedFocalLoss { Momentum = 0.5 }.Build(new() { DType = ScalarType.Float64 });
        var (logits, targets) = (randn(6, 4, dtype: ScalarType.Float64), tensor(new long[] { 0, 1, -100, 3, 2, 1 }));
        var p = nn.functional.softmax(logits, 1).gather(1, targets.clamp(min: 0).unsqueeze(1)).squeeze(1);
        p = p.masked_select(targets.ge(0));
        var q = p.mean().item<double>(); // the first batch's own mean
        double Expected(double gamma) => (-(1 - p).pow(gamma) * p.log()).mean().item<double>();
        var inputs = new LossInputs { ["logits"] = logits, ["targets"] = targets };
        function.eval();
        Assert.AreEqual(Expected(-Math.Log(q)), function.Evaluate(inputs).item<double>(), 1e-12);
        Assert.AreEqual(0, function.State!["meanCorrectProbability"].item<double>());
        function.train();
        function.State.Set("meanCorrectProbability", tensor(0.9, ScalarType.Float64));
        Assert.AreEqual(Expected(-Math.Log((0.9 + q) / 2)), function.Evaluate(inputs).item<double>(), 1e-12);
        Assert.AreEqual((0.9 + q) / 2, function.State["meanCorrectProbability"].item<double>(), 1e-12);
    }

    [TestMethod]
    public void NothingThatCountsTeachesNothing()
    {
        using var scope = NewDisposeScope();
        using var function = new AutomatedFocalLoss().Build();
        var logits = randn(3, 4).requires_grad_();
        var inputs = new LossInputs { ["logits"] = logits, ["targets"] = full(3, -100L, ScalarType.Int64) };
        function.State!.Set("meanCorrectProbability", tensor(0.4f));
        var value = function.Evaluate(inputs);
        value.backward();
        Assert.AreEqual(0, value.item<float>());
        Assert.AreEqual(0, logits.grad!.abs().max().item<float>());
        Assert.AreEqual(0.4f, function.State["meanCorrectProbability"].item<float>(), 1e-6);
    }
}
