using MLNetLosses.Training;

namespace MLNetLosses.UnitTests.Monitoring;

/// <summary>Diagnosis on made-up trainings: at least 95 % of the sick of each kind are found, at most 5 % of the healthy accused, also while they run.</summary>
[TestClass]
public sealed class DiagnosisTests
{
    private const int Seeds = 100;

    public static IEnumerable<object[]> Sicknesses =>
        SyntheticTraining.Sicknesses.Select((s, i) => new object[] { i, $"{s.Kind}: {s.Name}" });

    [TestMethod]
    [DynamicData(nameof(Sicknesses))]
    public void SickAreFound(int index, string name)
    {
        var (kind, _, infect) = SyntheticTraining.Sicknesses[index];
        var missed = new List<int>();
        for (var seed = 0; seed < Seeds; seed++)
        {
            var training = SyntheticTraining.Healthy(seed);
            infect(training);
            var findings = Diagnosis.Examine(training.History());
            if (findings.All(f => f.Kind != kind))
                missed.Add(seed);
            Assert.IsTrue(findings.All(f => f.Evidence.Length > 20 && f.Advice.Length > 10), name);
        }
        Assert.IsLessThanOrEqualTo(0.05 * Seeds, missed.Count, $"{name}: missed in {string.Join(", ", missed)}");
    }

    [TestMethod]
    public void HealthyAreNotAccused()
    {
        var accused = new List<string>();
        for (var seed = 1000; seed < 1000 + 2 * Seeds; seed++)
        {
            var found = new Dictionary<FindingKind, string>();
            foreach (var part in new[] { 0.15, 0.3, 0.5, 0.75, 1 })
            foreach (var finding in Diagnosis.Examine(SyntheticTraining.Healthy(seed).History(part)))
                found.TryAdd(finding.Kind, $"after {part:P0}: {finding.Title}. {finding.Evidence}");
            if (found.Count > 0)
                accused.Add($"{seed} {string.Join(", ", found.Values)}");
        }
        Assert.IsLessThanOrEqualTo(0.05 * 2 * Seeds, accused.Count, string.Join("\n", accused));
    }

    [TestMethod]
    public void TermThatIsDeadIsNamedWithItsShare()
    {
        var training = SyntheticTraining.Healthy(1);
        training.Shares = _ => [0.001, 0.999];
        var finding = Diagnosis.Examine(training.History()).Single();
        Assert.AreEqual((FindingKind.DeadTerm, "a"), (finding.Kind, finding.Subject));
        StringAssert.Matches(finding.Evidence, new(@"^The term 'a' gives 0\.\d\d ?% of the gradient"));
        Assert.AreEqual("dead term: a", finding.Title);
    }

    [TestMethod]
    public void NothingIsSaidOfAnEmptyOrShortTraining()
    {
        Assert.IsEmpty(Diagnosis.Examine(new()));
        Assert.IsEmpty(Diagnosis.Examine(SyntheticTraining.Healthy(3).History(0.05)));
    }

    [TestMethod]
    public void FlippedLabelsAreSuspectedAndHardRowsAreNot()
    {
        var random = new Random(5);
        var tracker = new RowTracker();
        var (suspects, count) = (new List<RowFinding>(), 0);
        for (var epoch = 0; epoch < 6; epoch++)
        {
            for (var row = 0; row < 1000; row++)
            {
                var isFlipped = row % 20 == 0;
                var isHard = row % 20 == 1;
                // Hard rows are wrong now and then, and another class each time, or not sure of it.
                var predicted =
                    isFlipped ? 1
                    : isHard ? random.Next(5)
                    : 0;
                var confidence =
                    isFlipped ? 0.9f
                    : isHard ? 0.3f + 0.3f * random.NextSingle()
                    : 0.95f;
                tracker.Add(
                    row,
                    isFlipped ? 4
                        : isHard ? 1.5
                        : 0.05,
                    label: 0,
                    predicted,
                    confidence
                );
            }
            (_, var found, count) = tracker.EndEpoch(100, []);
            suspects = [.. found];
        }
        Assert.AreEqual(50, count);
        Assert.IsTrue(suspects.All(s => s.Row % 20 == 0));
        Assert.HasCount(50, suspects);
    }

    [TestMethod]
    public void FindingIsToldOnceWhileTraining()
    {
        var told = new List<Finding>();
        using var toy = new UnitTests.Training.Toy(
            loss: new MLNetLosses.Losses.CrossEntropyLoss() + 1e-6 * new MLNetLosses.Losses.FocalLoss()
        );
        var job = new TrainingJob
        {
            Network = toy.Network,
            Loss = toy.Loss,
            Batches = toy,
            Forward = toy.Forward,
            Validate = toy.Validate,
            Options = new() { Epochs = 10 },
            Monitoring = new() { SamplingShare = 1 },
            ProgressInterval = 1,
            Progress = new UnitTests.Training.Recorder(p => told.AddRange(p.Findings)),
        };
        TrainingLoop.Run(job);
        var dead = told.Where(f => f.Kind == FindingKind.DeadTerm).ToList();
        Assert.HasCount(1, dead);
        Assert.AreEqual("focal", dead[0].Subject);
    }

    [TestMethod]
    public void StatisticsStandWildValues()
    {
        double[] line = [.. Enumerable.Range(0, 101).Select(i => i == 50 ? 1e9 : 3.0 * i)];
        Assert.AreEqual(3, Robust.Slope(line), 1e-9);
        Assert.AreEqual(0, Robust.Noise(line), 1e-9);
        Assert.IsGreaterThan(0.95, Robust.Trend(line));
        Assert.AreEqual(2.5, Robust.Median([1, 2, 3, 1e9]), 1e-12);
        Assert.IsTrue(double.IsNaN(Robust.Median([])));
    }
}
