using MLNetLosses.Training;

namespace MLNetLosses.UnitTests.Monitoring;

/// <summary>Rows whose loss stays far above the others': found in at least 95 % of the trainings with wrong labels, in at most 5 % of those without.</summary>
[TestClass]
public sealed class SuspectRowTests
{
    private const int Seeds = 100;
    private const int Rows = 300;

    [TestMethod]
    public void WrongOnesAreFoundAndHardOnesAreNot()
    {
        var (missed, accused) = (0, 0);
        for (var seed = 0; seed < Seeds; seed++)
        {
            missed += IsFound(seed, wrong: 0.02 + 0.13 * seed / Seeds) ? 0 : 1;
            accused += IsFound(seed + Seeds, wrong: 0) ? 1 : 0;
        }
        Assert.IsLessThanOrEqualTo(0.05 * Seeds, missed, "missed");
        Assert.IsLessThanOrEqualTo(0.05 * Seeds, accused, "accused");
    }

    [TestMethod]
    public void NothingIsSaidBeforeTheOthersAreLearnt()
    {
        var tracker = new RowTracker();
        for (var epoch = 0; epoch < 10; epoch++)
        {
            for (var row = 0; row < 100; row++)
                tracker.Add(row, row < 10 ? 50 : 1 + 0.001 * row);
            Assert.AreEqual(0, tracker.EndEpoch(24, []).SuspectCount);
        }
    }

    [TestMethod]
    public void RowsOfWhichNothingCountedAreNotFollowed()
    {
        var tracker = new RowTracker();
        tracker.Add(1, double.NaN);
        tracker.Add(2, 3);
        var (hardest, _, _, median) = tracker.EndEpoch(24, []);
        Assert.AreEqual(2, hardest.Single().Row);
        Assert.AreEqual(3, median);
        Assert.AreEqual(1, tracker.Count);
    }

    [TestMethod]
    public void MetricIsTheMeanOfTheRatiosOfSumsThatCountedAnything()
    {
        var tracker = new RowTracker();
        tracker.Add("meanIoU", [1, 0, 0], [4, 2, 0]);
        tracker.Add("meanIoU", [2, 1, 0], [2, 2, 0]);
        Assert.AreEqual((3.0 / 6 + 1.0 / 4) / 2, tracker.Metrics["meanIoU"], 1e-12);
        tracker.EndEpoch(1, []);
        Assert.IsEmpty(tracker.Metrics);
    }

    // Images differ in how hard they are by a factor of two (one standard deviation), each epoch shows another part of them, and all come down; one in fifty is much harder.
    private static bool IsFound(int seed, double wrong)
    {
        var random = new Random(seed * 7919 + 3);
        var tracker = new RowTracker();
        var hardness = Enumerable.Range(0, Rows).Select(_ => Math.Exp(0.7 * Normal(random)) * (random.Next(50) == 0 ? 3 : 1)).ToArray();
        var count = (int)(wrong * Rows);
        for (var epoch = 0; epoch < 12; epoch++)
        {
            var level = 0.05 + 0.9 * Math.Exp(-0.5 * epoch);
            for (var row = 0; row < Rows; row++)
                tracker.Add(row, (row < count ? 2.5 : Math.Min(1.5, level * hardness[row])) * Math.Exp(0.25 * Normal(random)));
            if (epoch < 11)
                tracker.EndEpoch(24, []);
        }
        var (_, suspects, found, median) = tracker.EndEpoch(24, []);
        var history = new TrainingHistory();
        history.Add(new RunRecord { Task = "semantic segmentation" });
        history.Add(
            new EpochRecord
            {
                Train = new()
                {
                    RowCount = Rows,
                    SuspectCount = found,
                    SuspectRows = suspects,
                    MedianRowLoss = median,
                },
            }
        );
        var finding = Diagnosis.Examine(history).SingleOrDefault(f => f.Kind == FindingKind.LabelNoise);
        if (finding is not null)
        {
            StringAssert.Contains(finding.Evidence, "kept a loss far above that of the others for 3 epochs or more (");
            StringAssert.Contains(finding.Advice, "masks");
        }
        return finding is not null;
    }

    private static double Normal(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
