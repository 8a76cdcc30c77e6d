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
            StringAssert.Contains(report, "<figcaption>share of wrong pixels 0.");
            StringAssert.Contains(report, "image, mask, prediction");
            StringAssert.Contains(report, "semantic segmentation");
            StringAssert.Contains(report, "Confusion matrix");
            StringAssert.Contains(report, "The highest of the best epoch by share of wrong pixels. The colours are those of the mask.");
            foreach (var (name, color) in new[] { ("class 0", "000000"), ("class 1", "800000"), ("class 2", "008000") })
                StringAssert.Contains(report, $"background-color:#{color}\"></i>{name}<");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestMethod]
    [DataRow("classes", 1)]
    [DataRow("binary", 1)]
    [DataRow("layers", 1)]
    [DataRow("classes", 3)]
    public void TrainingRowsAreToldByTheirPixels(string mode, int thinned)
    {
        using var scope = TorchSharp.torch.NewDisposeScope();
        var random = new Random(7);
        const int images = 3;
        var (outputs, depth) = (mode == "binary" ? 1 : 4, mode == "layers" ? 4 : 1);
        var (height, width) = (5 * thinned, 7 * thinned);
        if (thinned > 1)
            (height, width) = (150, 160); // 24,000 pixels: every third is looked at
        var logits = Enumerable.Range(0, images * outputs * height * width).Select(_ => (float)(4 * random.NextDouble() - 2)).ToArray();
        var masks = Enumerable
            .Range(0, images * depth * height * width)
            .Select(i => i < depth * height * width || random.Next(4) == 0 ? 255 : random.Next(mode == "classes" ? 4 : 2))
            .ToArray();
        var targets = TorchSharp
            .torch.tensor(masks.Select(v => (long)v).ToArray())
            .reshape(mode == "layers" ? [images, depth, height, width] : [images, height, width])
            .to(mode == "layers" ? TorchSharp.torch.ScalarType.Float32 : TorchSharp.torch.ScalarType.Int64);
        var inputs = new MLNetLosses.Losses.LossInputs
        {
            ["targets"] = targets,
            ["logits"] = TorchSharp.torch.tensor(logits).reshape(images, outputs, height, width),
        };
        using var batch = new TrainingBatch(TorchSharp.torch.zeros(images, 1), new(), [5, 6, 7]);
        var told = SegmentationTrainedRows.Describe(batch, inputs);

        // Pixel by pixel.
        var classes = mode == "binary" ? 2 : 4;
        var (hits, unions, right, seen) = (new double[classes], new double[classes], 0.0, 0.0);
        var losses = new double[images];
        for (var n = 0; n < images; n++)
        {
            var counted = 0;
            for (var d = 0; d < depth; d++)
            for (var y = thinned / 2; y < height; y += thinned)
            for (var x = thinned / 2; x < width; x += thinned)
            {
                var truth = masks[((n * depth + d) * height + y) * width + x];
                if (truth == 255)
                    continue;
                double Logit(int c) => logits[((n * outputs + c) * height + y) * width + x];
                counted++;
                seen++;
                if (mode == "classes")
                {
                    var said = Enumerable.Range(0, 4).MaxBy(Logit);
                    losses[n] += Math.Log(Enumerable.Range(0, 4).Sum(c => Math.Exp(Logit(c)))) - Logit(truth);
                    Count(said, truth);
                }
                else
                {
                    var logit = Logit(mode == "layers" ? d : 0);
                    losses[n] += Math.Log(1 + Math.Exp(truth == 1 ? -logit : logit));
                    if (mode == "binary")
                        Count(logit > 0 ? 1 : 0, truth);
                    else
                    {
                        (hits[d], unions[d]) = (hits[d] + (logit > 0 && truth == 1 ? 1 : 0), unions[d] + (logit > 0 || truth == 1 ? 1 : 0));
                        right += logit > 0 == (truth == 1) ? 1 : 0;
                    }
                }
            }
            losses[n] /= counted;
        }
        var tracker = new RowTracker();
        using (var reader = new RowReader(tracker))
            reader.Add(told);
        Assert.AreEqual(hits.Zip(unions).Where(p => p.Second > 0).Average(p => p.First / p.Second), tracker.Metrics["meanIoU"], 1e-6);
        Assert.AreEqual(right / seen, tracker.Metrics["pixelAccuracy"], 1e-6);
        var rows = tracker.EndEpoch(9, []).Hardest.ToDictionary(r => r.Row, r => r.Loss);
        Assert.HasCount(2, rows, "Nothing of the first image is known.");
        Assert.AreEqual(losses[1], rows[6], 1e-5);
        Assert.AreEqual(losses[2], rows[7], 1e-5);

        void Count(int said, int truth)
        {
            unions[said]++;
            if (said == truth)
                (hits[said], right) = (hits[said] + 1, right + 1);
            else
                unions[truth]++;
        }
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void MasksOfOtherImagesAreSuspected(bool isWrong)
    {
        var folder = Directory.CreateTempSubdirectory("segmentation").FullName;
        try
        {
            var rows = DrawnShapes.Rows(80);
            for (var i = 0; isWrong && i < 8; i++)
                rows[10 * i].Mask = DrawnShapes.Rows(1, seed: 50 + i)[0].Mask;
            var options = Segmenting.Small(o =>
            {
                (o.Epoch, o.ProgressInterval) = (10, 1);
                (o.TrainingLogFile, o.ReportFile) = (Path.Combine(folder, "training.jsonl"), Path.Combine(folder, "report.html"));
            });
            using var model = Segmenting.Fit(new Microsoft.ML.MLContext(1).Data.LoadFromEnumerable(rows), options);
            var history = TrainingHistory.Read(options.TrainingLogFile!);
            var (first, last) = (history.Epochs[0].Train, history.Epochs[^1].Train);
            Assert.IsGreaterThan(first.Metrics["meanIoU"], last.Metrics["meanIoU"]);
            Assert.IsGreaterThan(first.Metrics["pixelAccuracy"], last.Metrics["pixelAccuracy"]);
            Assert.HasCount(MonitoringOptions.DefaultHardestRows, last.HardestRows);
            Assert.AreEqual(80, last.RowCount);
            var found = history.Findings.SingleOrDefault(f => f.Kind == FindingKind.LabelNoise);
            Assert.AreEqual(isWrong, found is not null);
            Assert.IsTrue(last.SuspectRows.All(r => r.Row % 10 == 0));
            if (isWrong)
                StringAssert.Contains(File.ReadAllText(options.ReportFile!), "<h2>Suspicious labels</h2>");
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
