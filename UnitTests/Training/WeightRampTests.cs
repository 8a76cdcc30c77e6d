using MLNetLosses.Losses;
using MLNetLosses.Training;

namespace MLNetLosses.UnitTests.Training;

/// <summary>A term whose weight follows a ramp, inside the training loop.</summary>
[TestClass]
public sealed class WeightRampTests
{
    private static readonly TrainingOptions Short = new()
    {
        Epochs = 5,
        Optimizer = new Sgd { LearningRate = 0.05 },
        Seed = 3,
    };

    public static IEnumerable<object[]> Ramps() =>
        from kind in Enum.GetValues<RampKind>()
        from accumulate in new[] { 1, 4 } // six batches an epoch: six steps, or a whole one and one of two batches
        select new object[] { kind, accumulate };

    [TestMethod]
    [DynamicData(nameof(Ramps))]
    public void TheLoggedWeightFollowsStepsAndEpochs(RampKind kind, int accumulate)
    {
        var bySteps = new WeightRamp
        {
            Kind = kind,
            From = 0.1,
            To = 0.9,
            Begin = 2,
            End = 7,
        };
        var byEpochs = bySteps with { Begin = 0.5, End = 3.5, Unit = RampUnit.Epoch };
        var file = Path.GetTempFileName();
        try
        {
            using var toy = new Toy(
                loss: bySteps * new CrossEntropyLoss().Named("steps") + byEpochs * new FocalLoss().Named("epochs") + new PolyLoss()
            );
            TrainingLoop.Run(
                new()
                {
                    Network = toy.Network,
                    Loss = toy.Loss,
                    Batches = toy,
                    Forward = toy.Forward,
                    Options = Short with { AccumulateBatches = accumulate },
                    Monitoring = new() { LogFile = file },
                    ProgressInterval = 1,
                }
            );
            var steps = TrainingHistory.Read(file).Steps;
            var each = (Toy.Rows / Toy.BatchSize + accumulate - 1) / accumulate;
            Assert.HasCount(5 * each, steps);
            foreach (var logged in steps)
            {
                var (done, epoch) = (logged.Step - 1, logged.Epoch - 1); // a step's weight is that of its beginning
                var first = (int)(done - epoch * each) * accumulate; // of its batches
                var batches = Enumerable.Range(first, Math.Min(accumulate, toy.BatchCount - first));
                Assert.AreEqual(bySteps.At(done), logged.Terms["steps"].Weight, 1e-6, $"step {logged.Step}");
                Assert.AreEqual(
                    batches.Average(batch => byEpochs.At(epoch + (double)batch / toy.BatchCount)),
                    logged.Terms["epochs"].Weight,
                    1e-6,
                    $"step {logged.Step}, epoch {logged.Epoch}"
                );
                Assert.AreEqual(1, logged.Terms["poly"].Weight, 1e-6);
            }
            Assert.AreEqual(0.1, steps[0].Terms["epochs"].Weight, 1e-6);
            Assert.AreEqual(0.9, steps[^1].Terms["steps"].Weight, 1e-6);
            Assert.AreEqual(0.9, steps[^1].Terms["epochs"].Weight, 1e-6);
        }
        finally
        {
            File.Delete(file);
        }
    }
}
