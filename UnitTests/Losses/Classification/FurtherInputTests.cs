using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.Classification;

/// <summary>Teachers, views, noise, class counts and the clock.</summary>
[TestClass]
public class FurtherInputTests
{
    [TestMethod]
    public void ATeacherDoesNotLearn()
    {
        using var scope = NewDisposeScope();
        var (x, teacher) = (randn(4, 3).requires_grad_(), randn(4, 3).requires_grad_());
        var inputs = new LossInputs { ["logits"] = x, ["teacherLogits"] = teacher };
        new DistillationLoss { Alpha = 1 }
            .Compute(inputs)
            .backward();
        Assert.IsNotNull(x.grad);
        Assert.IsNull(teacher.grad);
        var error = Assert.ThrowsExactly<ArgumentException>(() => new DistillationLoss().Compute(inputs));
        StringAssert.Contains(error.Message, "'targets' is missing");
    }

    [TestMethod]
    public void ATeachersRowsCanBeIgnoredWithoutHardLabels()
    {
        using var scope = NewDisposeScope();
        var (x, teacher) = (randn(3, 3, float64), randn(3, 3, float64));
        var loss = new DistillationLoss { Alpha = 1 };
        var ignoring = new LossInputs
        {
            ["logits"] = x,
            ["teacherLogits"] = teacher,
            ["targets"] = tensor(new long[] { 0, -100, 2 }),
        };
        var rows = tensor(new long[] { 0, 2 });
        var kept = new LossInputs { ["logits"] = x.index_select(0, rows), ["teacherLogits"] = teacher.index_select(0, rows) };
        Assert.AreEqual(loss.Compute(kept).item<double>(), loss.Compute(ignoring).item<double>(), 1e-12);
    }

    [TestMethod]
    public void ViewsThatAgreeCostNothingAlone()
    {
        using var scope = NewDisposeScope();
        var x = randn(4, 3, float64);
        var loss = new JensenShannonLoss { TargetWeight = 0 };
        var same = new LossInputs { ["logits"] = x, ["viewLogits"] = stack(new[] { x, x }) };
        Assert.AreEqual(0, loss.Compute(same).item<double>(), 1e-12);
        var other = new LossInputs { ["logits"] = x, ["viewLogits"] = stack(new[] { x, -x }) };
        Assert.IsGreaterThan(0.01, loss.Compute(other).item<double>());
        var error = Assert.ThrowsExactly<ArgumentException>(() => loss.Compute(new LossInputs { ["logits"] = x, ["viewLogits"] = x }));
        StringAssert.Contains(error.Message, "[V, 4, 3]");
    }

    [TestMethod]
    public void NoiseIsDrawnAnewFromTheSeed()
    {
        using var scope = NewDisposeScope();
        var loss = new HeteroscedasticClassificationLoss { Samples = 2 };
        var inputs = new LossInputs
        {
            ["logits"] = randn(4, 3),
            ["logVariances"] = zeros(4, 3),
            ["targets"] = tensor(new long[] { 0, 1, 2, 0 }),
        };
        using var first = loss.Build(new LossContext { Seed = 5 });
        using var again = loss.Build(new LossContext { Seed = 5 });
        using var other = loss.Build(new LossContext { Seed = 6 });
        var values = new[] { first, first, again, again, other }.Select(f => f.Evaluate(inputs).item<float>()).ToArray();
        Assert.AreNotEqual(values[0], values[1]);
        Assert.AreEqual(values[0], values[2]);
        Assert.AreEqual(values[1], values[3]);
        Assert.AreNotEqual(values[0], values[4]);
    }

    [TestMethod]
    public void MoreNoiseMeansLessCertainty()
    {
        using var scope = NewDisposeScope();
        var inputs = new LossInputs
        {
            ["logits"] = tensor(
                new double[,]
                {
                    { 5, 0, 0 },
                }
            ),
            ["logVariances"] = zeros(1, 3, float64),
            ["targets"] = tensor(new long[] { 0 }),
            ["noise"] = randn(500, 1, 3, float64),
        };
        double At(double logVariance) =>
            new HeteroscedasticClassificationLoss().Compute(inputs.With(("logVariances", full(1, 1, logVariance, float64)))).item<double>();
        Assert.IsLessThan(At(2), At(-5));
        Assert.IsLessThan(At(6), At(2));
    }

    [TestMethod]
    public void CountsComeFromTheDataAndStayThere()
    {
        using var scope = NewDisposeScope();
        var (x, y) = (randn(6, 4, float64), arange(6).remainder(4));
        var inputs = new LossInputs { ["logits"] = x, ["targets"] = y };
        foreach (var text in new[] { "ClassBalanced", "LabelDistributionAwareMargin", "LogitAdjusted" })
        {
            var loss = Loss.Parse(text);
            using var built = loss.Build(new LossContext { ClassCounts = [40, 10, 5, 0] });
            var stated = Loss.Parse($"{text}(classCounts: [40, 10, 5, 1])");
            Assert.AreEqual(stated.Compute(inputs).item<double>(), built.Evaluate(inputs).item<double>(), 1e-12);
            Assert.AreEqual(loss, built.Definition);
            Assert.IsFalse(built.Definition.ToJson().Contains("classCounts"), "the data's counts are no option");
            StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => loss.Compute(inputs)).Message, "LossContext.ClassCounts");
            var wrong = Loss.Parse($"{text}(classCounts: [1, 2])");
            StringAssert.Contains(
                Assert.ThrowsExactly<ArgumentException>(() => wrong.Compute(inputs)).Message,
                "ClassCounts has 2 entries"
            );
        }
    }

    [TestMethod]
    public void WeightsJoinLate()
    {
        using var scope = NewDisposeScope();
        var inputs = new LossInputs { ["logits"] = randn(6, 3, float64), ["targets"] = arange(6).remainder(3) };
        var loss = new LabelDistributionAwareMarginLoss
        {
            ClassCounts = [500, 20, 3],
            ReweightBeta = 0.99,
            DeferUntil = 0.8,
        };
        using var built = loss.Build();
        double At(LossClock clock)
        {
            built.Clock = clock;
            return built.Evaluate(inputs).item<double>();
        }
        var without = (loss with { ReweightBeta = null }).Compute(inputs).item<double>();
        var with = (loss with { DeferUntil = 0 }).Compute(inputs).item<double>();
        Assert.AreNotEqual(without, with);
        Assert.AreEqual(without, At(new LossClock()), "progress unknown");
        Assert.AreEqual(without, At(new LossClock(Epoch: 159, EpochCount: 200)));
        Assert.AreEqual(with, At(new LossClock(Epoch: 160, EpochCount: 200)), 1e-12);
    }

    [TestMethod]
    public void RareClassesWeighMore()
    {
        using var scope = NewDisposeScope();
        var loss = new ClassBalancedLoss { ClassCounts = [1000, 10] };
        var values = loss.Compute(zeros(2, 2, float64), tensor(new long[] { 0, 1 }), reduction: Reduction.None);
        var (common, rare) = ((1 - 0.999) / (1 - Math.Pow(0.999, 1000)), (1 - 0.999) / (1 - Math.Pow(0.999, 10)));
        Assert.AreEqual(Math.Log(2) * 2 * common / (common + rare), values[0].item<double>(), 1e-12);
        Assert.AreEqual(Math.Log(2) * 2 * rare / (common + rare), values[1].item<double>(), 1e-12);
    }

    [TestMethod]
    public void AnIllConditionedMatrixIsRemarkedOn()
    {
        var remarks = new List<string>();
        var loss = new BackwardCorrectionLoss
        {
            TransitionMatrix =
            [
                [0.5002, 0.4998],
                [0.4998, 0.5002],
            ],
        };
        loss.Build(new LossContext { Warn = remarks.Add }).Dispose();
        Assert.HasCount(1, remarks);
        StringAssert.Contains(remarks[0], "condition number");
        var singular = new BackwardCorrectionLoss
        {
            TransitionMatrix =
            [
                [0.5, 0.5],
                [0.5, 0.5],
            ],
        };
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => singular.Build()).Message, "no usable inverse");
    }
}
