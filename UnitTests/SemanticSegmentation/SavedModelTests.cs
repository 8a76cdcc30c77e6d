using System.Text.Json.Nodes;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Networks;

namespace MLNetLosses.UnitTests.SemanticSegmentation;

/// <summary>Saved segmentation models: whole, damaged, and in another process.</summary>
[TestClass]
public class SavedModelTests
{
    private static readonly MLContext Context = new(1);

    [TestMethod]
    public void AModelIsLoadedByAnotherProcessInWhichNothingWasRegistered()
    {
        using var folder = new DrawnShapes();
        using var model = Segmenting.Fit(DrawnShapes.Data(8), Segmenting.Small(o => o.ClassNames = DrawnShapes.Classes));
        var row = DrawnShapes.Rows(1, seed: 4, width: 31, height: 20)[0];
        var (path, picture) = (Path.Combine(folder.Folder, "model.zip"), Path.Combine(folder.Folder, "picture.png"));
        File.WriteAllBytes(picture, row.ImagePath);
        var data = Context.Data.LoadFromEnumerable([row]);
        Context.Model.Save(Context.Transforms.CopyColumns("Copy", "ImagePath").Fit(data).Append(model), data.Schema, path);
        var expected = Segmenting.Masks(model, data)[0];
        var output = ChildProcess.Run(PredictInThisProcess, path, picture).Trim().Split(' ');
        Assert.AreEqual("31x20", output[0]);
        Assert.AreEqual(Convert.ToHexString(expected.Values), output[1]);
        Assert.AreEqual(string.Join(',', expected.Areas(3)), output[2]);
    }

    private static int PredictInThisProcess(string[] arguments)
    {
        var context = new MLContext();
        var model = context.Model.Load(arguments[0], out _);
        using var engine = context.Model.CreatePredictionEngine<DrawnShapes.Row, DrawnShapes.Prediction>(model);
        var prediction = engine.Predict(new() { ImagePath = File.ReadAllBytes(arguments[1]) });
        var mask = prediction.PredictedLabel!;
        Console.WriteLine($"{mask.Width}x{mask.Height} {Convert.ToHexString(mask.Values)} {string.Join(',', prediction.Areas)}");
        return 0;
    }

    [TestMethod]
    public void ALoadedModelGivesTheSameBitsAndSavesTheSameWeights()
    {
        using var model = PredictionTests.Make(ownSize: true);
        var data = DrawnShapes.Data(5, width: 40, height: 30);
        using var first = new MemoryStream();
        Context.Model.Save(model, data.Schema, first);
        using var loaded = (SemanticSegmentationTransformer)Context.Model.Load(first, out _);
        CollectionAssert.AreEqual(Segmenting.Masks(model, data), Segmenting.Masks(loaded, data));
        CollectionAssert.AreEqual(Segmenting.Weights(model), Segmenting.Weights(loaded));
        CollectionAssert.AreEqual(DrawnShapes.Classes, loaded.Classes.ToArray());
        Assert.AreEqual(
            (Backbone.ResNet20Cifar, SegmentationArchitecture.UNet, "CrossEntropy"),
            (loaded.Backbone, loaded.Architecture, loaded.Loss)
        );
        loaded.Dispose();
        CollectionAssert.AreEqual(Segmenting.Masks(model, data), Segmenting.Masks(loaded, data), "A disposed model is made again.");
    }

    [TestMethod]
    public void WhatATrainingIgnoredIsLeftOutByEvaluationAlsoAfterLoading()
    {
        using var folder = new DrawnShapes();
        folder.Dataset(8, ["ground", "disc"]);
        Assert.Throws<InvalidDataException>(() => Segmenting.Fit(Context.Data.LoadSegmentationFolder(folder.Folder), Segmenting.Small()));
        var data = Context.Data.LoadSegmentationFolder(folder.Folder, ignoreIndex: 2);
        var trainer = Context.ImageSegmentation.Trainers.SemanticSegmentation(Segmenting.Small(o => o.IgnoreIndex = 2));
        using var model = trainer.Fit(data);
        CollectionAssert.AreEqual(new[] { "ground", "disc" }, model.Classes.ToArray());
        using var stream = new MemoryStream();
        Context.Model.Save(model, data.Schema, stream);
        using var loaded = (SemanticSegmentationTransformer)Context.Model.Load(stream, out _);
        var expected = Context.ImageSegmentation.Evaluate(model.Transform(data), ignoreIndex: 2);
        Assert.IsLessThan(8L * 576, expected.PixelCount);
        foreach (var each in new[] { model, loaded })
            Assert.AreEqual(expected.PixelCount, Context.ImageSegmentation.Evaluate(each.Transform(data)).PixelCount);
        var copied = Context
            .Transforms.CopyColumns("Guess", "PredictedLabel")
            .Fit(loaded.Transform(data))
            .Transform(loaded.Transform(data));
        Assert.AreEqual(expected.PixelCount, Context.ImageSegmentation.Evaluate(copied, predictedMaskColumnName: "Guess").PixelCount);
        StringAssert.Contains(
            Assert.Throws<ArgumentException>(() => Context.ImageSegmentation.Evaluate(model.Transform(data), ignoreIndex: 255)).Message,
            "true mask is 2"
        );
        var folds = Context.ImageSegmentation.CrossValidate(data, trainer, numberOfFolds: 2, seed: 1);
        Assert.AreEqual(expected.PixelCount, folds.Sum(fold => fold.Metrics.PixelCount));
    }

    [TestMethod]
    public void AModelThatWasSavedBeforeItKeptWhatIsIgnoredIsRead()
    {
        var model = PredictionTests.Model(ownSize: true) with { IgnoreIndex = 7 };
        Assert.AreEqual(7, SegmentationModel.FromJson(model.ToJson()).IgnoreIndex);
        var older = JsonNode.Parse(model.ToJson())!.AsObject();
        Assert.IsTrue(older.Remove("ignoreIndex"));
        Assert.IsNull(SegmentationModel.FromJson(older.ToJsonString()).IgnoreIndex);
    }

    [TestMethod]
    public void ItTakesPartInAPipelineAndCrossesThreads()
    {
        using var folder = new DrawnShapes();
        var rows = folder.Files(8);
        var data = Context.Data.LoadFromEnumerable(rows);
        var pipeline = Context
            .Transforms.CopyColumns("Picture", "ImagePath")
            .Append(Context.ImageSegmentation.Trainers.SemanticSegmentation(Segmenting.Small(o => o.FeatureColumnName = "Picture")));
        var model = pipeline.Fit(data);
        var expected = Segmenting.Masks(model, data);
        Parallel.For(0, 4, _ => CollectionAssert.AreEqual(expected, Segmenting.Masks(model, data)));
        var images = Context.Transforms.LoadImages("Picture", "", "ImagePath").Fit(data).Transform(data);
        CollectionAssert.AreEqual(expected, Segmenting.Masks(model.LastTransformer, images), "MLImages give what their files give.");
        model.LastTransformer.Dispose();
    }
}
