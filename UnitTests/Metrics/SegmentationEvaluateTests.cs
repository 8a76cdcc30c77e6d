using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.UnitTests.Imaging;

namespace MLNetLosses.UnitTests.Metrics;

/// <summary>mlContext.ImageSegmentation.Evaluate and CrossValidate over data.</summary>
[TestClass]
public class SegmentationEvaluateTests
{
    private static readonly MLContext Context = new(1);

    private sealed class Row
    {
        [SegmentationMaskType]
        public SegmentationMask? Mask { get; set; }

        [SegmentationMaskType]
        public SegmentationMask? PredictedLabel { get; set; }
    }

    private static SegmentationMask Mask(params byte[] indices) => SegmentationMask.OfIndices(indices.Length, 1, indices);

    private static IDataView Data(params (SegmentationMask? Label, SegmentationMask? Predicted)[] rows) =>
        Context.Data.LoadFromEnumerable(rows.Select(r => new Row { Mask = r.Label, PredictedLabel = r.Predicted }).ToArray());

    private static void Refused(string[] parts, Action act)
    {
        var message = Assert.Throws<ArgumentException>(act).Message;
        foreach (var part in parts)
            StringAssert.Contains(message, part);
    }

    [TestMethod]
    public void RowsAreOneMatrixAndIgnoredPixelsDoNotCount()
    {
        var data = Data((Mask(0, 0, 1, 255), Mask(0, 1, 1, 1)), (Mask(1, 1, 0, 7), Mask(1, 0, 0, 0)));
        var metrics = Context.ImageSegmentation.Evaluate(data, ignoreIndex: 7);
        var confusion = metrics.ConfusionMatrix!;
        CollectionAssert.AreEqual(new long[] { 2, 1, 1, 2 }, new[] { confusion[0, 0], confusion[0, 1], confusion[1, 0], confusion[1, 1] });
        Assert.AreEqual(6L, metrics.PixelCount);
        Assert.AreEqual(4 / 6.0, metrics.PixelAccuracy, 1e-15);
        Assert.AreEqual(0.5, metrics.MeanIntersectionOverUnion, 1e-15);
        Assert.IsNull(metrics.Surfaces);
        Assert.IsNull(metrics.ClassNames);
    }

    [TestMethod]
    public void LayersAreComparedOneByOne()
    {
        var label = SegmentationMask.OfLayers(2, 2, 2, [1, 1, 0, 0, 1, 0, 0, 0]);
        var predicted = SegmentationMask.OfLayers(2, 2, 2, [1, 0, 0, 0, 1, 1, 0, 0]);
        var metrics = Context.ImageSegmentation.Evaluate(Data((label, predicted), (label, label)), boundaryTolerance: 0);
        CollectionAssert.AreEqual(new[] { 3 / 4.0, 2 / 3.0 }, metrics.IntersectionOverUnion.ToArray());
        CollectionAssert.AreEqual(new[] { 6 / 7.0, 4 / 5.0 }, metrics.Dice.ToArray());
        Assert.AreEqual(14 / 16.0, metrics.PixelAccuracy, 1e-15);
        Assert.AreEqual(4 / 6.0 * 0.75 + 2 / 6.0 * 2 / 3, metrics.FrequencyWeightedIntersectionOverUnion, 1e-15);
        Assert.IsNull(metrics.ConfusionMatrix);
        Assert.AreEqual((2 / 3.0 + 1) / 2, metrics.Surfaces!.BoundaryF1[0], 1e-15);
        var one = Context.ImageSegmentation.Evaluate(
            Data((SegmentationMask.OfLayers(2, 1, 1, [0, 0]), SegmentationMask.OfLayers(2, 1, 1, [1, 0])))
        );
        Assert.AreEqual(0.5, one.PixelAccuracy, "one layer: a false positive is an error");
    }

    [TestMethod]
    public void WhatALayerIgnoresIsNotCountedForItsClass()
    {
        // Layer 0: hit, (ignored), miss, right; layer 1: (ignored), (ignored), right, false alarm. The second pixel counts for nobody.
        var label = SegmentationMask.OfLayers(4, 1, 2, [1, 255, 1, 0, 255, 255, 0, 0]);
        var predicted = SegmentationMask.OfLayers(4, 1, 2, [1, 1, 0, 0, 1, 0, 0, 1]);
        var metrics = Context.ImageSegmentation.Evaluate(Data((label, predicted)), boundaryTolerance: 0);
        CollectionAssert.AreEqual(new[] { 0.5, 0 }, metrics.IntersectionOverUnion.ToArray());
        CollectionAssert.AreEqual(new[] { 2 / 3.0, 0 }, metrics.Dice.ToArray());
        Assert.AreEqual(3L, metrics.PixelCount);
        Assert.AreEqual(3 / 5.0, metrics.PixelAccuracy, 1e-15);
        var known = SegmentationMask.OfLayers(4, 1, 2, [1, 0, 1, 0, 0, 0, 0, 0]);
        var silent = SegmentationMask.OfLayers(4, 1, 2, [1, 0, 0, 0, 0, 0, 0, 1]);
        var same = Context.ImageSegmentation.Evaluate(Data((known, silent)), boundaryTolerance: 0);
        CollectionAssert.AreEqual(same.Surfaces!.BoundaryF1.ToArray(), metrics.Surfaces!.BoundaryF1.ToArray());
    }

    [TestMethod]
    public void BordersAreAveragedOverTheImagesThatHaveTheClass()
    {
        // Row 0: class 1 shifted by one pixel; row 1: missed; row 2: nobody has it.
        var data = Data(
            (Mask(0, 1, 1, 0, 0, 0), Mask(0, 0, 1, 1, 0, 0)),
            (Mask(0, 1, 1, 0, 0, 0), Mask(0, 0, 0, 0, 0, 0)),
            (Mask(0, 0, 0, 0, 0, 0), Mask(0, 0, 0, 0, 0, 0))
        );
        var strict = Context.ImageSegmentation.Evaluate(data, boundaryTolerance: 0).Surfaces!;
        Assert.AreEqual(0.5 / 2, strict.BoundaryF1[1], 1e-15);
        Assert.AreEqual(0.5 / 2, strict.SurfaceDice[1], 1e-15);
        Assert.AreEqual(1.0, strict.HausdorffDistance[1], 1e-15);
        Assert.AreEqual(1L, strict.OneSidedImages[1]);
        Assert.AreEqual(0L, strict.OneSidedImages[0]);
        Assert.AreEqual(0.5, Context.ImageSegmentation.Evaluate(data, boundaryTolerance: 1).Surfaces!.BoundaryF1[1], 1e-15);
        Assert.AreEqual(
            3.0,
            Context.ImageSegmentation.Evaluate(data, boundaryTolerance: 1, columnSpacing: 3).Surfaces!.HausdorffDistance[1],
            1e-12
        );
    }

    [TestMethod]
    public void IgnoredPixelsMakeNoBorderMistakes()
    {
        var data = Data((Mask(1, 1, 255, 255, 0), Mask(1, 1, 1, 1, 0)));
        Assert.AreEqual(1.0, Context.ImageSegmentation.Evaluate(data, boundaryTolerance: 0).Surfaces!.MeanBoundaryF1);
    }

    [TestMethod]
    public void PathsOfMaskFilesAreLabelsToo()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("mask.png");
        File.WriteAllBytes(path, Png.Write(3, 1, Png.Gray, 8, [0, 1, 1]));
        var rows = Context.Data.LoadFromEnumerable(
            new[]
            {
                new PathRow { Mask = path, PredictedLabel = Mask(0, 1, 0) },
            }
        );
        Assert.AreEqual(2 / 3.0, Context.ImageSegmentation.Evaluate(rows).PixelAccuracy, 1e-15);
    }

    private sealed class PathRow
    {
        public string Mask { get; set; } = "";

        [SegmentationMaskType]
        public SegmentationMask? PredictedLabel { get; set; }
    }

    [TestMethod]
    public void WhatCannotBeEvaluatedIsNamed()
    {
        static void Evaluate(params (SegmentationMask?, SegmentationMask?)[] rows) => Context.ImageSegmentation.Evaluate(Data(rows));
        Refused(["Row 1", "3 x 1", "2 x 1"], () => Evaluate((Mask(0), Mask(0)), (Mask(0, 0), Mask(0, 0, 0))));
        Refused(["Row 0", "class indices", "1 layers"], () => Evaluate((Mask(0), SegmentationMask.OfLayers(1, 1, 1, [0]))));
        Refused(["Row 0", "no mask", "PredictedLabel"], () => Evaluate((Mask(0), null)));
        Refused(["Row 0", "Pixel (1, 0)", "predicted mask is 255"], () => Evaluate((Mask(0, 0), Mask(0, 255))));
        Refused(
            ["'Mask'", "'Other'"],
            () => Context.ImageSegmentation.Evaluate(Context.Data.LoadFromEnumerable(new[] { new { Other = 1 } }))
        );
        Refused(["Mask", "Single"], () => Context.ImageSegmentation.Evaluate(Context.Data.LoadFromEnumerable(new[] { new { Mask = 1f } })));
        Assert.Throws<ArgumentOutOfRangeException>(() => Context.ImageSegmentation.Evaluate(Data(), boundaryTolerance: -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Context.ImageSegmentation.Evaluate(Data(), rowSpacing: 0));
    }

    [TestMethod]
    public void NoRowsGiveNoNumbers()
    {
        var metrics = Context.ImageSegmentation.Evaluate(Data(), boundaryTolerance: 1);
        Assert.AreEqual(0L, metrics.PixelCount);
        Assert.IsTrue(double.IsNaN(metrics.MeanIntersectionOverUnion));
        Assert.IsTrue(double.IsNaN(metrics.Surfaces!.MeanBoundaryF1));
    }

    [TestMethod]
    public void NamesOfTheClassesComeFromTheColumnsAndBoundTheIndices()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder.File("images"));
        Directory.CreateDirectory(folder.File("masks"));
        File.WriteAllBytes(folder.File("images/a.png"), Png.Write(2, 1, Png.Gray, 8, [0, 0]));
        File.WriteAllBytes(folder.File("masks/a.png"), Png.Write(2, 1, Png.Gray, 8, [0, 1]));
        File.WriteAllLines(folder.File("classes.txt"), ["ground", "cell", "dust"]);
        var data = Context.Data.LoadSegmentationFolder(folder.Path);
        var metrics = Context.ImageSegmentation.Evaluate(data, "Mask", "Mask");
        CollectionAssert.AreEqual(new[] { "ground", "cell", "dust" }, metrics.ClassNames!.ToArray());
        Assert.AreEqual(3, metrics.ConfusionMatrix!.ClassCount);
        Assert.AreEqual(1.0, metrics.MeanIntersectionOverUnion, "the class that does not occur is not defined");
    }

    [TestMethod]
    public void CrossValidationGivesAModelAndMetricsOfEachFold()
    {
        var rows = Enumerable
            .Range(0, 30)
            .Select(i => (Label: (SegmentationMask?)Mask(0, 1), Predicted: (SegmentationMask?)Mask(0, (byte)(i % 2))));
        var pipeline = Context.Transforms.CopyColumns("Guess", "PredictedLabel");
        var results = Context.ImageSegmentation.CrossValidate(
            Data([.. rows]),
            pipeline,
            numberOfFolds: 3,
            predictedMaskColumnName: "Guess",
            seed: 1
        );
        Assert.HasCount(3, results);
        CollectionAssert.AreEqual(new[] { 0, 1, 2 }, results.Select(r => r.Fold).ToArray());
        Assert.AreEqual(60L, results.Sum(r => r.Metrics.PixelCount));
        Assert.AreEqual(60L, results.Sum(r => r.ScoredHoldOutSet.GetColumn<SegmentationMask>("Guess").Sum(m => (long)m.PixelCount)));
        Assert.AreEqual(45L, results.Sum(r => (long)Math.Round(r.Metrics.PixelAccuracy * r.Metrics.PixelCount)));
        Assert.Throws<ArgumentOutOfRangeException>(() => Context.ImageSegmentation.CrossValidate(Data(), pipeline, 1));
    }
}
