using Microsoft.ML;
using MLNetLosses.Losses;
using MLNetLosses.Networks;
using MLNetLosses.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.ObjectDetection;

/// <summary>What a training of a detector tells of its training images.</summary>
[TestClass]
public sealed class MonitoringTests
{
    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void TrainingRowsAreToldByTheirAnchors(bool hasBackground)
    {
        using var scope = NewDisposeScope();
        // Two images of four anchors and two classes. The first has objects at the anchors 1 (class 0) and 2 (class 1), and leaves anchor 3 out; the second has none.
        var outputs = hasBackground ? 3 : 2;
        var random = new Random(3);
        var numbers = Enumerable.Range(0, 2 * 4 * outputs).Select(_ => (float)(4 * random.NextDouble() - 2)).ToArray();
        float[] anchors = [0, 0, 10, 10, 10, 0, 20, 10];
        float[] boxes = [0, 0, 10, 10, 15, 0, 25, 10];
        using var batch = new TrainingBatch(
            zeros(2, 1),
            new AnchorTargets(
                tensor(new[] { 1L, 2 }),
                tensor(new[] { 0L, 1 }),
                tensor(new[] { 0L, 0 }),
                tensor(boxes).reshape(2, 4),
                tensor(anchors).reshape(2, 4),
                tensor(new[] { 3L }),
                tensor(new[] { 2f, 0 })
            ).ToInputs(),
            [8, 9]
        );
        var shape = new DetectionNetworkShape(Backbone.ShuffleNetV2X05, Detecting.SmallHead, 2, hasBackground);
        var logits = tensor(numbers).reshape(2, 4, outputs);
        var inputs = new LossInputs
        {
            ["classification.logits"] = hasBackground ? logits.reshape(8, 3) : logits,
            ["boxes.predictions"] = zeros(2, 4), // the anchors themselves
        };
        var expected = new double[2];
        for (var n = 0; n < 2; n++)
        for (var a = 0; a < 4; a++)
        {
            if (n == 0 && a == 3)
                continue;
            var own = numbers.AsSpan((n * 4 + a) * outputs, outputs).ToArray();
            var target = (n, a) switch
            {
                (0, 1) => 0,
                (0, 2) => 1,
                _ => 2,
            };
            if (hasBackground)
                expected[n] += Focal(Math.Exp(own[target]) / own.Sum(v => Math.Exp(v)));
            else
                for (var c = 0; c < 2; c++)
                    expected[n] += Focal(1 / (1 + Math.Exp(c == target ? -own[c] : own[c])));
        }
        expected[0] = (expected[0] + 0 + (1 - 1.0 / 3)) / 2; // the second box lies off by half
        var tracker = new RowTracker();
        using (var reader = new RowReader(tracker))
        {
            reader.Add(new DetectionTrainedRows(shape, isAlone: true).Describe(batch, inputs));
            Assert.AreEqual((1 + 1.0 / 3) / 2, tracker.Metrics["matchedIoU"], 1e-6);
            var rows = tracker.EndEpoch(9, []).Hardest.ToDictionary(r => r.Row, r => r.Loss);
            Assert.AreEqual(expected[0], rows[8], 1e-5);
            Assert.AreEqual(expected[1], rows[9], 1e-5);
            // Of mosaics only the boxes tell something.
            reader.Add(new DetectionTrainedRows(shape, isAlone: false).Describe(batch, inputs));
        }
        Assert.AreEqual((1 + 1.0 / 3) / 2, tracker.Metrics["matchedIoU"], 1e-6);
        Assert.IsEmpty(tracker.EndEpoch(9, []).Hardest);

        static double Focal(double p) => -(1 - p) * (1 - p) * Math.Log(p);
    }

    [TestMethod]
    public void MisplacedBoxesAreSuspected()
    {
        var folder = Directory.CreateTempSubdirectory("detection").FullName;
        try
        {
            var rows = DrawnObjects.Rows(80, empty: false);
            for (var i = 0; i < 8; i++)
                rows[10 * i].BoundingBoxes = [.. Enumerable.Repeat((float[])[0, 0, 20, 20], rows[10 * i].Label.Length).SelectMany(b => b)];
            var (log, report) = (Path.Combine(folder, "training.jsonl"), Path.Combine(folder, "report.html"));
            using var model = Detecting.Fit(
                DrawnObjects.Keyed(new MLContext(1), rows),
                Detecting.Small(o => (o.Epoch, o.LearningRate, o.TrainingLogFile, o.ReportFile) = (16, 1e-3, log, report))
            );
            var history = TrainingHistory.Read(log);
            var (first, last) = (history.Epochs[0].Train, history.Epochs[^1].Train);
            Assert.IsGreaterThan(first.Metrics["matchedIoU"] + 0.1, last.Metrics["matchedIoU"]);
            Assert.HasCount(MonitoringOptions.DefaultHardestRows, last.HardestRows);
            var found = history.Findings.SingleOrDefault(f => f.Kind == FindingKind.LabelNoise);
            Assert.IsNotNull(found);
            Assert.IsTrue(last.SuspectRows.All(r => r.Row % 10 == 0));
            StringAssert.Contains(File.ReadAllText(report), "<h2>Suspicious labels</h2>");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
