using MLNetLosses.Training;
using MLNetLosses.UnitTests.Monitoring;

namespace MLNetLosses.UnitTests.SemanticSegmentation;

/// <summary>What the log and the report say of a segmentation training.</summary>
[TestClass]
public sealed class MonitoringTests
{
    [TestMethod]
    public void ClassesAndTheWorstImagesAreLoggedAndShown()
    {
        var folder = Directory.CreateTempSubdirectory("segmentation").FullName;
        try
        {
            var options = Segmenting.Small(o =>
            {
                (o.Epoch, o.ValidationSet, o.IgnoreIndex) = (2, DrawnShapes.Data(6, seed: 9), 200);
                (o.TrainingLogFile, o.ReportFile) = (Path.Combine(folder, "training.jsonl"), Path.Combine(folder, "report.html"));
            });
            using var model = Segmenting.Fit(DrawnShapes.Data(8), options);
            var history = TrainingHistory.Read(options.TrainingLogFile!);
            Assert.AreEqual($"{options.Loss}", history.Run.Loss, "The loss as it was asked for.");
            var best = history.Best!.Validation!;
            Assert.HasCount(3, best.Classes);
            Assert.AreEqual(best.Metrics["meanIoU"], best.Classes.Average(c => c.Values["iou"]), 1e-4);
            Assert.AreEqual(best.Classes.Sum(c => c.Values["count"]), best.Confusion!.Sum(row => (double)row.Sum()));
            Assert.HasCount(6, best.HardestRows);
            Assert.AreEqual(1 - best.Metrics["pixelAccuracy"], best.HardestRows.Average(r => r.Loss), 1e-4, "All images are of one size.");
            Assert.IsTrue(best.HardestRows.All(r => r.Measure == "share of wrong pixels"), "The log does not call a share a loss.");
            var report = File.ReadAllText(options.ReportFile!);
            StringAssert.Contains(report, "The highest of the best epoch by share of wrong pixels.");
            StringAssert.Contains(report, "<br>share of wrong pixels 0.");
            StringAssert.Contains(report, "image, mask, prediction");
            StringAssert.Contains(report, "semantic segmentation");
            StringAssert.Contains(report, "Confusion matrix");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestMethod]
    public void OverlaysReachTensorBoardWithoutAReport()
    {
        var folder = Directory.CreateTempSubdirectory("segmentation").FullName;
        try
        {
            var options = Segmenting.Small(o =>
            {
                (o.Epoch, o.ValidationSet, o.TensorBoardFolder) = (1, DrawnShapes.Data(3, seed: 9), folder);
            });
            using var model = Segmenting.Fit(DrawnShapes.Data(8), options);
            var tags = TensorBoardTests.Values(Directory.GetFiles(folder).Single()).Where(v => v.Image is not null).Select(v => v.Tag);
            foreach (var name in new[] { "predictions", "hardest validation rows" })
                CollectionAssert.AreEqual(
                    (string[])[$"{name}/1", $"{name}/2", $"{name}/3"],
                    tags.Where(tag => tag.StartsWith(name, StringComparison.Ordinal)).ToArray()
                );
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
