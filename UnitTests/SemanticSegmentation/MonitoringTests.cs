using Microsoft.ML;
using MLNetLosses.Data;
using MLNetLosses.Losses;
using MLNetLosses.Training;
using MLNetLosses.UnitTests.Imaging;
using MLNetLosses.UnitTests.Monitoring;
using SkiaSharp;

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
    [DataRow(false)]
    [DataRow(true)]
    public void OverlaysReachTensorBoardWithoutAReport(bool layers)
    {
        var folder = Directory.CreateTempSubdirectory("segmentation").FullName;
        try
        {
            var options = Segmenting.Small(o =>
            {
                (o.Epoch, o.ValidationSet, o.TensorBoardFolder) = (1, Data(3, 9), folder);
                o.Loss = new BinaryCrossEntropyLoss();
            });
            using var model = Segmenting.Fit(Data(8, 0), options);
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

        IDataView Data(int count, int seed) => layers ? DrawnShapes.Layers(count, seed) : DrawnShapes.Data(count, seed);
    }

    /// <summary>Image, mask and prediction beside one another, each class in its colour.</summary>
    [TestMethod]
    [DataRow(0)]
    [DataRow(2)]
    public void OverlaysShowMasksAndPredictions(int layers)
    {
        using var store = new MaskedImageStore(
            new()
            {
                Width = 2,
                Height = 2,
                Resize = ResizeRule.Stretch,
                Color = ImageColor.Gray,
            },
            ownSize: false,
            null,
            1 << 20
        );
        byte[] Values(byte[] first, byte[] second) =>
            layers == 0 ? [.. first.Zip(second, (a, b) => (byte)(a + 2 * b))] : [.. first, .. second];
        var mask = Values([1, 0, 0, 0], [0, 1, 0, 0]);
        store.Add(
            new(0, Encoded: TestImages.RgbPng(2, 2, (_, _) => (100, 100, 100))),
            layers == 0 ? SegmentationMask.OfIndices(2, 2, mask) : SegmentationMask.OfLayers(2, 2, layers, mask),
            null
        );
        store.Scan(1, decodeImages: false, default);
        var evidence = new SegmentationEvidence(store, ["a", "b", "c"]);
        evidence.Add(0, 0.5, () => Values([0, 0, 1, 0], [0, 0, 0, 0]));
        using var picture = SKBitmap.Decode(evidence.Finish([1, 1, 1], [1, 1, 1], [1, 1, 1], null).Pictures.Single().Content);
        Assert.AreEqual((6, 2), (picture.Width, picture.Height));
        var plain = picture.GetPixel(0, 0);
        Assert.AreEqual(new SKColor(100, 100, 100), plain);
        var (red, green) = (new SKColor(117, 41, 41), new SKColor(41, 117, 41)); // 0.6 of the palette's 128
        Assert.IsTrue(Near(red, picture.GetPixel(2, 0)) && Near(green, picture.GetPixel(3, 0)), "The mask.");
        Assert.IsTrue(Near(red, picture.GetPixel(4, 1)), "The prediction.");
        // What is no class keeps its colour where there are layers, and is class 0, black, of indices.
        Assert.IsTrue(Near(layers > 0 ? plain : new SKColor(41, 41, 41), picture.GetPixel(5, 1)));

        static bool Near(SKColor a, SKColor b) =>
            Math.Max(Math.Abs(a.Red - b.Red), Math.Max(Math.Abs(a.Green - b.Green), Math.Abs(a.Blue - b.Blue))) < 4;
    }
}
