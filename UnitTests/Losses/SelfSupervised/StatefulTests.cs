using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.SelfSupervised;

/// <summary>Queues, centres and prototypes: what changes them and what does not.</summary>
[TestClass]
public class StatefulTests
{
    [TestMethod]
    public void AQueueOfItsOwnEqualsTheSameQueueGiven()
    {
        using var scope = NewDisposeScope();
        var (a, b) = TwoViews.Of(4, 3);
        using var function = Queue(6);
        var queue = function.State!["queue"].clone();
        var given = new InfoNCELoss().Compute(TwoViews.Inputs(a, b).With(("queue", queue * 3)));
        Assert.AreEqual(given.item<double>(), function.Evaluate(TwoViews.Inputs(a, b)).item<double>(), 1e-12);
    }

    [TestMethod]
    [DataRow(6)]
    [DataRow(3)]
    public void TrainingPushesTheNewestKeysInFront(int size)
    {
        using var scope = NewDisposeScope();
        var (a, b) = TwoViews.Of(4, 3);
        using var function = Queue(size);
        var before = function.State!["queue"].clone();
        a.requires_grad_();
        function.Evaluate(TwoViews.Inputs(a, b)).backward(); // the graph still holds the old queue
        var newest = TwoViews.Unit(b).flip(0);
        TwoViews.AssertClose(cat([newest, before]).narrow(0, 0, size), function.State["queue"]);
    }

    [TestMethod]
    public void EvaluationAndGivenQueuesLeaveTheQueueAlone()
    {
        using var scope = NewDisposeScope();
        var (a, b) = TwoViews.Of(4, 3);
        using var function = Queue(6);
        var before = function.State!["queue"].clone();
        function.Evaluate(TwoViews.Inputs(a, b).With(("queue", ones(2, 3, dtype: ScalarType.Float64))));
        function.eval();
        function.Evaluate(TwoViews.Inputs(a, b));
        TwoViews.AssertClose(before, function.State["queue"], 0);
    }

    [TestMethod]
    public void TheCentreMovesInTrainingOnlyAndTheTeacherGetsNoGradient()
    {
        using var scope = NewDisposeScope();
        var (student, teacher) = (randn(3, 4, 5).requires_grad_(), randn(2, 4, 5).requires_grad_());
        using var function = new DINOLoss { CenterMomentum = 0.5 }.Build(new() { EmbeddingSize = 5 });
        var inputs = new LossInputs { ["student"] = student, ["teacher"] = teacher };
        function.eval();
        function.Evaluate(inputs);
        Assert.AreEqual(0f, function.State!["center"].abs().max().item<float>());
        function.train();
        function.Evaluate(inputs).backward();
        TwoViews.AssertClose(
            0.5 * teacher.detach().mean([0, 1]).to(ScalarType.Float64),
            function.State["center"].to(ScalarType.Float64),
            1e-6
        );
        Assert.IsNull(teacher.grad);
        Assert.IsNotNull(student.grad);
    }

    [TestMethod]
    public void PrototypesAreAParameterOfTheStatedSize()
    {
        using var function = new SwAVLoss { PrototypeCount = 7 }.Build(new() { EmbeddingSize = 4, ClassCount = 3 });
        CollectionAssert.AreEqual(new long[] { 7, 4 }, function.State!["prototypes"].shape);
        Assert.AreEqual(1, function.parameters().Count());
        using var again = new SwAVLoss { PrototypeCount = 7 }.Build(new() { EmbeddingSize = 4 });
        Assert.AreEqual(function.State["prototypes"].sum().item<float>(), again.State!["prototypes"].sum().item<float>());
    }

    [TestMethod]
    public void SinkhornSpreadsRowsOverPrototypes()
    {
        using var scope = NewDisposeScope();
        // With many iterations codes are balanced: identical rows get the uniform code, so that the value is log K for uniform predictions.
        var views = ones(2, 6, 3, dtype: ScalarType.Float64);
        using var function = new SwAVLoss { SinkhornIterations = 50, Temperature = 1e6 }.Build(
            new()
            {
                EmbeddingSize = 3,
                ClassCount = 4,
                DType = ScalarType.Float64,
            }
        );
        Assert.AreEqual(Math.Log(4), function.Evaluate(new() { ["views"] = views }).item<double>(), 1e-5);
    }

    private static LossFunction Queue(int size) =>
        new InfoNCELoss { QueueSize = size }.Build(new() { EmbeddingSize = 3, DType = ScalarType.Float64 });
}
