using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Data;
using MLNetLosses.Interop;
using MLNetLosses.UnitTests.Imaging;

namespace MLNetLosses.UnitTests.Transforms;

[TestClass]
public class ObjectTransformTests
{
    private const int Width = 60;
    private const int Height = 40;
    private readonly MLContext mlContext = new(1);

    [TestMethod]
    public void BoxesAreDrawnInTheColourOfTheirClass()
    {
        var data = mlContext.Data.LoadFromEnumerable(new[] { Row() });
        var drawn = Draw(data);
        var color = Rgb("cell");
        Assert.AreEqual(color, At(drawn, 30, 20));
        Assert.AreEqual(color, At(drawn, 49, 33));
        Assert.AreEqual(((byte)0, (byte)0, (byte)0), At(drawn, 33, 23), "inside");
        Assert.AreEqual(color, At(drawn, 58, 12), "the ground of the label");
        var second = Rgb("dot");
        Assert.AreNotEqual(color, second);
        Assert.AreEqual(second, At(drawn, 5, 35), "the box that reaches beyond the border");
    }

    [TestMethod]
    public void BoxesOfLowScoreAreNotDrawn()
    {
        var data = mlContext.Data.LoadFromEnumerable(new[] { Row() });
        var drawn = Draw(data, minimumScore: 0.5);
        Assert.AreEqual(((byte)0, (byte)0, (byte)0), At(drawn, 5, 35));
    }

    [TestMethod]
    public void DrawingWorksInPredictionEnginesAndAfterLoading()
    {
        var data = mlContext.Data.LoadFromEnumerable(new[] { Row() });
        var keyed = mlContext.Transforms.Conversion.MapValueToKey("PredictedLabel");
        var model = keyed.Append(mlContext.Transforms.DrawBoundingBoxes("Drawn", "Bytes", color: "#ff0000")).Fit(data);
        using var stream = new MemoryStream();
        mlContext.Model.Save(model, data.Schema, stream);
        stream.Position = 0;
        var loaded = new MLContext().Model.Load(stream, out _);
        using var engine = mlContext.Model.CreatePredictionEngine<DetectedRow, DrawnRow>(loaded);
        for (var i = 0; i < 2; i++)
        {
            var row = engine.Predict(Row());
            Assert.AreEqual((Width, Height), (row.Drawn.Width, row.Drawn.Height));
            Assert.AreEqual(((byte)255, (byte)0, (byte)0), At(row.Drawn, 30, 20));
        }
        var empty = engine.Predict(
            new()
            {
                Bytes = Row().Bytes,
                PredictedLabel = [],
                PredictedBoundingBoxes = [],
                Score = [],
            }
        );
        Assert.AreEqual(((byte)0, (byte)0, (byte)0), At(empty.Drawn, 30, 20));
    }

    [TestMethod]
    public void DrawingRefusesWhatDoesNotFit()
    {
        var transforms = mlContext.Transforms;
        void Refused(string part, Action act) => StringAssert.Contains(Assert.Throws<ArgumentException>(act).Message, part);
        Assert.Throws<FormatException>(() => transforms.DrawBoundingBoxes("Drawn", color: "red"));
        Refused("at least 1 pixel", () => transforms.DrawBoundingBoxes("Drawn", lineWidth: 0));
        var row = Row();
        row.Score = [1];
        var data = mlContext.Data.LoadFromEnumerable(new[] { row });
        Refused("no column 'Image'", () => transforms.DrawBoundingBoxes("Drawn").Fit(data));
        Refused("Vector<Single>", () => transforms.DrawBoundingBoxes("Drawn", "Bytes", boundingBoxColumnName: "PredictedLabel").Fit(data));
        Refused("Row 0 has 8 numbers", () => Draw(data));
        row.Bytes = [1, 2, 3];
        Assert.Throws<ImageDecodeException>(() => Draw(data));
    }

    [TestMethod]
    public void ColumnsOfImagesBytesAndPathsAreDrawnOn()
    {
        var file = Path.Combine(Directory.CreateTempSubdirectory("draw").FullName, "a.png");
        var row = Row();
        File.WriteAllBytes(file, row.Bytes);
        row.ImagePath = file;
        var data = mlContext.Data.LoadFromEnumerable(new[] { row });
        var images = mlContext.Transforms.LoadImages("Image", "", "ImagePath").Fit(data).Transform(data);
        foreach (var column in new[] { "Bytes", "ImagePath", "Image" })
        {
            var drawn = mlContext.Transforms.DrawBoundingBoxes("Drawn", column, color: "#00ff00").Fit(images).Transform(images);
            Assert.AreEqual(((byte)0, (byte)255, (byte)0), At(drawn.GetColumn<MLImage>("Drawn").Single(), 30, 20), column);
        }
        Directory.Delete(Path.GetDirectoryName(file)!, recursive: true);
    }

    [TestMethod]
    public void BoxesMoveWithMirroredImages()
    {
        var data = mlContext.Data.LoadFromEnumerable(new[] { Marked() });
        var augment = mlContext.Transforms.AugmentObjects(new() { HorizontalFlip = 1, VerticalFlip = 1 }, imageColumnName: "Bytes");
        var row = mlContext.Data.CreateEnumerable<AugmentedRow>(augment.Fit(data).Transform(data), reuseRowObject: false).Single();
        CollectionAssert.AreEqual(new float[] { 40, 10, 50, 30 }, row.BoundingBoxes);
        CollectionAssert.AreEqual(new[] { "cell" }, row.Label);
        CollectionAssert.AreEqual(new[] { true }, row.Ignored);
        CollectionAssert.AreEqual(new[] { 50f }, row.Area);
        AssertMarked(row, exact: true);
    }

    [TestMethod]
    public void BoxesMoveWithWarpedImagesAndAreDroppedOutside()
    {
        var augmentation = new Augmentation
        {
            ResizedCrop = new() { MinArea = 0.1, MaxArea = 0.3 },
        };
        var rows = Enumerable.Range(0, 30).Select(_ => Marked()).ToArray();
        var data = mlContext.Data.LoadFromEnumerable(rows);
        var keyed = mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(data).Transform(data);
        var augment = mlContext.Transforms.AugmentObjects(augmentation, imageColumnName: "Bytes", seed: 5);
        var pipeline = augment.Append(mlContext.Transforms.Conversion.MapKeyToValue("Label"));
        var (shown, boxes) = (0, new List<float[]>());
        foreach (var row in Read())
        {
            shown += row.Label.Length;
            boxes.Add(row.BoundingBoxes);
            Assert.HasCount(4 * row.Label.Length, row.BoundingBoxes);
            Assert.HasCount(row.Label.Length, row.Ignored);
            Assert.HasCount(row.Label.Length, row.Area);
            if (row.Area is [var area]) // a quarter of the box, as before
                Assert.AreEqual(
                    (row.BoundingBoxes[2] - row.BoundingBoxes[0]) * (row.BoundingBoxes[3] - row.BoundingBoxes[1]) / 4,
                    area,
                    1e-3f * area
                );
            AssertMarked(row, exact: false);
        }
        Assert.IsTrue(shown is > 0 and < 30, $"some crops show the mark: {shown}");
        foreach (var (one, two) in boxes.Zip(Read()))
            CollectionAssert.AreEqual(one, two.BoundingBoxes, "the same rows are changed in the same way");

        IEnumerable<AugmentedRow> Read() =>
            mlContext.Data.CreateEnumerable<AugmentedRow>(pipeline.Fit(keyed).Transform(keyed), reuseRowObject: false);
    }

    [TestMethod]
    public void AugmentationSavesAndLoads()
    {
        var data = mlContext.Data.LoadFromEnumerable(new[] { Marked() });
        var augmentation = new Augmentation
        {
            HorizontalFlip = 1,
            ColorJitter = new() { Brightness = 0.5 },
        };
        var model = mlContext.Transforms.AugmentObjects(augmentation, imageColumnName: "Bytes", seed: 3).Fit(data);
        using var stream = new MemoryStream();
        mlContext.Model.Save(model, data.Schema, stream);
        stream.Position = 0;
        var loaded = new MLContext().Model.Load(stream, out _);
        var (before, after) = (One(model), One(loaded));
        CollectionAssert.AreEqual(new float[] { 40, 10, 50, 30 }, after.BoundingBoxes);
        CollectionAssert.AreEqual(MLImages.PixelsOf(before.Image).ToArray(), MLImages.PixelsOf(after.Image).ToArray());
        using var engine = mlContext.Model.CreatePredictionEngine<MarkedRow, AugmentedRow>(loaded);
        CollectionAssert.AreEqual(new float[] { 40, 10, 50, 30 }, engine.Predict(Marked()).BoundingBoxes);

        AugmentedRow One(ITransformer transformer) =>
            mlContext.Data.CreateEnumerable<AugmentedRow>(transformer.Transform(data), reuseRowObject: false).Single();
    }

    [TestMethod]
    public void AnotherProcessLoadsThemWithNothingRegistered()
    {
        var data = mlContext.Data.LoadFromEnumerable(new[] { Marked() });
        var model = mlContext
            .Transforms.AugmentObjects(new() { HorizontalFlip = 1 }, imageColumnName: "Bytes")
            .Append(mlContext.Transforms.DrawBoundingBoxes("Drawn", "Image", null, "BoundingBoxes", null, color: "#0a0b0c"))
            .Fit(data);
        var file = Path.Combine(Directory.CreateTempSubdirectory("objects").FullName, "model.zip");
        mlContext.Model.Save(model, data.Schema, file);
        Assert.AreEqual("40 10 50 30, (10, 11, 12)", ChildProcess.Run(Predict, file).Trim());
        Directory.Delete(Path.GetDirectoryName(file)!, recursive: true);
    }

    private static int Predict(string[] arguments)
    {
        var context = new MLContext();
        var model = context.Model.Load(arguments[0], out _);
        using var engine = context.Model.CreatePredictionEngine<MarkedRow, AugmentedAndDrawnRow>(model);
        var row = engine.Predict(Marked());
        Console.WriteLine($"{string.Join(" ", row.BoundingBoxes)}, {At(row.Drawn, 40, 10)}");
        return 0;
    }

    [TestMethod]
    public void AugmentationRefusesWhatDoesNotFit()
    {
        var error = Assert.Throws<ArgumentException>(() => mlContext.Transforms.AugmentObjects(new() { MixupAlpha = 0.2 }));
        StringAssert.Contains(error.Message, "one image at a time");
        var row = Marked();
        row.Label = ["cell", "dot"];
        var data = mlContext.Data.LoadFromEnumerable(new[] { row });
        var changed = mlContext.Transforms.AugmentObjects(Augmentation.Light, imageColumnName: "Bytes").Fit(data).Transform(data);
        StringAssert.Contains(
            Assert.Throws<ArgumentException>(() => changed.GetColumn<string[]>("Label").ToArray()).Message,
            "Row 0 has 2 labels, 4 numbers in the column 'BoundingBoxes'"
        );
    }

    /// <summary>Bright pixels lie within the box, and touch its edges.</summary>
    private static void AssertMarked(AugmentedRow row, bool exact)
    {
        var box = row.BoundingBoxes;
        for (var y = 0; y < row.Image.Height; y++)
        for (var x = 0; x < row.Image.Width; x++)
        {
            var bright = At(row.Image, x, y).Red;
            var (inner, outer) = exact ? (0, 0) : (3, 3);
            if (box.Length == 0 || x < box[0] - outer || x >= box[2] + outer || y < box[1] - outer || y >= box[3] + outer)
                Assert.IsLessThan(90, bright, $"outside, ({x}, {y})");
            else if (x >= box[0] + inner && x < box[2] - inner && y >= box[1] + inner && y < box[3] - inner)
                Assert.IsGreaterThan(180, bright, $"inside, ({x}, {y})");
        }
    }

    private MLImage Draw(IDataView data, double minimumScore = 0) =>
        mlContext
            .Transforms.DrawBoundingBoxes("Drawn", "Bytes", minimumScore: minimumScore)
            .Fit(data)
            .Transform(data)
            .GetColumn<MLImage>("Drawn")
            .Single();

    private static (byte Red, byte Green, byte Blue) Rgb(string name)
    {
        var color = PixelDrawing.ColorOf(name);
        return ((byte)(color >> 16), (byte)(color >> 8), (byte)color);
    }

    private static (byte Red, byte Green, byte Blue) At(MLImage image, int x, int y)
    {
        var at = 4 * (y * image.Width + x);
        var pixels = MLImages.PixelsOf(image);
        return (pixels[at], pixels[at + 1], pixels[at + 2]);
    }

    private static DetectedRow Row() =>
        new()
        {
            Bytes = TestImages.RgbPng(Width, Height, (_, _) => (0, 0, 0)),
            PredictedLabel = ["cell", "dot"],
            PredictedBoundingBoxes = [30, 20, 50, 34, -10, 35, 10, 60],
            Score = [0.9f, 0.3f],
        };

    /// <summary>A bright rectangle in the box.</summary>
    private static MarkedRow Marked() =>
        new()
        {
            Bytes = TestImages.RgbPng(Width, Height, (x, y) => x is >= 10 and < 20 && y is >= 10 and < 30 ? (255, 255, 255) : (0, 0, 0)),
            Label = ["cell"],
            BoundingBoxes = [10, 10, 20, 30],
            Ignored = [true],
            Area = [50],
        };

    private sealed class DetectedRow
    {
        public byte[] Bytes { get; set; } = [];
        public string ImagePath { get; set; } = "";
        public string[] PredictedLabel { get; set; } = [];
        public float[] PredictedBoundingBoxes { get; set; } = [];
        public float[] Score { get; set; } = [];
    }

    private sealed class DrawnRow
    {
        public MLImage Drawn { get; set; } = null!;
    }

    private sealed class MarkedRow
    {
        public byte[] Bytes { get; set; } = [];
        public string[] Label { get; set; } = [];
        public float[] BoundingBoxes { get; set; } = [];
        public bool[] Ignored { get; set; } = [];
        public float[] Area { get; set; } = [];
    }

    private sealed class AugmentedRow
    {
        public MLImage Image { get; set; } = null!;
        public string[] Label { get; set; } = [];
        public float[] BoundingBoxes { get; set; } = [];
        public bool[] Ignored { get; set; } = [];
        public float[] Area { get; set; } = [];
    }

    private sealed class AugmentedAndDrawnRow
    {
        public float[] BoundingBoxes { get; set; } = [];
        public MLImage Drawn { get; set; } = null!;
    }
}
