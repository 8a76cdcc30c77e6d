using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Data;
using MLNetLosses.Interop;
using MLNetLosses.Losses;
using MLNetLosses.Networks;

namespace MLNetLosses.UnitTests.ImageClassification;

/// <summary>The trainer as an ML.NET user meets it.</summary>
[TestClass]
public class TrainerTests
{
    [TestMethod]
    public void APipelineLearnsIsEvaluatedAndPredicts()
    {
        var context = Training.Context();
        using var images = new DrawnImages();
        var rows = images.Files(60);
        var split = context.Data.TrainTestSplit(context.Data.LoadFromEnumerable(rows), testFraction: 0.3, seed: 1);
        var pipeline = DrawnImages
            .Keys(context)
            .Append(context.Transforms.LoadRawImageBytes("Image", "", "Path"))
            .Append(
                context.MulticlassClassification.Trainers.ImageClassification(
                    new()
                    {
                        Loss = new CrossEntropyLoss { LabelSmoothing = 0.1 },
                        Backbone = Backbone.ResNet20Cifar,
                        ImageSize = 16,
                        Epoch = 15,
                        BatchSize = 8,
                        LearningRate = 0.01,
                        Threads = 1,
                    }
                )
            )
            .Append(context.Transforms.Conversion.MapKeyToValue("PredictedLabel"));
        var model = pipeline.Fit(split.TrainSet);
        var metrics = context.MulticlassClassification.Evaluate(model.Transform(split.TestSet), predictedLabelColumnName: "PredictedLabel");
        Assert.IsGreaterThan(0.8, metrics.MicroAccuracy);
        Assert.AreEqual(3, metrics.PerClassLogLoss.Count);
        using var engine = context.Model.CreatePredictionEngine<DrawnImages.FileRow, DrawnImages.Prediction>(model);
        var right = rows.Count(row => engine.Predict(row).PredictedLabel == row.Label);
        Assert.IsGreaterThan(48, right);
    }

    [TestMethod]
    public void EvaluateNamesTheClasses()
    {
        var context = Training.Context();
        var data = Training.Data(18);
        using var model = Training.Fit(data, Training.Small());
        var metrics = context.MulticlassClassification.Evaluate(model.Transform(data));
        var table = metrics.ConfusionMatrix.GetFormattedConfusionTable();
        foreach (var name in DrawnImages.Classes)
            StringAssert.Contains(table, name);
    }

    [TestMethod]
    public void CrossValidationTrainsAModelAFold()
    {
        var context = Training.Context();
        var trainer = context.MulticlassClassification.Trainers.ImageClassification(Training.Small());
        var folds = context.MulticlassClassification.CrossValidate(Training.Data(24), trainer, numberOfFolds: 2, seed: 1);
        Assert.HasCount(2, folds);
        foreach (var fold in folds)
        {
            Assert.IsInRange(0.0, 1.0, fold.Metrics.MicroAccuracy);
            ((IDisposable)fold.Model).Dispose();
        }
    }

    [TestMethod]
    public void TheTrainerPromisesTheColumnsThatTheModelMakes()
    {
        var context = Training.Context();
        var data = Training.Data(9);
        var trainer = context.MulticlassClassification.Trainers.ImageClassification(
            Training.Small(options => (options.ScoreColumnName, options.PredictedLabelColumnName) = ("P", "Best"))
        );
        using var model = trainer.Fit(data);
        var promised = Describe(trainer.GetOutputSchema(SchemaShapes.Of(data.Schema)));
        var made = Describe(SchemaShapes.Of(model.GetOutputSchema(data.Schema)));
        Assert.AreEqual(made, promised);
        StringAssert.Contains(made, "P: Vector<Single>");
        StringAssert.Contains(made, "Best: Key<UInt32>");
    }

    [TestMethod]
    public void NumbersAsClassesAreKept()
    {
        var context = Training.Context();
        var rows = DrawnImages.Bytes(12).Select((row, i) => new { row.Image, Label = 10f * (i % 3) });
        var data = context.Data.LoadFromEnumerable(rows);
        var keyed = context.Transforms.Conversion.MapValueToKey("Label").Fit(data).Transform(data);
        using var model = Training.Fit(keyed, Training.Small());
        var output = context
            .Transforms.Conversion.MapKeyToValue("PredictedLabel")
            .Fit(model.Transform(keyed))
            .Transform(model.Transform(keyed));
        CollectionAssert.IsSubsetOf(output.GetColumn<float>("PredictedLabel").Distinct().ToArray(), new[] { 0f, 10f, 20f });
        CollectionAssert.AreEqual(new[] { "0", "10", "20" }, model.Classes.ToArray());
        var trainer = context.MulticlassClassification.Trainers.ImageClassification(Training.Small());
        Assert.AreEqual(
            Describe(SchemaShapes.Of(model.GetOutputSchema(keyed.Schema))),
            Describe(trainer.GetOutputSchema(SchemaShapes.Of(keyed.Schema)))
        );
    }

    private static string Describe(SchemaShape shape) =>
        string.Join(
            Environment.NewLine,
            shape.Select(column =>
                $"{column.Name}: {column.TypeName()} {{{string.Join(", ", column.Annotations.Select(a => $"{a.Name}: {a.TypeName()}").Order(StringComparer.Ordinal))}}}"
            )
        );

    [TestMethod]
    public void TheSameSeedGivesTheSameModelBitForBit()
    {
        var data = Training.Data(24);
        var options = Training.Small(o =>
        {
            o.Augmentation = Augmentation.TrivialAugment;
            o.Epoch = 2;
            o.ReaderThreads = 2;
        });
        var first = Training.Weights(data, options);
        var second = Training.Weights(data, options);
        CollectionAssert.AreEqual(first, second);
        using var other = Training.Fit(data, options, Training.Context(2));
        CollectionAssert.AreNotEqual(first, Training.Weights(other));
    }

    [TestMethod]
    public void TheOptionsAreCopiedAndNeverWritten()
    {
        var context = Training.Context();
        var data = Training.Data(12);
        var options = Training.Small(o => o.ValidationSetFraction = 0.3);
        var before = Snapshot(options);
        var trainer = context.MulticlassClassification.Trainers.ImageClassification(options);
        trainer.Fit(data).Dispose();
        CollectionAssert.AreEqual(before, Snapshot(options));
        options.BatchSize = -1; // the trainer has its own
        trainer.Fit(data).Dispose();
    }

    private static object?[] Snapshot(ImageClassificationTrainer.Options options) =>
        [.. typeof(ImageClassificationTrainer.Options).GetProperties().Select(property => property.GetValue(options))];

    [TestMethod]
    public void TheShortOverloadAndTheOptionsOverloadAreToldApart()
    {
        var trainers = Training.Context().MulticlassClassification.Trainers;
        Assert.IsInstanceOfType<ImageClassificationTrainer>(trainers.ImageClassification());
        Assert.IsInstanceOfType<ImageClassificationTrainer>(trainers.ImageClassification("Label", "Picture"));
        Assert.IsInstanceOfType<ImageClassificationTrainer>(trainers.ImageClassification(new() { BatchSize = 4 }));
    }

    [TestMethod]
    public void FittingLeavesNoTensorBehind()
    {
        var data = Training.Data(12);
        var options = Training.Small(o =>
        {
            o.ValidationSetFraction = 0.3;
            o.MetricsCallback = _ => { };
            o.Augmentation = new Augmentation { MixupAlpha = 0.2 };
            o.ClassWeights = "balanced";
        });
        Training.Fit(data, options).Dispose();
        var before = LiveTensors.Settled();
        Training.Fit(data, options).Dispose();
        var apparent = TorchSharp.torch.Tensor.TotalCount - before;
        Assert.AreEqual(Training.CountedTwice(forInference: false) + Training.CountedTwice(forInference: true), apparent);
    }
}
