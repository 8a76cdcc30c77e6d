using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Data;
using MLNetLosses.Interop;
using MLNetLosses.Networks;
using MLNetLosses.Training;
using MLNetLosses.UnitTests.Imaging;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.SemanticSegmentation;

/// <summary>The transformer around a network that was not trained: what it predicts, at which size, and by which way.</summary>
[TestClass]
public class PredictionTests
{
    private static readonly MLContext Context = new(1);

    internal static SegmentationModel Model(bool ownSize) =>
        new()
        {
            Architecture = SegmentationArchitecture.UNet,
            Backbone = Backbone.ResNet20Cifar,
            Mode = SegmentationMode.Multiclass,
            Classes = DrawnShapes.Classes,
            Preprocessing = new()
            {
                Width = 24,
                Height = 20,
                Resize = ResizeRule.Stretch,
            },
            OwnSize = ownSize,
            PredictionPixels = 1 << 20,
            TileOverlap = 64,
            ImageColumnName = "ImagePath",
            PredictedLabelColumnName = "PredictedLabel",
            AreasColumnName = "Areas",
            ProbabilitiesColumnName = "Probabilities",
            SkipUndecodableImages = false,
            Loss = "CrossEntropy",
            Summary = new(StopReason.Completed, 0, 0, 0, 0, [], null, null, 0, 0),
        };

    internal static SemanticSegmentationTransformer Make(bool ownSize, Func<SegmentationModel, SegmentationModel>? change = null)
    {
        var model = Model(ownSize);
        model = change?.Invoke(model) ?? model;
        using var network = SegmentationNetwork.Create(model.Shape, seed: 3);
        using (NewDisposeScope())
        using (no_grad())
            for (var i = 0; i < 20; i++)
                network.call(randn([4, 3, 32, 32], generator: new Generator((ulong)i)));
        return new(Context, model, PixelClassifier.Of(network, model, CPU));
    }

    private sealed class Full
    {
        [SegmentationMaskType]
        public SegmentationMask PredictedLabel { get; set; } = null!;
        public long[] Areas { get; set; } = [];
        public float[] Probabilities { get; set; } = [];
    }

    private static Full[] Predict(ITransformer model, IEnumerable<DrawnShapes.Row> rows) =>
        [
            .. Context.Data.CreateEnumerable<Full>(
                model.Transform(Context.Data.LoadFromEnumerable(rows)),
                reuseRowObject: false,
                ignoreMissingColumns: false
            ),
        ];

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void MasksHaveTheSizeOfTheirImagesAndAreTheMostProbableClasses(bool ownSize)
    {
        using var model = Make(ownSize);
        var rows = DrawnShapes
            .Rows(3)
            .Concat(DrawnShapes.Rows(2, seed: 1, width: 37, height: 51))
            .Concat(DrawnShapes.Rows(6, seed: 2))
            .ToList();
        var predictions = Predict(model, rows);
        Assert.IsGreaterThan(
            1,
            predictions.SelectMany(p => p.PredictedLabel.Values.ToArray()).Distinct().Count(),
            "The test needs more than one class."
        );
        foreach (var (prediction, row) in predictions.Zip(rows))
        {
            var mask = prediction.PredictedLabel;
            Assert.AreEqual((row.Mask.Width, row.Mask.Height), (mask.Width, mask.Height));
            CollectionAssert.AreEqual(mask.Areas(3), prediction.Areas);
            Assert.AreEqual(mask.PixelCount, prediction.Areas.Sum());
            Assert.HasCount(3 * mask.PixelCount, prediction.Probabilities);
            for (var pixel = 0; pixel < mask.PixelCount; pixel++)
            {
                var p = Enumerable.Range(0, 3).Select(c => prediction.Probabilities[c * mask.PixelCount + pixel]).ToArray();
                Assert.AreEqual(1f, p.Sum(), 1e-5f);
                Assert.AreEqual(p.Max(), p[mask.Values[pixel]], 1e-5f);
            }
        }
    }

    [TestMethod]
    public void EachImageIsPredictedAsIfItWereAlone()
    {
        using var model = Make(ownSize: true);
        var rows = Enumerable.Range(0, 9).SelectMany(i => DrawnShapes.Rows(1, seed: i, width: 24 + 8 * (i % 3), height: 24)).ToList();
        var together = Predict(model, rows);
        using var engine = Context.Model.CreatePredictionEngine<DrawnShapes.Row, DrawnShapes.Prediction>(
            model,
            new PredictionEngineOptions { OwnsTransformer = false }
        );
        foreach (var (prediction, row) in together.Zip(rows))
        {
            var alone = engine.Predict(row);
            var different = alone
                .PredictedLabel!.Values.ToArray()
                .Zip(prediction.PredictedLabel.Values.ToArray())
                .Count(p => p.First != p.Second);
            Assert.IsLessThan(3, different, "Only rounding may differ.");
        }
    }

    /// <summary>The network sees less than 64 pixels around a pixel.</summary>
    [TestMethod]
    [DataRow(420, 230, 200 * 200)]
    [DataRow(300, 20, 4096)]
    [DataRow(70, 401, 70 * 200)]
    public void TilesThatSeeFarEnoughGiveWhatTheWholeImageGives(int width, int height, int pixels)
    {
        using var whole = Make(ownSize: true);
        using var tiled = Make(ownSize: true, m => m with { PredictionPixels = pixels, TileOverlap = 64 });
        var rows = DrawnShapes.Rows(1, seed: 5, width, height);
        var (expected, actual) = (Predict(whole, rows)[0], Predict(tiled, rows)[0]);
        for (var i = 0; i < expected.Probabilities.Length; i++)
            Assert.AreEqual(expected.Probabilities[i], actual.Probabilities[i], 1e-4f);
    }

    [TestMethod]
    [DataRow(SegmentationMode.Multiclass)]
    [DataRow(SegmentationMode.Multilabel)]
    public void TilesOfAnImageThatIsBroughtToASizeGiveTheSame(SegmentationMode mode)
    {
        SegmentationModel Larger(SegmentationModel m) =>
            m with
            {
                Mode = mode,
                Preprocessing = m.Preprocessing with { Width = 300, Height = 200 },
            };
        SegmentationModel Tiled(SegmentationModel m) => Larger(m) with { PredictionPixels = 190 * 190, TileOverlap = 64 };
        using var whole = Make(ownSize: false, Larger);
        using var tiled = Make(ownSize: false, Tiled);
        using var masksOnly = Make(ownSize: false, m => Tiled(m) with { ProbabilitiesColumnName = null });
        foreach (var (width, height) in new[] { (90, 70), (310, 431), (33, 1) })
        {
            var rows = DrawnShapes.Rows(1, seed: 5, width, height);
            var (expected, actual) = (Predict(whole, rows)[0], Predict(tiled, rows)[0]);
            for (var i = 0; i < expected.Probabilities.Length; i++)
                Assert.AreEqual(expected.Probabilities[i], actual.Probabilities[i], 1e-4f);
            var mask = actual.PredictedLabel.Values.ToArray();
            Assert.IsLessThan(
                3,
                expected.PredictedLabel.Values.ToArray().Zip(mask).Count(pair => pair.First != pair.Second),
                "Only rounding may differ."
            );
            CollectionAssert.AreEqual(mask, Segmenting.Masks(masksOnly, Context.Data.LoadFromEnumerable(rows))[0].Values.ToArray());
        }
    }

    [TestMethod]
    [DataRow(0, 13)]
    [DataRow(5, 13)]
    [DataRow(1, 2)]
    public void BandsOfLogitsAreReadAsTheWhole(int cut, int next)
    {
        using var scope = NewDisposeScope();
        var logits = randn([1, 4, 17, 19], generator: new Generator(4));
        foreach (var (width, height) in new[] { (19, 17), (50, 31), (9, 40), (7, 5), (3, 1) })
        {
            var bands = new LogitBands(SegmentationMode.Multiclass, 4, (19, 17), (width, height), givesProbabilities: true);
            var start = 0;
            foreach (var end in new[] { cut, next, 17 }.Where(end => end > 0))
            {
                bands.Add(logits.narrow(2, start, end - start), start);
                start = end - 1;
            }
            CollectionAssert.AreEqual(LogitReader.Classes(logits, SegmentationMode.Multiclass, width, height), bands.Classes);
            var whole = new LogitBands(SegmentationMode.Multiclass, 4, (19, 17), (width, height), givesProbabilities: true);
            whole.Add(logits, 0);
            CollectionAssert.AreEqual(whole.Probabilities, bands.Probabilities);
        }
    }

    [TestMethod]
    public void AnImageThatKeepsASizeThatIsTooLargeIsNamedOrSkipped()
    {
        using var folder = new DrawnShapes();
        var rows = folder.Files(2);
        File.WriteAllBytes(rows[1].ImagePath, Png.Write(16385, 1, Png.Gray, 8, new byte[16385]));
        var data = Context.Data.LoadFromEnumerable(rows);
        using var strict = Make(ownSize: true);
        var message = Assert.ThrowsExactly<ImageDecodeException>(() => Segmenting.Masks(strict, data)).Message;
        foreach (var part in new[] { "row 1", rows[1].ImagePath, "16385 x 1" })
            StringAssert.Contains(message, part);
        using var skipping = Make(ownSize: true, m => m with { SkipUndecodableImages = true });
        var masks = Segmenting.Masks(skipping, data);
        Assert.IsNotNull(masks[0]);
        Assert.IsNull(masks[1]);
    }

    [TestMethod]
    [DataRow(7, 100, 4096, 10, 4)]
    [DataRow(1000, 3000, 1 << 18, 64, 32)]
    [DataRow(4097, 40, 4096, 0, 32)]
    [DataRow(513, 511, 40000, 33, 16)]
    public void TilesKeepEveryPixelOnceAndBeginWhereTheNetworkSeesTheSame(int width, int height, int pixels, int overlap, int stride)
    {
        var plan = new TilePlan(pixels, overlap, stride);
        var seen = new byte[width * height];
        foreach (var (x, y) in plan.Tiles(width, height))
        {
            Assert.IsLessThanOrEqualTo(pixels, x.Length * y.Length);
            Assert.AreEqual(0, x.Start % stride + y.Start % stride);
            Assert.IsTrue(x.KeepStart >= x.Start && x.KeepStart + x.KeepLength <= x.Start + x.Length);
            for (var row = y.KeepStart; row < y.KeepStart + y.KeepLength; row++)
            for (var column = x.KeepStart; column < x.KeepStart + x.KeepLength; column++)
                seen[row * width + column]++;
        }
        Assert.IsTrue(seen.All(count => count == 1));
    }

    [TestMethod]
    [DataRow(SegmentationMode.Multiclass, 5)]
    [DataRow(SegmentationMode.Binary, 1)]
    [DataRow(SegmentationMode.Multilabel, 3)]
    public void LogitsAreReadAsTorchWouldReadThem(SegmentationMode mode, int outputs)
    {
        using var scope = NewDisposeScope();
        var logits = randn([1, outputs, 13, 19], generator: new Generator(4));
        foreach (var (width, height) in new[] { (19, 13), (50, 31), (9, 40), (7, 5) })
        {
            var sized = nn.functional.interpolate(logits, [height, width], mode: InterpolationMode.Bilinear, align_corners: false);
            var expected = (mode == SegmentationMode.Multiclass ? sized.argmax(1) : sized.gt(0))
                .to(ScalarType.Byte)
                .contiguous()
                .bytes.ToArray();
            var actual = LogitReader.Classes(logits, mode, width, height);
            Assert.HasCount(expected.Length, actual);
            Assert.IsLessThan(2, expected.Zip(actual).Count(pair => pair.First != pair.Second), "Only ties may differ.");
            var bands = new LogitBands(mode, outputs, (19, 13), (width, height), givesProbabilities: true);
            bands.Add(logits, 0);
            var shares = mode == SegmentationMode.Multiclass ? nn.functional.softmax(sized, 1) : sized.sigmoid();
            foreach (var (wanted, given) in shares.contiguous().data<float>().ToArray().Zip(bands.Probabilities!))
                Assert.AreEqual(wanted, given, 1e-6f);
        }
    }

    [TestMethod]
    public void ProbabilitiesOfMoreNumbersThanAColumnHoldsAreRefused()
    {
        var message = Assert.ThrowsExactly<InvalidOperationException>(() => LogitBands.NewProbabilities(200, (4096, 4096))).Message;
        foreach (var part in new[] { "200 classes", "4096 x 4096", "ProbabilitiesColumnName" })
            StringAssert.Contains(message, part);
    }

    [TestMethod]
    public void ClassNamesStandAtTheColumns()
    {
        using var model = Make(ownSize: true);
        var schema = model.GetOutputSchema(Context.Data.LoadFromEnumerable(DrawnShapes.Rows(1)).Schema);
        CollectionAssert.AreEqual(DrawnShapes.Classes, schema["PredictedLabel"].GetMaskClassNames()!.ToArray());
        VBuffer<ReadOnlyMemory<char>> slots = default;
        schema["Areas"].GetSlotNames(ref slots);
        CollectionAssert.AreEqual(DrawnShapes.Classes, slots.DenseValues().Select(name => name.ToString()).ToArray());
        var estimator = Segmenting.Context().ImageSegmentation.Trainers.SemanticSegmentation(new SemanticSegmentationTrainer.Options());
        var promised = estimator.GetOutputSchema(SchemaShapes.Of(Context.Data.LoadFromEnumerable(DrawnShapes.Rows(1)).Schema));
        foreach (var name in new[] { "PredictedLabel", "Areas" })
            Assert.AreEqual(
                schema[name].Type is VectorDataViewType,
                promised.Single(c => c.Name == name).Kind == SchemaShape.Column.VectorKind.Vector
            );
    }

    [TestMethod]
    public void NothingIsLeftBehind()
    {
        using var model = Make(ownSize: true, m => m with { PredictionPixels = 4096, TileOverlap = 8 });
        var rows = DrawnShapes.Rows(3, width: 80, height: 80);
        Predict(model, rows);
        var before = LiveTensors.Settled();
        Predict(model, rows);
        Assert.AreEqual(before, Tensor.TotalCount);
    }
}
