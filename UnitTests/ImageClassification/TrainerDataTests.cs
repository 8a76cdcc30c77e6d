using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Data;
using MLNetLosses.Interop;
using MLNetLosses.UnitTests.Imaging;

namespace MLNetLosses.UnitTests.ImageClassification;

/// <summary>What the trainer says of data that it cannot learn from.</summary>
[TestClass]
public class TrainerDataTests
{
    [TestMethod]
    [DataRow("string", "MapValueToKey(\"Label\")")]
    [DataRow("number", "MapValueToKey(\"Label\")")]
    [DataRow("missing", "'Label'")]
    public void AWrongLabelColumnIsRefusedWithTheFix(string kind, string fix)
    {
        var context = Training.Context();
        var rows = DrawnImages.Bytes(6);
        var data = kind switch
        {
            "string" => context.Data.LoadFromEnumerable(rows),
            "number" => context.Data.LoadFromEnumerable(rows.Select(row => new { row.Image, Label = 1f })),
            _ => context.Data.LoadFromEnumerable(rows.Select(row => new { row.Image, Class = "a" })),
        };
        var trainer = context.MulticlassClassification.Trainers.ImageClassification(Training.Small());
        var shape = Assert.Throws<ArgumentException>(() => trainer.GetOutputSchema(SchemaShapes.Of(data.Schema)));
        StringAssert.Contains(shape.Message, fix);
        StringAssert.Contains(Assert.Throws<ArgumentException>(() => trainer.Fit(data)).Message, fix);
    }

    [TestMethod]
    public void ImagesBytesAndPathsTeachTheSame()
    {
        var context = Training.Context();
        using var images = new DrawnImages();
        var rows = context.Data.LoadFromEnumerable(images.Files(16));
        byte[] Learned(IEstimator<ITransformer> column)
        {
            var data = DrawnImages.Keys(context).Append(column).Fit(rows).Transform(rows);
            return Training.Weights(data, Training.Small());
        }
        var byPath = Learned(context.Transforms.CopyColumns("Image", "Path"));
        CollectionAssert.AreEqual(byPath, Learned(context.Transforms.LoadRawImageBytes("Image", "", "Path")));
        CollectionAssert.AreEqual(byPath, Learned(context.Transforms.LoadImages("Image", "", "Path")));
    }

    [TestMethod]
    public void AnEmptySetIsRefused() =>
        StringAssert.Contains(
            Assert
                .Throws<ArgumentException>(() =>
                    Training.Fit(Training.Context().Data.FilterRowsByColumn(Training.Data(9), "Weight", 5, 6), Training.Small())
                )
                .Message,
            "no rows"
        );

    [TestMethod]
    public void AnEmptyFolderIsRefused() =>
        StringAssert.Contains(
            Assert.Throws<ArgumentException>(() => Training.Fit(DrawnImages.Keyed(Training.Context(), []), Training.Small())).Message,
            "Check that the data hold rows of every class."
        );

    [TestMethod]
    public void OneClassIsRefused()
    {
        var alone = DrawnImages.Bytes(9).Where(row => row.Label == "disc");
        StringAssert.Contains(
            Assert.Throws<ArgumentException>(() => Training.Fit(DrawnImages.Keyed(Training.Context(), alone), Training.Small())).Message,
            "at least 2"
        );
        var rows = DrawnImages.Bytes(9);
        foreach (var row in rows)
            row.Weight = row.Label == "disc" ? 1 : 3;
        var filtered = Training.Context().Data.FilterRowsByColumn(DrawnImages.Keyed(Training.Context(), rows), "Weight", 0, 2);
        StringAssert.Contains(
            Assert.Throws<ArgumentException>(() => Training.Fit(filtered, Training.Small())).Message,
            "one class, 'disc'"
        );
    }

    [TestMethod]
    public void RowsWithoutALabelAreLeftOutAndCounted()
    {
        var context = Training.Context();
        var log = new List<string>();
        context.Log += (_, e) => log.Add(e.Message);
        var known = DrawnImages.Keys(context).Fit(context.Data.LoadFromEnumerable(DrawnImages.Bytes(9)));
        var rows = DrawnImages.Bytes(12);
        rows[4].Label = "ellipse";
        Training.Fit(known.Transform(context.Data.LoadFromEnumerable(rows)), Training.Small(), context).Dispose();
        Assert.IsTrue(log.Any(line => line.Contains("Left out: 1 row of the training data without a label.")), string.Join('\n', log));
    }

    [TestMethod]
    public void AnUndecodableImageNamesItsRowOrIsSkippedAndCounted()
    {
        var context = Training.Context();
        var log = new List<string>();
        context.Log += (_, e) => log.Add(e.Message);
        using var images = new DrawnImages();
        var files = images.Files(12);
        File.WriteAllBytes(files[7].Path, []);
        var rows = context.Data.LoadFromEnumerable(files);
        var data = DrawnImages.Keys(context).Append(context.Transforms.CopyColumns("Image", "Path")).Fit(rows).Transform(rows);
        var error = Assert.ThrowsExactly<ImageDecodeException>(() => Training.Fit(data, Training.Small(o => o.DropLastBatch = false)));
        Assert.AreEqual(7L, error.Row);
        StringAssert.Contains(error.Message, files[7].Path);
        using var model = Training.Fit(data, Training.Small(o => o.SkipUndecodableImages = true), context);
        Assert.IsTrue(
            log.Any(line => line.Contains("Left out: 1 training image that cannot be read.") && line.Contains(files[7].Path)),
            string.Join('\n', log)
        );
        Assert.AreEqual(11, model.Summary.History.Sum(e => e.Images) + 11 % 8);
        var metrics = context.MulticlassClassification.Evaluate(model.Transform(data));
        Assert.IsInRange(0.0, 1.0, metrics.MicroAccuracy);
    }

    [TestMethod]
    [DataRow("text", "<!DOCTYPE ht")]
    [DataRow("empty", "no bytes")]
    [DataRow("huge", "20000 x 20000 = 400,000,000 pixels")]
    [DataRow("cut", "PNG of 64 x 64")]
    public void AnImageThatCannotBeUsedIsNamedByItsRow(string kind, string message)
    {
        var rows = DrawnImages.Bytes(8);
        rows[5].Image = kind switch
        {
            "text" => "<!DOCTYPE html><html>"u8.ToArray(),
            "empty" => [],
            "huge" => Png.Write(20_000, 20_000, Png.Rgb, 8, []),
            _ => DrawnImages.Png(1, 1, size: 64)[..500],
        };
        var data = DrawnImages.Keyed(Training.Context(), rows);
        var error = Assert.ThrowsExactly<ImageDecodeException>(() => Training.Fit(data, Training.Small()));
        Assert.AreEqual(5L, error.Row);
        StringAssert.Contains(error.Message, message);
    }

    [TestMethod]
    public void AnImageOfOnePixelIsLearnedAndScored()
    {
        var rows = DrawnImages.Bytes(8);
        rows[5].Image = DrawnImages.Png(1, 1, size: 1);
        var data = DrawnImages.Keyed(Training.Context(), rows);
        using var model = Training.Fit(data, Training.Small());
        Assert.AreEqual(8, model.Summary.History.Sum(e => e.Images));
        Assert.IsTrue(model.Transform(data).GetColumn<float[]>("Score").All(score => Math.Abs(score.Sum() - 1) < 1e-4));
    }

    [TestMethod]
    public void WeightsForAnotherNumberOfClassesAreRefused() =>
        StringAssert.Contains(
            Assert
                .Throws<ArgumentException>(() =>
                    Training.Fit(Training.Data(9), Training.Small(o => o.ClassWeights = ClassWeights.Of(1, 2)))
                )
                .Message,
            "ClassWeights gives 2 weights, but the label column has 3 classes: 'disc', 'square', 'stripe'"
        );

    [TestMethod]
    public void AValidationSetWithAnUnknownClassIsRefused()
    {
        var context = Training.Context();
        var rows = DrawnImages.Bytes(6);
        rows[1].Label = "ellipse";
        var validation = DrawnImages.Keyed(context, rows);
        var error = Assert.Throws<ArgumentException>(() =>
            Training.Fit(Training.Data(9), Training.Small(o => o.ValidationSet = validation))
        );
        StringAssert.Contains(error.Message, "'ellipse'");
    }

    [TestMethod]
    public void AValidationSetWithKeysInAnotherOrderIsUnderstood()
    {
        var context = Training.Context();
        var data = Training.Data(18);
        var rows = context.Data.LoadFromEnumerable(Enumerable.Reverse(DrawnImages.Bytes(18)).ToList());
        var other = context.Transforms.Conversion.MapValueToKey("Label").Fit(rows).Transform(rows);
        double Measured(IDataView validation)
        {
            using var model = Training.Fit(data, Training.Small(o => o.ValidationSet = validation));
            return model.Summary.BestMetrics!.Values["logLoss"];
        }
        Assert.AreEqual(Measured(data), Measured(other), 1e-6);
    }
}
