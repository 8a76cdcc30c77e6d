using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Data;
using MLNetLosses.Interop;
using MLNetLosses.Networks;
using MLNetLosses.Training;
using TorchSharp;

namespace MLNetLosses.UnitTests.ImageClassification;

/// <summary>The transformer around a network that was not trained.</summary>
[TestClass]
public class TransformerTests
{
    private static readonly MLContext Context = new(1);

    internal static ImageClassificationTransformer Make(bool skip = false, KeyValues? classes = null, long seed = 1)
    {
        var preprocessing = new ImagePreprocessing { Width = 16, Height = 16 };
        var model = new ImageClassificationModel
        {
            Backbone = Backbone.ResNet20Cifar,
            ClassCount = 3,
            Preprocessing = preprocessing,
            ImageColumnName = "Image",
            ScoreColumnName = "Score",
            PredictedLabelColumnName = "PredictedLabel",
            SkipUndecodableImages = skip,
            Loss = "CrossEntropy",
            Summary = new(StopReason.Completed, 0, 0, 0, 0, [], null, null, 0, 0),
        };
        using var network = BackboneNetwork.Create(model.Backbone, model.ClassCount, seed);
        Calibrate(network);
        return new(Context, model, NetworkClassifier.Of(network, model, torch.CPU), classes ?? KeyValues.Of(DrawnImages.Classes));
    }

    /// <summary>Gives batch normalisation the statistics of the images: without them all scores would be 0 or 1.</summary>
    private static void Calibrate(BackboneNetwork network)
    {
        using var scope = torch.NewDisposeScope();
        using var frozen = torch.no_grad();
        for (var i = 0; i < 30; i++)
            network.call(torch.randn([16, 3, 16, 16], generator: new torch.Generator((ulong)i)));
    }

    internal static IDataView Unlabelled(int count) => Context.Data.LoadFromEnumerable(DrawnImages.Bytes(count));

    internal static float[][] Scores(ITransformer transformer, IDataView data) =>
        [.. transformer.Transform(data).GetColumn<float[]>("Score")];

    internal static void AreClose(float[] expected, float[] actual)
    {
        Assert.HasCount(expected.Length, actual);
        for (var i = 0; i < expected.Length; i++)
            Assert.AreEqual(expected[i], actual[i], 1e-5f);
    }

    [TestMethod]
    public void ScoresAreProbabilitiesAndTheLabelIsTheirLargest()
    {
        using var transformer = Make();
        var rows = transformer.Transform(Unlabelled(40));
        var keys = rows.GetColumn<uint>("PredictedLabel").ToArray();
        var scores = rows.GetColumn<float[]>("Score").ToArray();
        Assert.HasCount(40, keys);
        for (var i = 0; i < keys.Length; i++)
        {
            Assert.AreEqual(1f, scores[i].Sum(), 1e-5f);
            Assert.AreEqual(scores[i].Max(), scores[i][keys[i] - 1]);
        }
        Assert.IsGreaterThan(1, scores.Select(s => s[0]).Distinct().Count());
    }

    [TestMethod]
    public void EveryFormOfImageGivesTheSameScores()
    {
        using var transformer = Make();
        using var images = new DrawnImages();
        var files = images.Files(5);
        var paths = Context.Data.LoadFromEnumerable(files.Select(f => new { Image = f.Path }));
        var bytes = Context
            .Transforms.LoadRawImageBytes("Image", "", "Path")
            .Fit(Context.Data.LoadFromEnumerable(files))
            .Transform(Context.Data.LoadFromEnumerable(files));
        var decoded = Context
            .Transforms.LoadImages("Image", "", "Path")
            .Fit(Context.Data.LoadFromEnumerable(files))
            .Transform(Context.Data.LoadFromEnumerable(files));
        var expected = Scores(transformer, paths);
        foreach (var other in new[] { bytes, decoded })
        {
            var actual = Scores(transformer, other);
            for (var i = 0; i < expected.Length; i++)
                AreClose(expected[i], actual[i]);
        }
    }

    [TestMethod]
    public void SlotsAndKeysBearTheNamesOfTheClasses()
    {
        using var transformer = Make();
        var schema = transformer.GetOutputSchema(Unlabelled(1).Schema);
        VBuffer<ReadOnlyMemory<char>> slots = default,
            keys = default;
        schema["Score"].GetSlotNames(ref slots);
        schema["PredictedLabel"].GetKeyValues(ref keys);
        CollectionAssert.AreEqual(DrawnImages.Classes, slots.DenseValues().Select(name => name.ToString()).ToArray());
        CollectionAssert.AreEqual(DrawnImages.Classes, keys.DenseValues().Select(name => name.ToString()).ToArray());
        CollectionAssert.AreEqual(DrawnImages.Classes, transformer.Classes.ToArray());
    }

    [TestMethod]
    public void EnginesOnSeveralThreadsShareTheNetworkAndAgreeWithTransform()
    {
        using var transformer = Make();
        var rows = DrawnImages.Bytes(12);
        var expected = Scores(transformer, Context.Data.LoadFromEnumerable(rows));
        var chain = Named(transformer);
        Parallel.For(
            0,
            4,
            _ =>
            {
                using var engine = new MLContext().Model.CreatePredictionEngine<DrawnImages.BytesRow, DrawnImages.Prediction>(chain);
                for (var i = 0; i < rows.Count; i++)
                {
                    var prediction = engine.Predict(rows[i]);
                    AreClose(expected[i], prediction.Score);
                    Assert.AreEqual(DrawnImages.Classes[Array.IndexOf(expected[i], expected[i].Max())], prediction.PredictedLabel);
                }
            }
        );
    }

    [TestMethod]
    public void AnUndecodableImageIsAnErrorThatNamesItsRow()
    {
        using var transformer = Make();
        var rows = DrawnImages.Bytes(30);
        rows[17].Image = [1, 2, 3];
        rows[23].Image = [];
        var error = Assert.ThrowsExactly<ImageDecodeException>(() => Scores(transformer, Context.Data.LoadFromEnumerable(rows)));
        Assert.AreEqual(17L, error.Row);
        StringAssert.Contains(error.Message, "row 17");
    }

    [TestMethod]
    public void AMissingFileIsAnErrorThatNamesIt()
    {
        using var transformer = Make();
        var data = Context.Data.LoadFromEnumerable(new[] { new { Image = "/nowhere/cat.png" } });
        var error = Assert.ThrowsExactly<ImageDecodeException>(() => Scores(transformer, data));
        StringAssert.Contains(error.Message, "/nowhere/cat.png");
    }

    [TestMethod]
    public void ASkippedImageHasNoScoresAndNoLabel()
    {
        using var transformer = Make(skip: true);
        var rows = DrawnImages.Bytes(5);
        rows[2].Image = [1, 2, 3];
        var output = transformer.Transform(Context.Data.LoadFromEnumerable(rows));
        CollectionAssert.AreEqual(
            new[] { false, false, true, false, false },
            output.GetColumn<float[]>("Score").Select(s => s.All(float.IsNaN)).ToArray()
        );
        CollectionAssert.AreEqual(
            new[] { false, false, true, false, false },
            output.GetColumn<uint>("PredictedLabel").Select(key => key == 0).ToArray()
        );
    }

    [TestMethod]
    public void AWrongImageColumnIsRefusedByNameAndType()
    {
        using var transformer = Make();
        var missing = Assert.Throws<ArgumentException>(() =>
            transformer.GetOutputSchema(Context.Data.LoadFromEnumerable(new[] { new { Picture = "x" } }).Schema)
        );
        StringAssert.Contains(missing.Message, "'Image'");
        StringAssert.Contains(missing.Message, "'Picture'");
        var wrong = Assert.Throws<ArgumentException>(() =>
            transformer.GetOutputSchema(Context.Data.LoadFromEnumerable(new[] { new { Image = 1f } }).Schema)
        );
        StringAssert.Contains(wrong.Message, "Single");
        StringAssert.Contains(wrong.Message, "MLImage");
    }

    [TestMethod]
    public void TheScorerLeavesNoTensorBehind()
    {
        using var transformer = Make();
        Scores(transformer, Unlabelled(3));
        var before = LiveTensors.Settled();
        Scores(transformer, Unlabelled(50));
        Assert.AreEqual(before, torch.Tensor.TotalCount);
        using var engine = Context.Model.CreatePredictionEngine<DrawnImages.BytesRow, DrawnImages.Prediction>(Named(transformer));
        var rows = DrawnImages.Bytes(10);
        engine.Predict(rows[0]);
        var alive = LiveTensors.Settled();
        foreach (var row in rows)
            engine.Predict(row);
        Assert.AreEqual(alive, torch.Tensor.TotalCount);
    }

    [TestMethod]
    public void DisposingFreesTheNetworkAndLaterUseMakesItAgain()
    {
        var apparent = Training.CountedTwice(forInference: true);
        var transformer = Make();
        var expected = Scores(transformer, Unlabelled(5));
        var alive = LiveTensors.Settled();
        transformer.Dispose();
        var freed = alive - torch.Tensor.TotalCount;
        Assert.IsGreaterThan(50, freed);
        var again = Scores(transformer, Unlabelled(5));
        for (var i = 0; i < expected.Length; i++)
            CollectionAssert.AreEqual(expected[i], again[i]);
        Assert.AreEqual(alive + apparent, torch.Tensor.TotalCount);
        transformer.Dispose();
        transformer.Dispose();
        Assert.AreEqual(alive + apparent - freed, torch.Tensor.TotalCount);
    }

    internal static TransformerChain<ITransformer> Named(ITransformer transformer)
    {
        var output = transformer.Transform(Unlabelled(1));
        return new(transformer, Context.Transforms.Conversion.MapKeyToValue("PredictedLabel").Fit(output));
    }
}
