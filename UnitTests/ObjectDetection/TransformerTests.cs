using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Interop;
using MLNetLosses.UnitTests.ImageClassification;
using MLNetLosses.UnitTests.Imaging;

namespace MLNetLosses.UnitTests.ObjectDetection;

/// <summary>A trained detector: its columns, engines, files and pixels.</summary>
[TestClass]
public class TransformerTests
{
    private static readonly DetectionSettings Everything = new()
    {
        ScoreThreshold = 0.05,
        MaximumDetections = 20,
        SuppressionSigma = 0.7,
    };

    private static ObjectDetectionTransformer Model => Detecting.Trained.With(Everything);

    private static IDataView Images(params IEnumerable<byte[]> files) =>
        new MLContext(1).Data.LoadFromEnumerable(files.Select(image => new DrawnObjects.Row { Image = image }));

    [TestMethod]
    public void TheColumnsBelongTogetherAndNameTheClasses()
    {
        var context = new MLContext(1);
        var data = DrawnObjects.Data(3);
        var output = Model.Transform(data);
        var key = (VectorDataViewType)output.Schema["PredictedLabel"].Type;
        Assert.IsFalse(key.IsKnownSize);
        Assert.AreEqual(2UL, ((KeyDataViewType)key.ItemType).Count);
        VBuffer<ReadOnlyMemory<char>> names = default;
        output.Schema["PredictedLabel"].GetKeyValues(ref names);
        CollectionAssert.AreEqual(DrawnObjects.Classes, names.DenseValues().Select(name => name.ToString()).ToArray());
        CollectionAssert.AreEqual(DrawnObjects.Classes, Model.Classes.ToArray());
        foreach (var found in Detecting.Predict(Model, data))
        {
            Assert.HasCount(found.Score.Length, found.PredictedLabel);
            Assert.HasCount(4 * found.Score.Length, found.PredictedBoundingBoxes);
            CollectionAssert.AreEqual(found.Score.OrderDescending().ToArray(), found.Score);
            Assert.IsTrue(found.PredictedLabel.All(label => label is 1 or 2));
        }
        // The promise before training and the schema after it are one; keys turn into names.
        var trainer = context.MulticlassClassification.Trainers.ObjectDetection(Detecting.Small());
        var promised = trainer.GetOutputSchema(SchemaShapes.Of(data.Schema));
        foreach (var name in new[] { "PredictedLabel", "Score", "PredictedBoundingBoxes" })
            Assert.AreEqual(
                promised.Single(column => column.Name == name).TypeName(),
                SchemaShapes.Of(output.Schema).Single(column => column.Name == name).TypeName()
            );
        var words = context.Transforms.Conversion.MapKeyToValue("PredictedLabel").Fit(output).Transform(output);
        Assert.IsTrue(words.GetColumn<string[]>("PredictedLabel").SelectMany(w => w).All(DrawnObjects.Classes.Contains));
    }

    [TestMethod]
    public void AnEngineABatchAndAChainAgree()
    {
        var rows = DrawnObjects.Rows(6, seed: 4);
        var all = Detecting.Predict(Model, Images(rows.Select(row => row.Image)));
        Assert.IsTrue(all.Sum(found => found.Score.Length) > 0);
        var context = new MLContext(1);
        using var engine = context.Model.CreatePredictionEngine<DrawnObjects.Row, DrawnObjects.Prediction>(
            Model,
            new PredictionEngineOptions { OwnsTransformer = false }
        );
        for (var i = 0; i < rows.Count; i++)
            AreSame(all[i], engine.Predict(rows[i]));
        var chain = context.Transforms.CopyColumns("Copy", "Image").Fit(Images(rows[0].Image)).Append(Model);
        AreSame(all[0], Detecting.Predict(chain, Images(rows[0].Image))[0]);
    }

    [TestMethod]
    public void BoxesAreInPixelsOfTheImageAsItIsSeen()
    {
        // The same picture, enlarged threefold: boxes grow with it; the network sees about the same. It is one that the network is sure of.
        var image = DrawnObjects.Rows(6, seed: 4).Select(row => row.Image).MaxBy(each => Best(each).Score)!;
        var (small, big) = (Best(image).Box, Best(Enlarged(image, 3)).Box);
        for (var i = 0; i < 4; i++)
            Assert.AreEqual(3 * small[i], big[i], 12);
        // A turned file is found as it is seen: 40 x 80 pixels, not 80 x 40.
        var turned = TestImages.WithOrientation(TestImages.Jpeg(80, 40), 6);
        var boxes = Detecting.Predict(Model.With(Everything with { ScoreThreshold = 0 }), Images(turned))[0].PredictedBoundingBoxes;
        Assert.IsGreaterThan(45, boxes.Where((_, i) => i % 2 == 1).Max());
        Assert.IsLessThanOrEqualTo(40, boxes.Where((_, i) => i % 2 == 0).Max());
    }

    [TestMethod]
    public void AModelIsLoadedByAnotherProcess()
    {
        using var folder = new DrawnImages();
        var (path, picture) = (Path.Combine(folder.Folder, "model.zip"), Path.Combine(folder.Folder, "picture.png"));
        var image = DrawnObjects.Rows(1, seed: 8)[0].Image;
        File.WriteAllBytes(picture, image);
        var context = new MLContext(1);
        context.Model.Save(Model, Images(image).Schema, path);
        var expected = Detecting.Predict(Model, Images(image))[0];
        float[] numbers = [.. expected.PredictedLabel.Select(label => (float)label), .. expected.Score, .. expected.PredictedBoundingBoxes];
        float[] actual =
        [
            .. ChildProcess
                .Run(PredictInThisProcess, path, picture)
                .Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
                .Select(number => float.Parse(number, CultureInfo.InvariantCulture)),
        ];
        Assert.HasCount(numbers.Length, actual);
        for (var i = 0; i < numbers.Length; i++)
            Assert.AreEqual(numbers[i], actual[i], 1e-3f);
    }

    private static int PredictInThisProcess(string[] arguments)
    {
        var context = new MLContext();
        var model = context.Model.Load(arguments[0], out _);
        using var engine = context.Model.CreatePredictionEngine<DrawnObjects.Row, DrawnObjects.Prediction>(model);
        var found = engine.Predict(new() { Image = File.ReadAllBytes(arguments[1]) });
        var numbers = found.PredictedLabel.Select(label => (float)label).Concat(found.Score).Concat(found.PredictedBoundingBoxes);
        Console.WriteLine(string.Join(' ', numbers.Select(number => number.ToString("R", CultureInfo.InvariantCulture))));
        return 0;
    }

    [TestMethod]
    public void ALoadedModelIsTheSameInEverything()
    {
        using var stream = new MemoryStream();
        var context = new MLContext(1);
        var data = DrawnObjects.Data(3, seed: 6);
        context.Model.Save(Model, data.Schema, stream);
        using var loaded = (ObjectDetectionTransformer)context.Model.Load(stream, out _);
        Assert.AreEqual(Everything, loaded.Settings);
        Assert.AreEqual(Detecting.Trained.BoxLoss, loaded.BoxLoss);
        Assert.AreEqual(Detecting.Trained.ClassificationLoss, loaded.ClassificationLoss);
        Assert.AreEqual(Detecting.Trained.Summary.Steps, loaded.Summary.Steps);
        foreach (var (expected, actual) in Detecting.Predict(Model, data).Zip(Detecting.Predict(loaded, data)))
            AreSame(expected, actual);
    }

    [TestMethod]
    public void ItWorksAfterItWasFreedAndOnSeveralThreads()
    {
        var image = DrawnObjects.Rows(1, seed: 9)[0].Image;
        var expected = Detecting.Predict(Model, Images(image))[0];
        Detecting.Trained.Dispose();
        var found = new DrawnObjects.Prediction[4];
        Parallel.For(0, found.Length, i => found[i] = Detecting.Predict(Model, Images(image))[0]);
        foreach (var each in found)
            AreSame(expected, each);
    }

    private static (float Score, float[] Box) Best(byte[] image)
    {
        var found = Detecting.Predict(Model.With(Everything with { ScoreThreshold = 0 }), Images(image))[0];
        return (found.Score[0], found.PredictedBoundingBoxes[..4]);
    }

    private static byte[] Enlarged(byte[] png, int times)
    {
        using var source = SkiaSharp.SKBitmap.Decode(png);
        using var target = new SkiaSharp.SKBitmap(source.Width * times, source.Height * times, source.ColorType, source.AlphaType);
        for (var y = 0; y < target.Height; y++)
        for (var x = 0; x < target.Width; x++)
            target.SetPixel(x, y, source.GetPixel(x / times, y / times));
        using var data = target.Encode(SkiaSharp.SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }

    private static void AreSame(DrawnObjects.Prediction expected, DrawnObjects.Prediction actual)
    {
        CollectionAssert.AreEqual(expected.PredictedLabel, actual.PredictedLabel);
        for (var i = 0; i < expected.Score.Length; i++)
            Assert.AreEqual(expected.Score[i], actual.Score[i], 1e-4f);
        for (var i = 0; i < expected.PredictedBoundingBoxes.Length; i++)
            Assert.AreEqual(expected.PredictedBoundingBoxes[i], actual.PredictedBoundingBoxes[i], 1e-2f);
    }
}
