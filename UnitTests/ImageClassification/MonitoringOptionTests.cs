using Microsoft.ML;
using MLNetLosses.Losses;
using MLNetLosses.Training;
using MLNetLosses.UnitTests.Monitoring;

namespace MLNetLosses.UnitTests.ImageClassification;

/// <summary>The classifier's log, report and TensorBoard files.</summary>
[TestClass]
public sealed class MonitoringOptionTests
{
    private readonly string folder = Directory.CreateTempSubdirectory("monitoring").FullName;

    [TestCleanup]
    public void Delete() => Directory.Delete(folder, recursive: true);

    [TestMethod]
    public void LogReportAndTensorBoardAreWrittenWhereTheOptionsSay()
    {
        var data = Training.Data(24);
        var options = Training.Small(o =>
        {
            o.Epoch = 2;
            o.ValidationSetFraction = 0.25;
            o.Loss = new CrossEntropyLoss() + 0.5 * new FocalLoss();
            o.ProgressInterval = 1;
            o.TrainingLogFile = Path.Combine(folder, "a", "training.jsonl");
            o.ReportFile = Path.Combine(folder, "b", "report.html");
            o.TensorBoardFolder = Path.Combine(folder, "c");
        });
        using var model = Training.Fit(data, options, new MLContext(27));

        var history = TrainingHistory.Read(options.TrainingLogFile!);
        Assert.AreEqual("27", history.Run.Settings["Seed"]); // the option says none: the context's was taken
        Assert.AreEqual("image classification", history.Run.Task);
        CollectionAssert.AreEqual(DrawnImages.Classes, history.Run.Classes.ToArray());
        Assert.AreEqual("ResNet20Cifar", history.Run.Settings["Backbone"]);
        Assert.AreEqual("8", history.Run.Settings["BatchSize"]);
        Assert.AreEqual("6", history.Run.Data["validation images"]);
        foreach (var epoch in history.Epochs)
        {
            Assert.AreEqual(
                model.Summary.History[epoch.Epoch - 1].Metrics!.Values["accuracy"],
                epoch.Validation!.Metrics["accuracy"],
                1e-5
            );
            CollectionAssert.AreEqual(DrawnImages.Classes, epoch.Validation.Classes.Select(c => c.Name).ToArray());
            Assert.AreEqual(6, epoch.Validation.Classes.Sum(c => c.Values["count"]));
            Assert.HasCount(6, epoch.Validation.HardestRows);
            Assert.HasCount(16, epoch.Train.HardestRows); // two batches of eight
        }
        var best = history.Best!.Validation!;
        Assert.AreEqual(6, best.Confusion!.Sum(row => row.Sum()));
        Assert.AreEqual(6, best.Calibration!.Sum(bin => bin.Count));

        var report = File.ReadAllText(options.ReportFile!);
        StringAssert.Contains(report, "Confusion matrix");
        StringAssert.Contains(report, "data:image/png;base64,");
        StringAssert.Contains(report, "CrossEntropy() + 0.5 * Focal()");
        Assert.IsNotEmpty(TensorBoardTests.Read(Directory.GetFiles(options.TensorBoardFolder!).Single()));
    }

    [TestMethod]
    public void WatchingTheClassifierChangesNothing()
    {
        var data = Training.Data(24);
        CollectionAssert.AreEqual(
            Training.Weights(data, Training.Small()),
            Training.Weights(
                data,
                Training.Small(o => (o.TrainingLogFile, o.ReportFile, o.TensorBoardFolder) = (At("l"), At("r"), At("t")))
            )
        );

        string At(string name) => Path.Combine(folder, name);
    }

    [TestMethod]
    public void AnEmptyPlaceIsRefused() =>
        StringAssert.Contains(
            Assert.Throws<ArgumentException>(() => Training.Fit(Training.Data(9), Training.Small(o => o.ReportFile = " "))).Message,
            "ReportFile must name a place or be null"
        );
}
