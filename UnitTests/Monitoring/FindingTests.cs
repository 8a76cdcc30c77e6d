using MLNetLosses.Training;
using MLNetLosses.UnitTests.Training;

namespace MLNetLosses.UnitTests.Monitoring;

/// <summary>A finding is told when it is found, when it has got worse and when it is over, and the history of it stays.</summary>
[TestClass]
public sealed class FindingTests
{
    private readonly string folder = Directory.CreateTempSubdirectory("findings").FullName;

    [TestCleanup]
    public void Delete() => Directory.Delete(folder, recursive: true);

    [TestMethod]
    public void PlateauThatIsFollowedByProgressIsOver()
    {
        var training = SyntheticTraining.Healthy(1);
        var flat = 0.9 * training.Start;
        (training.Noise, training.Rate, training.Update) = (0.02, _ => 0.01, _ => 1e-3);
        training.Level = t => t < 0.5 ? flat : flat * Math.Exp(-12 * (t - 0.5));
        var (tracker, told) = (new FindingTracker([]), new List<Finding>());
        for (var look = 1; look <= 20; look++)
            told.AddRange(Look(tracker, training.History(look / 20.0), look));
        var plateau = told.Where(f => f.Kind == FindingKind.Plateau).ToList();
        Assert.AreEqual(FindingState.Found, plateau[0].State);
        Assert.AreEqual(FindingState.Over, plateau[^1].State);
        Assert.AreEqual(plateau[0].FirstEpoch, plateau[^1].FirstEpoch);
        Assert.IsTrue(plateau[^1].LastEpoch is >= 10 and < 18, $"It was seen last in epoch {plateau[^1].LastEpoch}.");
        Assert.IsTrue(plateau[1..^1].All(f => f.State == FindingState.Worse));
        Assert.AreEqual(plateau[^2].Evidence, plateau[^1].Evidence, "The last evidence that there was.");
    }

    [TestMethod]
    public void WhatComesAndGoesIsToldOnceAndWhatComesBackAgain()
    {
        var tracker = new FindingTracker([]);
        var told = new List<string>();
        // Seen in epochs 1, 3 and 6: never gone for three looks. Then gone from 7 to 9, and back.
        foreach (var (epoch, isSeen) in "1 0 1 0 0 1 0 0 0 1".Split(' ').Select((seen, i) => (i + 1, seen == "1")))
            told.AddRange(tracker.Look(isSeen ? [Spikes(0)] : [], epoch, 10 * epoch, true).Select(f => $"{epoch} {f.State} {f.Time}"));
        CollectionAssert.AreEqual(
            (string[])["1 Found since epoch 1", "9 Over epochs 1 to 6, no longer seen", "10 Found since epoch 10"],
            told.ToArray()
        );
    }

    [TestMethod]
    public void EvidenceIsNewWhereItIsTwiceAsBad()
    {
        var tracker = new FindingTracker([]);
        var told = new List<string>();
        foreach (var severity in new[] { 3.0, 5, 6, 7, 2, 15, double.PositiveInfinity, double.PositiveInfinity })
            told.AddRange(tracker.Look([Spikes(severity)], 1, 1, true).Select(f => $"{f.State} {f.Evidence}"));
        CollectionAssert.AreEqual(
            (string[])["Found 3 spikes", "Worse 7 spikes", "Worse 15 spikes", "Worse Infinity spikes"],
            told.ToArray()
        );
    }

    [TestMethod]
    public void WhatWholeEpochsTellEndsWithWholeEpochs()
    {
        foreach (var (kind, over) in new[] { (FindingKind.LabelNoise, 0), (FindingKind.NotANumber, 0), (FindingKind.Spikes, 1) })
        {
            var tracker = new FindingTracker([]);
            tracker.Look([Spikes(1) with { Kind = kind }], 1, 1, true);
            var told = Enumerable.Range(0, 5).SelectMany(_ => tracker.Look([], 2, 2, isEnd: false)).ToList();
            Assert.HasCount(over, told, $"{kind}");
        }
    }

    [TestMethod]
    public void ResumedTrainingKnowsWhatIsOpen()
    {
        var history = new TrainingHistory();
        foreach (var finding in new FindingTracker([]).Look([Spikes(3)], 2, 20, true))
            history.Add(new FindingRecord { Finding = finding });
        var resumed = new FindingTracker(history.Findings);
        Assert.IsEmpty(resumed.Look([Spikes(4)], 3, 30, true));
        Assert.AreEqual(FindingState.Worse, resumed.Look([Spikes(9)], 4, 40, true).Single().State);

        // What became of it after the checkpoint is undone with the steps.
        history.Add(new FindingRecord { Finding = history.Findings[0] with { State = FindingState.Over, Step = 50 } });
        Assert.AreEqual(FindingState.Over, history.Findings.Single().State);
        history.Add(new RunRecord { ResumedAfterStep = 40 });
        Assert.AreEqual(FindingState.Found, history.Findings.Single().State);
    }

    [TestMethod]
    public void LogReportAndListenerTellThatItIsOver()
    {
        var (log, report) = (Path.Combine(folder, "training.jsonl"), Path.Combine(folder, "report.html"));
        var told = new List<Finding>();
        using var toy = new Toy();
        // Class b is left out in the epochs 1 to 4.
        var epoch = 0;
        var job = TrainingLogTests.Watched(
            toy,
            new() { Epochs = 8 },
            new() { LogFile = log, ReportFile = report },
            validate: _ =>
                toy.Validate(default) with
                {
                    Details = new() { Classes = [Counted("a", 20), Counted("b", ++epoch > 4 ? 20 : 0)] },
                },
            progress: new Recorder(p => told.AddRange(p.Findings))
        );
        TrainingLoop.Run(job);
        CollectionAssert.AreEqual(
            (string[])["Found 3 3", "Over 3 4"],
            told.Where(f => f.Kind == FindingKind.ClassNeverPredicted).Select(f => $"{f.State} {f.FirstEpoch} {f.LastEpoch}").ToArray()
        );
        var logged = TrainingHistory.Read(log).Findings.Single(f => f.Kind == FindingKind.ClassNeverPredicted);
        Assert.AreEqual(told.Single(f => f.State == FindingState.Over), logged);
        StringAssert.Contains(File.ReadAllText(log), "\"state\":\"over\"");
        var page = File.ReadAllText(report);
        StringAssert.Contains(page, "<b>Class never predicted: b</b> <span class=\"soft\">epochs 3 to 4, no longer seen, step");
        StringAssert.Contains(page, "class=\"finding over\"");

        static ClassMetrics Counted(string name, int predicted) =>
            new(name, new Dictionary<string, double> { ["count"] = 20, ["predicted"] = predicted });
    }

    private static IReadOnlyList<Finding> Look(FindingTracker tracker, TrainingHistory history, int epoch) =>
        tracker.Look(Diagnosis.Examine(history), epoch, history.LastStep, true);

    private static Finding Spikes(double severity) =>
        new(FindingKind.Spikes, "", FormattableString.Invariant($"{severity} spikes"), "Clip.", 1) { Severity = severity };
}
