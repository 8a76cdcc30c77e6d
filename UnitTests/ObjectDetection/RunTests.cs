using System.Text.RegularExpressions;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Data;
using MLNetLosses.Interop;
using MLNetLosses.Losses;
using MLNetLosses.Networks;
using MLNetLosses.Training;
using MLNetLosses.UnitTests.ImageClassification;
using TorchSharp;

namespace MLNetLosses.UnitTests.ObjectDetection;

/// <summary>How a training is stopped, resumed and refused.</summary>
[TestClass]
public class RunTests
{
    /// <summary>Code written for Microsoft's trainer waits for such lines, and reads its figures as Single.</summary>
    [TestMethod]
    public void EpochsAreToldToTheLogOfTheContext()
    {
        var context = new MLContext(1);
        var lines = new List<(string Source, Microsoft.ML.Runtime.ChannelMessageKind Kind, string Text)>();
        context.Log += (_, message) => lines.Add((message.Source, message.Kind, message.RawMessage));
        var options = Detecting.Small(o => (o.Epoch, o.BatchSize, o.LogEveryNStep, o.Steps) = (2, 2, 1, []));
        options.Steps.Add(1);
        using var model = Detecting.Fit(DrawnObjects.Data(4), options, context);
        float precision = context.MulticlassClassification.EvaluateObjectDetection(model.Transform(DrawnObjects.Data(4))).MAP50;
        Assert.IsFalse(float.IsNaN(precision));
        var told = lines
            .Where(line => line.Text.Contains("Loss:") && line.Source.StartsWith("ObjectDetectionTrainer", StringComparison.Ordinal))
            .ToList();
        Assert.HasCount(2, told.Where(line => line.Kind == Microsoft.ML.Runtime.ChannelMessageKind.Info).ToList());
        Assert.HasCount(4, told.Where(line => line.Kind == Microsoft.ML.Runtime.ChannelMessageKind.Trace).ToList());
        StringAssert.Matches(told[^1].Text, new(@"^Epoch 2 of 2: Loss: [\d.E+-]+ \(classification [\d.E+-]+, boxes [\d.E+-]+\)"));
    }

    [TestMethod]
    public void CancelledAtOnceItGivesTheUntrainedModel()
    {
        using var model = Detecting.Fit(DrawnObjects.Data(4), Detecting.Small(o => o.CancellationToken = new(canceled: true)));
        Assert.AreEqual(StopReason.Canceled, model.Summary.Reason);
        Assert.HasCount(4, Detecting.Predict(model, DrawnObjects.Data(4)));
    }

    [TestMethod]
    [DataRow("RetinaNet(channels: 32, convolutions: 1, scalesPerLevel: 1, aspectRatios: [1])")]
    [DataRow("Fcos(channels: 32, convolutions: 1, distributionBins: 9)")]
    public void ACheckpointResumesToTheSameModel(string head)
    {
        var data = DrawnObjects.Data(10);
        using var folder = new DrawnImages();
        var options = Detecting.Small(o =>
        {
            (o.Epoch, o.Head) = (3, DetectionHead.Parse(head));
            o.Augmentation = new() { HorizontalFlip = 0.5 };
            o.TrainingImageSizes = [48, 64];
            o.Sampling = new() { Count = 128 };
            o.MosaicProbability = 0.3;
            o.ValidationSetFraction = 0.2;
            o.RestoreBest = false;
        });
        byte[] whole;
        using (var model = Detecting.Fit(data, options))
            whole = Detecting.Weights(model);
        using var source = new CancellationTokenSource();
        options.CheckpointFolder = Path.Combine(folder.Folder, "run");
        options.CancellationToken = source.Token;
        options.Progress = new Recorder
        {
            OnReport = progress =>
            {
                if (progress is { Epoch: 1, Finished: not null })
                    source.Cancel();
            },
        };
        Detecting.Fit(data, options).Dispose();
        (options.CancellationToken, options.Progress, options.Resume) = (default, null, true);
        using var resumed = Detecting.Fit(data, options);
        Assert.AreEqual(1, resumed.Summary.ResumedFrom);
        CollectionAssert.AreEqual(whole, Detecting.Weights(resumed));
        options.Matching = new AdaptiveMatching();
        StringAssert.Contains(Assert.Throws<InvalidDataException>(() => Detecting.Fit(data, options)).Message, "matching");
    }

    [TestMethod]
    [DataRow("RankSort()", "RankSort")]
    [DataRow("SigmoidFocal() + 0.5 * RankSort(delta: 1)", "RankSort(delta: 1)")]
    [DataRow("AveragePrecision()", "AveragePrecision")]
    public void ALossThatRanksTheBatchIsNotDividedByImage(string loss, string named)
    {
        // A row that cannot be read: the options are refused before any is.
        var rows = DrawnObjects.Rows(2, empty: false);
        rows[0].BoundingBoxes[0] = float.NaN;
        var options = Detecting.Small(o =>
            (o.LossNormalization, o.ClassificationLoss) = (DetectionNormalization.Image, DetectorClassificationLoss.Parse(loss))
        );
        var error = Assert.Throws<ArgumentException>(() => Detecting.Fit(DrawnObjects.Keyed(new MLContext(1), rows), options));
        StringAssert.Contains(error.Message, $"and {named}");
        StringAssert.Contains(error.Message, "Set LossNormalization to Batch");
        options.LossNormalization = DetectionNormalization.Batch;
        using var model = Detecting.Fit(DrawnObjects.Data(4), options);
        Assert.IsTrue(double.IsFinite(model.Summary.History[0].Loss));
    }

    [TestMethod]
    public void WhatIsWrongWithALossIsNotBlamedOnItsDivision()
    {
        var options = Detecting.Small(o =>
            (o.LossNormalization, o.ClassificationLoss) = (
                DetectionNormalization.Image,
                new BinaryCrossEntropyLoss { ClassWeights = [1, 2, 3] }
            )
        );
        var error = Assert.Throws<ArgumentException>(() => Detecting.Fit(DrawnObjects.Data(4), options));
        StringAssert.Contains(error.Message, "ClassWeights");
        Assert.IsFalse(error.Message.Contains("LossNormalization"));
    }

    [TestMethod]
    public void ADivergedTrainingNamesTheTermAndTheRows()
    {
        var error = Assert.ThrowsExactly<TrainingDivergedException>(() =>
            Detecting.Fit(
                DrawnObjects.Data(8),
                Detecting.Small(o =>
                {
                    o.Epoch = 20;
                    o.LearningRate = 1e9;
                    o.GradientClipNorm = null;
                    o.Optimizer = new Sgd();
                    o.ProgressInterval = 1;
                })
            )
        );
        StringAssert.Matches(error.Term, new("classification|boxes|total|gradient"));
        Assert.HasCount(4, error.Rows);
    }

    public static IEnumerable<object[]> BadRows =>
        new (string Name, Action<DrawnObjects.Row> Change, string[] Words)[]
        {
            ("not finite", row => row.BoundingBoxes[1] = float.NaN, ["object 0 of row 2", "NaN"]),
            (
                "turned",
                row => row.BoundingBoxes = [30, 10, 20, 40],
                ["object 0 of row 2", "[30, 10, 20, 40]", "x1 (20) must be above x0 (30)"]
            ),
            ("flat", row => row.BoundingBoxes = [3, 10, 20, 10], ["y1 (10) must be above y0 (10)"]),
            ("outside", row => row.BoundingBoxes = [300, 10, 320, 40], ["object 0 of row 2", "lies outside the image", "pixels"]),
            ("a number too few", row => row.BoundingBoxes = row.BoundingBoxes[..3], ["Row 2 has 1 label in", "3 numbers"]),
            ("unknown class", row => row.Label = ["triangle"], ["Object 0 of row 2", "no label"]),
        }.Select(bad => new object[] { bad.Name, bad.Change, bad.Words });

    [TestMethod]
    [DynamicData(nameof(BadRows), DynamicDataDisplayName = nameof(NameOf))]
    public void ABadObjectIsNamed(string name, Action<DrawnObjects.Row> change, string[] words)
    {
        var rows = DrawnObjects.Rows(4, empty: false);
        change(rows[2]);
        var data = DrawnObjects.Keyed(new MLContext(1), rows);
        var error = Assert.Throws<ArgumentException>(() => Detecting.Fit(data, Detecting.Small()));
        foreach (var word in words)
            StringAssert.Contains(error.Message, word, name);
        if (name is "a number too few" or "unknown class")
            return;
        using var model = Detecting.Fit(data, Detecting.Small(o => o.SkipInvalidBoxes = true));
        Assert.AreEqual(1, model.Summary.Epochs);
    }

    public static string NameOf(System.Reflection.MethodInfo method, object[] data) => $"{method.Name} ({data[0]})";

    /// <summary>While rows are read, and while images are.</summary>
    [TestMethod]
    [DataRow(new[] { 30f, 10, 20, 40 }, "object 0 of row 2", "x1 (20) must be above x0 (30)")]
    [DataRow(new[] { 300f, 10, 320, 40 }, "object 0 of row 2", "lies outside the image")]
    [DataRow(new[] { 30f, 10, 20 }, "Row 2", "1 label in the column 'Label' and 3 numbers in the column 'BoundingBoxes'")]
    public void AnErrorOfABoxNamesTheFile(float[] box, string place, string problem)
    {
        using var folder = new DrawnImages();
        var rows = DrawnObjects
            .Rows(4, empty: false)
            .Select(
                (row, i) =>
                {
                    var path = Path.Combine(folder.Folder, $"image {i}.png");
                    File.WriteAllBytes(path, row.Image);
                    return new DrawnObjects.FileRow
                    {
                        Image = path,
                        Label = row.Label,
                        BoundingBoxes = row.BoundingBoxes,
                    };
                }
            )
            .ToList();
        rows[2].BoundingBoxes = box;
        var data = DrawnObjects.Keyed(new MLContext(1), rows);
        var message = Assert.Throws<ArgumentException>(() => Detecting.Fit(data, Detecting.Small())).Message;
        foreach (var part in new[] { $"{place} ('{rows[2].Image}')", problem })
            StringAssert.Contains(message, part);
        var score = new MLContext(1).Transforms.ScoreLoss(Detecting.Trained).Fit(data).Transform(data);
        StringAssert.Contains(Assert.Throws<ArgumentException>(() => score.GetColumn<float>("Loss").ToArray()).Message, rows[2].Image);
    }

    [TestMethod]
    public void BoxesThatAreCutOrLeftOutAreToldToTheLog()
    {
        var rows = DrawnObjects.Rows(4, empty: false);
        rows[0].BoundingBoxes[2] = 1000;
        rows[1].BoundingBoxes[0] = -2;
        (rows[2].BoundingBoxes[0], rows[2].BoundingBoxes[2]) = (300, 320);
        rows[3].BoundingBoxes[2] = rows[3].BoundingBoxes[0] + 0.1f;
        var context = new MLContext(1);
        var log = new List<string>();
        context.Log += (_, message) => log.Add($"{message.Kind}: {message.RawMessage}");
        var options = Detecting.Small(o => (o.SkipInvalidBoxes, o.Epoch) = (true, 2));
        Detecting.Fit(DrawnObjects.Keyed(context, rows), options, context).Dispose();
        var text = string.Join('\n', log);
        StringAssert.Contains(text, "Warning: Left out: 1 object whose boxes lie outside their images.");
        StringAssert.Contains(text, "Warning: Cut at the border: 2 objects whose boxes reach a pixel or more beyond their images.");
        StringAssert.Contains(text, "Warning: Left out: 1 object with a side of less than half a pixel");
        Assert.IsFalse(text.Contains("the augmentation cut"));
    }

    [TestMethod]
    public void DataThatTeachNothingAreRefused()
    {
        void Refused(IEnumerable<DrawnObjects.Row> rows, string word) =>
            StringAssert.Contains(
                Assert
                    .Throws<ArgumentException>(() => Detecting.Fit(DrawnObjects.Keyed(new MLContext(1), rows), Detecting.Small()))
                    .Message,
                word
            );
        Refused([], "no rows");
        Refused([DrawnObjects.Draw(40, 40, 1), DrawnObjects.Draw(40, 40, 2)], "no object");
    }

    [TestMethod]
    public void AnImageThatCannotBeReadIsNamedOrLeftOut()
    {
        var rows = DrawnObjects.Rows(4, empty: false);
        rows[1].Image = [1, 2, 3];
        var data = DrawnObjects.Keyed(new MLContext(1), rows);
        StringAssert.Contains(Assert.Throws<ImageDecodeException>(() => Detecting.Fit(data, Detecting.Small())).Message, "row 1");
        using var model = Detecting.Fit(data, Detecting.Small(o => (o.SkipUndecodableImages, o.BatchSize) = (true, 3)));
        Assert.AreEqual(3L, model.Summary.History[0].Images);
        Assert.HasCount(0, Detecting.Predict(model, data)[1].Score);
    }

    [TestMethod]
    public void WrongColumnsAreRefusedBeforeAnythingIsRead()
    {
        var context = new MLContext(1);
        var data = DrawnObjects.Data(2);
        void Refused(Action<ObjectDetectionTrainer.Options> change, params string[] words)
        {
            var trainer = context.MulticlassClassification.Trainers.ObjectDetection(Detecting.Small(change));
            foreach (var act in new Action[] { () => trainer.Fit(data), () => trainer.GetOutputSchema(SchemaShapes.Of(data.Schema)) })
            {
                var message = Assert.Throws<Exception>(act).Message;
                foreach (var word in words)
                    StringAssert.Contains(message, word);
            }
        }

        Refused(o => o.LabelColumnName = "BoundingBoxes", "MapValueToKey");
        Refused(o => o.BoundingBoxColumnName = "Ignored", "x0, y0, x1, y1");
        Refused(o => o.BoundingBoxColumnName = "Boxes", "'Boxes'", "BoundingBoxColumnName");
        Refused(o => o.IgnoredColumnName = "BoundingBoxes", "Boolean");
        Refused(o => o.ImageColumnName = "Label", "MLImage");
    }

    [TestMethod]
    public void EverythingWrongWithTheOptionsIsSaidAtOnce()
    {
        var error = Assert.Throws<ArgumentException>(() =>
            new MLContext().MulticlassClassification.Trainers.ObjectDetection(
                new()
                {
                    ImageSize = 8,
                    ScoreThreshold = 2,
                    IOUThreshold = double.NaN,
                    MaximumDetections = 0,
                    SuppressionSigma = 0,
                    TrainingImageSizes = [],
                    Matching = new IoUMatching { BackgroundThreshold = 0.9 },
                    Head = new RetinaNetHead { Channels = 40 },
                    Augmentation = new() { MixupAlpha = 1 },
                    ScoreColumnName = "PredictedLabel",
                }
            )
        );
        foreach (
            var word in new[]
            {
                "ImageSize",
                "ScoreThreshold",
                "IOUThreshold",
                "MaximumDetections",
                "SuppressionSigma must be a number above 0; it is 0",
                "TrainingImageSizes",
                "BackgroundThreshold",
                "Channels",
                "Mixup",
                "must differ",
            }
        )
            StringAssert.Contains(error.Message, word);
        StringAssert.Contains(
            Assert
                .Throws<ArgumentException>(() =>
                    new MLContext().MulticlassClassification.Trainers.ObjectDetection(new() { BoxLoss = null! })
                )
                .Message,
            "BoxLoss"
        );
    }

    [TestMethod]
    public void MicrosoftsOptionNamesMeanTheSame()
    {
        var options = new ObjectDetectionTrainer.Options
        {
            LabelColumnName = "Label",
            PredictedLabelColumnName = "PredictedLabel",
            BoundingBoxColumnName = "BoundingBoxes",
            PredictedBoundingBoxColumnName = "PredictedBoundingBoxes",
            ImageColumnName = "Image",
            ScoreColumnName = "Score",
            IOUThreshold = 0.4,
            ScoreThreshold = 0.6,
            MaxEpoch = 3,
            InitLearningRate = 0.01,
            WeightDecay = 0.02,
            LogEveryNStep = 7,
        };
        Assert.AreEqual(3, options.Epoch);
        Assert.AreEqual(0.01, options.LearningRate);
        Assert.AreEqual(0.02, options.Optimizer.WeightDecay);
        Assert.AreEqual(7, options.ProgressInterval);
        Assert.AreEqual("Image", options.FeatureColumnName);
    }

    [TestMethod]
    public void TheRateFallsAfterTheEpochsThatStepsNames()
    {
        using var model = Detecting.Fit(
            DrawnObjects.Data(8),
            Detecting.Small(o => (o.MaxEpoch, o.ImageSize, o.InitLearningRate, o.Steps) = (3, 32, 0.01, new List<int> { 1, 2 }))
        );
        var rates = model.Summary.History.Select(epoch => epoch.LearningRate).ToArray();
        for (var i = 0; i < 3; i++)
            Assert.AreEqual(Math.Pow(10, -2 - i), rates[i], 1e-9);
    }

    [TestMethod]
    public void TheTrainingIsLoggedWithWhatWasFoundAndMissed()
    {
        using var folder = new DrawnImages();
        var (log, report) = (Path.Combine(folder.Folder, "training.jsonl"), Path.Combine(folder.Folder, "report.html"));
        using var model = Detecting.Fit(
            DrawnObjects.Data(8),
            Detecting.Small(o =>
            {
                (o.TrainingLogFile, o.ReportFile, o.TensorBoardFolder) = (log, report, Path.Combine(folder.Folder, "board"));
                o.ValidationSet = DrawnObjects.Data(4, seed: 2);
                o.ProgressInterval = 1;
                // As for metrics, and from scores of 0.3 on: what is counted and drawn as found must be surer than that.
                (o.ScoreThreshold, o.Head) = (0.01, Detecting.SmallHead with { PriorProbability = 0.3 });
                (o.ClassificationLoss, o.BoxLoss, o.BoxLossWeight) = (
                    new SigmoidFocalLoss() + new VariFocalLoss(),
                    new GeneralizedIoULoss(),
                    1.5
                );
            })
        );
        var run = TrainingHistory.Read(log).Run;
        Assert.AreEqual("SigmoidFocal() + VariFocal() on classes, 1.5 * GeneralizedIoU() on boxes", run.Loss);
        Assert.AreEqual(new GeneralizedIoULoss(), Loss.Parse(run.LossJson!["BoxLoss"]!.ToJsonString()));
        var details = model.Summary.History[0].Metrics!.Details!;
        CollectionAssert.AreEqual(DrawnObjects.Classes, details.Classes.Select(one => one.Name).ToArray());
        // Nothing is found after one epoch: every image with objects stands out, with all of them missed.
        Assert.IsTrue(details.HardestRows.All(row => row.Predicted!.EndsWith("missed, 0 wrong", StringComparison.Ordinal)));
        Assert.AreEqual(DrawnObjects.Rows(4, seed: 2).Count(row => row.Label.Length > 0), details.HardestRows.Count);
        Assert.AreEqual(PngSignature, details.Pictures[0].Content[0]);
        StringAssert.Contains(File.ReadAllText(log), "classification");
        StringAssert.Contains(File.ReadAllText(log), "\"measure\":\"missed and wrong objects\"");
        Assert.MatchesRegex(
            new System.Text.RegularExpressions.Regex(
                @"<figcaption>\d objects?<br>0 found, \d missed, 0 wrong<br>missed and wrong objects \d<br>"
            ),
            File.ReadAllText(report)
        );
        StringAssert.Contains(File.ReadAllText(report), "object detection");
    }

    private const byte PngSignature = 0x89;

    [TestMethod]
    public void TheProcessKeepsNoTensorsOfATraining()
    {
        long Left(int epochs)
        {
            var before = LiveTensors.Settled();
            Detecting.Fit(DrawnObjects.Data(6), Detecting.Small(o => (o.Epoch, o.ImageSize, o.BatchSize) = (epochs, 32, 2))).Dispose();
            return LiveTensors.Settled() - before;
        }

        Left(1); // fills what is kept once a process
        Assert.AreEqual(Left(1), Left(4)); // the networks themselves are counted twice by TorchSharp, whatever they learn
    }

    [TestMethod]
    public void WeightsOfABackboneAndOfADetectorAreTaken()
    {
        using var folder = new DrawnImages();
        var path = Path.Combine(folder.Folder, "w.safetensors");
        Dictionary<string, float> Start(string? weights)
        {
            using var model = Detecting.Fit(DrawnObjects.Data(2), Detecting.Small(o => (o.Epoch, o.Weights, o.Seed) = (0, weights, 3)));
            using var file = TensorFile.Read(Detecting.Weights(model), "w");
            using var scope = torch.NewDisposeScope();
            return file.Tensors.ToDictionary(
                pair => pair.Key,
                pair => pair.Value.ToTensor().to(torch.ScalarType.Float32).sum().item<float>()
            );
        }

        var fresh = Start(null);
        using (var backbone = BackboneNetwork.Create(Backbone.ShuffleNetV2X05, 10, seed: 99))
        using (var stream = File.Create(path))
            SafetensorsWriter.Write(stream, backbone.state_dict());
        var own = Start(path);
        Assert.AreNotEqual(fresh["backbone.body.first_conv.0.weight"], own["backbone.body.first_conv.0.weight"]);
        Assert.AreEqual(fresh["head.regression_head.bbox_reg.weight"], own["head.regression_head.bbox_reg.weight"]);
        // Of a detector for other classes all but the layer of classes.
        using (var detector = DetectionNetwork.Create(new(Backbone.ShuffleNetV2X05, Detecting.SmallHead, 7), seed: 99))
        using (var stream = File.Create(path))
            SafetensorsWriter.Write(stream, detector.state_dict());
        var taken = Start(path);
        Assert.AreNotEqual(fresh["head.regression_head.bbox_reg.weight"], taken["head.regression_head.bbox_reg.weight"]);
        Assert.AreEqual(fresh["head.classification_head.cls_logits.weight"], taken["head.classification_head.cls_logits.weight"]);
        // torchvision's first layout: layers of the pyramid and of the branches lie one level higher.
        using (var detector = DetectionNetwork.Create(new(Backbone.ShuffleNetV2X05, Detecting.SmallHead, 7), seed: 99))
        using (var stream = File.Create(path))
            SafetensorsWriter.Write(
                stream,
                detector
                    .state_dict()
                    .ToDictionary(
                        pair => Regex.Replace(pair.Key, @"((inner|layer)_blocks\.\d+|head\.conv\.0)\.0\.", "$1."),
                        pair => pair.Value
                    )
            );
        var old = Start(path);
        Assert.AreEqual(taken["head.regression_head.conv.0.0.weight"], old["head.regression_head.conv.0.0.weight"]);
        Assert.AreEqual(taken["backbone.fpn.layer_blocks.2.0.bias"], old["backbone.fpn.layer_blocks.2.0.bias"]);
        using (var other = BackboneNetwork.Create(Backbone.ResNet20Cifar, 10))
        using (var stream = File.Create(path))
            SafetensorsWriter.Write(stream, other.state_dict());
        StringAssert.Contains(Assert.Throws<InvalidDataException>(() => Start(path)).Message, "ShuffleNetV2X05");
    }
}
