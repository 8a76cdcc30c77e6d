using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Data;
using MLNetLosses.Interop;
using MLNetLosses.Losses;
using MLNetLosses.Networks;
using MLNetLosses.Training;

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
        Assert.IsTrue(log.Any(line => line.Contains("1 rows of the training data have no label")), string.Join('\n', log));
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
            log.Any(line => line.Contains("1 training images cannot be read") && line.Contains(files[7].Path)),
            string.Join('\n', log)
        );
        Assert.AreEqual(11, model.Summary.History.Sum(e => e.Images) + 11 % 8);
        var metrics = context.MulticlassClassification.Evaluate(model.Transform(data));
        Assert.IsInRange(0.0, 1.0, metrics.MicroAccuracy);
    }

    [TestMethod]
    public void CancelledAtOnceItGivesTheUntrainedModelAndSaysSo()
    {
        using var model = Training.Fit(Training.Data(9), Training.Small(o => o.CancellationToken = new CancellationToken(canceled: true)));
        Assert.AreEqual(StopReason.Canceled, model.Summary.Reason);
        Assert.AreEqual(0L, model.Summary.Steps);
        Assert.HasCount(12, Training.Probe(model));
    }

    [TestMethod]
    public void CancelledInTheMiddleItKeepsTheBestModelSoFar()
    {
        using var source = new CancellationTokenSource();
        var recorder = new Recorder
        {
            OnReport = progress =>
            {
                if (progress.Epoch == 3 && progress.Finished is null)
                    source.Cancel();
            },
        };
        using var model = Training.Fit(
            Training.Data(24),
            Training.Small(o =>
            {
                o.Epoch = 50;
                o.ProgressInterval = 1;
                o.ValidationSet = Training.Data(9, seed: 5);
                o.Progress = recorder;
                o.CancellationToken = source.Token;
            })
        );
        Assert.AreEqual(StopReason.Canceled, model.Summary.Reason);
        Assert.AreEqual(2, model.Summary.Epochs);
        Assert.AreEqual(model.Summary.BestEpoch, model.Summary.KeptEpoch);
    }

    [TestMethod]
    public void CancellingTheContextThrows()
    {
        var context = Training.Context();
        var recorder = new Recorder { OnReport = _ => context.CancelExecution() };
        Assert.ThrowsExactly<OperationCanceledException>(() =>
            Training.Fit(
                Training.Data(24),
                Training.Small(o =>
                {
                    o.Epoch = 50;
                    o.ProgressInterval = 1;
                    o.Progress = recorder;
                }),
                context
            )
        );
        Assert.HasCount(1, recorder.Reports);
    }

    [TestMethod]
    public void ACheckpointResumesToTheSameModel()
    {
        var data = Training.Data(24);
        using var folder = new DrawnImages();
        var options = Training.Small(o =>
        {
            o.Epoch = 4;
            o.Augmentation = Augmentation.Light;
            o.ValidationSetFraction = 0.25;
            o.RestoreBest = false;
        });
        var whole = Training.Weights(data, options);
        using var source = new CancellationTokenSource();
        options.CheckpointFolder = Path.Combine(folder.Folder, "run");
        options.CancellationToken = source.Token;
        options.Progress = new Recorder
        {
            OnReport = progress =>
            {
                if (progress is { Epoch: 2, Finished: not null })
                    source.Cancel();
            },
        };
        Training.Fit(data, options).Dispose();
        (options.CancellationToken, options.Progress, options.Resume) = (default, null, true);
        using var resumed = Training.Fit(data, options);
        Assert.AreEqual(2, resumed.Summary.ResumedFrom);
        CollectionAssert.AreEqual(whole, Training.Weights(resumed));
        options.BatchSize = 5;
        StringAssert.Contains(Assert.Throws<InvalidDataException>(() => Training.Fit(data, options)).Message, "batch size");
    }

    [TestMethod]
    public void ATrainingThatWasKilledResumesToTheSameModel()
    {
        using var folder = new DrawnImages();
        using (var child = ChildProcess.Start(TrainUntilKilled, folder.Folder))
        {
            while (child.ReadLine() is { } line && line != "epoch 3 step 8")
                continue;
            child.Kill();
            Assert.AreNotEqual(0, child.Wait().Code);
        }
        using var resumed = Training.Fit(Training.Data(24), Killed(folder.Folder, resume: true));
        Assert.AreEqual(2, resumed.Summary.ResumedFrom);
        var whole = Training.Weights(Training.Data(24), Killed(null, resume: false));
        CollectionAssert.AreEqual(whole, Training.Weights(resumed));
    }

    private static ImageClassificationTrainer.Options Killed(string? folder, bool resume) =>
        Training.Small(o =>
        {
            (o.Epoch, o.CheckpointFolder, o.Resume) = (4, folder, resume);
            (o.Augmentation, o.WeightAveraging, o.ProgressInterval) = (Augmentation.Light, new(), 1);
        });

    private static int TrainUntilKilled(string[] arguments)
    {
        var options = Killed(arguments[0], resume: false);
        options.Progress = new Recorder
        {
            OnReport = progress =>
            {
                if (progress.Finished is null)
                    Console.WriteLine($"epoch {progress.Epoch} step {progress.Step}");
                if (progress.Step == 8)
                    new ManualResetEvent(initialState: false).WaitOne(); // for ever: it is killed here
            },
        };
        Training.Fit(Training.Data(24), options).Dispose();
        return 0;
    }

    [TestMethod]
    public void ACheckpointFolderThatCannotBeWrittenIsNamedBeforeTraining()
    {
        using var images = new DrawnImages();
        var file = Path.Combine(images.Folder, "file");
        File.WriteAllText(file, "");
        var folder = Path.Combine(file, "checkpoints");
        var recorder = new Recorder();
        var error = Assert.ThrowsExactly<IOException>(() =>
            Training.Fit(
                Training.Data(9),
                Training.Small(o =>
                {
                    o.CheckpointFolder = folder;
                    o.Progress = recorder;
                })
            )
        );
        StringAssert.Contains(error.Message, folder);
        Assert.IsEmpty(recorder.Reports);
    }

    [TestMethod]
    public void WeightsOfAnotherNetworkAreRefused()
    {
        using var images = new DrawnImages();
        var path = Path.Combine(images.Folder, "weights.safetensors");
        using (var other = BackboneNetwork.Create(Backbone.MobileNetV3Small, 3))
            SafetensorsWriter.Write(path, other.state_dict());
        var error = Assert.ThrowsExactly<InvalidDataException>(() => Training.Fit(Training.Data(9), Training.Small(o => o.Weights = path)));
        StringAssert.Contains(error.Message, "ResNet20Cifar");
    }

    [TestMethod]
    public void WeightsForOtherClassesKeepTheBackboneAndGetANewHead()
    {
        using var images = new DrawnImages();
        var path = Path.Combine(images.Folder, "weights.safetensors");
        using var other = BackboneNetwork.Create(Backbone.ResNet20Cifar, 7, seed: 3);
        SafetensorsWriter.Write(path, other.state_dict());
        var context = Training.Context();
        var log = new List<string>();
        context.Log += (_, e) => log.Add(e.Message);
        using var model = Training.Fit(Training.Data(9), Training.Small(o => (o.Weights, o.Epoch) = (path, 0)), context);
        Assert.IsTrue(log.Any(line => line.Contains("7 classes")), string.Join('\n', log));
        using var kept = TensorFile.Read(Training.Weights(model), "model");
        using var scope = TorchSharp.torch.NewDisposeScope();
        Assert.IsTrue(kept.Tensors["conv1.weight"].ToTensor().equal(other.state_dict()["conv1.weight"]).all().item<bool>());
        CollectionAssert.AreEqual(new long[] { 3, 64 }, kept.Tensors["linear.weight"].Shape);
    }

    [TestMethod]
    public void ALossThatDoesNotFitTheClassesIsRefused()
    {
        var loss = new CrossEntropyLoss { ClassWeights = [1, 2] };
        var error = Assert.Throws<ArgumentException>(() => Training.Fit(Training.Data(9), Training.Small(o => o.Loss = loss)));
        StringAssert.Contains(error.Message, "ClassWeights");
    }

    [TestMethod]
    public void ALossThatIsNoNumberAnyMoreStopsAndNamesTermStepAndRows()
    {
        var error = Assert.ThrowsExactly<TrainingDivergedException>(() =>
            Training.Fit(Training.Data(24), Training.Small(o => (o.LearningRate, o.Optimizer, o.Epoch) = (1e30, new Sgd(), 3)))
        );
        Assert.AreEqual("crossEntropy", error.Term);
        Assert.HasCount(8, error.Rows);
        Assert.IsGreaterThan(1, error.Step);
    }

    [TestMethod]
    public void ZeroEpochsMeasureTheWeightsThatWereLoaded()
    {
        using var images = new DrawnImages();
        var path = Path.Combine(images.Folder, "weights.safetensors");
        var data = Training.Data(30);
        using (var network = BackboneNetwork.Create(Backbone.ResNet20Cifar, 3, seed: 9))
            SafetensorsWriter.Write(path, network.state_dict());
        using var model = Training.Fit(data, Training.Small(o => (o.Weights, o.Epoch, o.ValidationSet) = (path, 0, data)));
        var expected = Training.Context().MulticlassClassification.Evaluate(model.Transform(data)).MicroAccuracy;
        Assert.AreEqual(expected, model.Summary.BestMetrics!.Values["accuracy"], 1e-9);
    }

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

    [TestMethod]
    public void TheLogSaysDeviceSeedAndCounts()
    {
        var context = Training.Context(5);
        var log = new List<string>();
        context.Log += (_, e) => log.Add(e.Message);
        Training.Fit(Training.Data(9), Training.Small(), context).Dispose();
        var text = string.Join('\n', log);
        StringAssert.Contains(text, "cpu");
        StringAssert.Contains(text, "The seed is 5.");
        StringAssert.Contains(text, "disc 3, square 3, stripe 3");
    }

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
        var before = TorchSharp.torch.Tensor.TotalCount;
        Training.Fit(data, options).Dispose();
        var apparent = TorchSharp.torch.Tensor.TotalCount - before;
        Assert.AreEqual(Training.CountedTwice(forInference: false) + Training.CountedTwice(forInference: true), apparent);
    }
}
