using Microsoft.ML;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using MLNetLosses.Training;
using Options = MLNetLosses.ImageClassificationTrainer.Options;

namespace MLNetLosses.UnitTests.ImageClassification;

/// <summary>Options whose effect is not in the weights.</summary>
[TestClass]
public class OptionEffectsTests
{
    [TestMethod]
    public void ColumnNamesAreUsed()
    {
        var context = Training.Context();
        var data = context.Transforms.CopyColumns("Picture", "Image").Append(context.Transforms.CopyColumns("Class", "Label"));
        var rows = context.Transforms.DropColumns("Image", "Label");
        var keyed = Training.Data(9);
        var renamed = data.Append(rows).Fit(keyed).Transform(keyed);
        void Check(Action<Options> images)
        {
            using var model = Training.Fit(
                renamed,
                Training.Small(o =>
                {
                    images(o);
                    (o.LabelColumnName, o.ScoreColumnName, o.PredictedLabelColumnName) = ("Class", "P", "Best");
                })
            );
            var names = model.GetOutputSchema(renamed.Schema).Select(column => column.Name).ToArray();
            CollectionAssert.AreEqual(new[] { "P", "Best" }, names[^2..]);
        }
        Check(o => o.FeatureColumnName = "Picture");
        Check(o => o.ImageColumnName = "Picture");
    }

    [TestMethod]
    public void ValidationIsMeasuredAndDecides()
    {
        var data = Training.Data(18);
        var validation = Training.Data(12, seed: 3);
        using var measured = Training.Fit(
            data,
            Training.Small(o =>
            {
                o.Epoch = 8;
                o.ValidationSet = validation;
                o.MonitoredMetric = ClassificationMetric.LogLoss;
                o.LearningRate = 0.05;
            })
        );
        var losses = measured.Summary.History.Select(e => e.Metrics!.Values["logLoss"]).ToList();
        Assert.AreEqual("logLoss", measured.Summary.BestMetrics!.Primary);
        Assert.AreEqual(losses.IndexOf(losses.Min()) + 1, measured.Summary.KeptEpoch);
        using var last = Training.Fit(data, Training.Small(o => (o.Epoch, o.ValidationSet, o.RestoreBest) = (2, validation, false)));
        Assert.AreEqual(2, last.Summary.KeptEpoch);
        using var stopped = Training.Fit(
            data,
            Training.Small(o =>
            {
                o.Epoch = 40;
                o.ValidationSet = validation;
                o.EarlyStoppingCriteria = new() { Patience = 2, MinimumImprovement = 0.5 };
            })
        );
        Assert.AreEqual(StopReason.EarlyStopped, stopped.Summary.Reason);
        Assert.IsLessThan(40, stopped.Summary.Epochs);
    }

    [TestMethod]
    public void EarlyStoppingWithoutValidationIsRefused() =>
        StringAssert.Contains(
            Assert
                .Throws<ArgumentException>(() => Training.Fit(Training.Data(9), Training.Small(o => o.EarlyStoppingCriteria = new())))
                .Message,
            "ValidationSet"
        );

    /// <summary>A loss with a learned scale.</summary>
    public sealed record ScaledCrossEntropyLoss : ClassificationLoss
    {
        protected internal override LossState CreateState(LossContext context) =>
            new LossState(context).AddParameter("scale", TorchSharp.torch.ones(1));

        protected override LossTerms Score(TorchSharp.torch.Tensor logits, ClassTargets targets, LossCall call) =>
            new(-targets.Pick(TorchSharp.torch.nn.functional.log_softmax(logits * call.State["scale"], 1)));
    }

    [TestMethod]
    public void TheLossLearnsAtItsOwnPace()
    {
        var data = Training.Data(16);
        byte[] With(double factor) =>
            Training.Weights(data, Training.Small(o => (o.Loss, o.LossLearningRateFactor) = (new ScaledCrossEntropyLoss(), factor)));
        CollectionAssert.AreNotEqual(With(0), With(100));
    }

    [TestMethod]
    public void WhatALossRemarksIsWrittenToTheLog()
    {
        var context = Training.Context();
        var warnings = new List<string>();
        context.Log += (_, e) =>
        {
            if (e.Kind == Microsoft.ML.Runtime.ChannelMessageKind.Warning)
                warnings.Add(e.Message);
        };
        var nearlySingular = new BackwardCorrectionLoss
        {
            TransitionMatrix =
            [
                [0.50001, 0.49999, 0],
                [0.49999, 0.50001, 0],
                [0, 0, 1],
            ],
        };
        Training.Fit(Training.Data(9), Training.Small(o => (o.Loss, o.Epoch) = (nearlySingular, 0)), context).Dispose();
        Assert.IsTrue(warnings.Any(line => line.Contains("condition number")), string.Join('\n', warnings));
    }

    [TestMethod]
    public void ADeviceThatIsNotThereIsRefused()
    {
        if (TorchSharp.torch.cuda.is_available())
            Assert.Inconclusive("This machine has a CUDA device.");
        var error = Assert.ThrowsExactly<InvalidOperationException>(() =>
            Training.Fit(Training.Data(9), Training.Small(o => o.Device = "cuda:1"))
        );
        StringAssert.Contains(error.Message, "cuda:1");
        var context = Training.Context();
        (context.GpuDeviceId, context.FallbackToCpu) = (0, false);
        StringAssert.Contains(
            Assert
                .ThrowsExactly<InvalidOperationException>(() =>
                    Training.Fit(Training.Data(9), Training.Small(o => o.Device = null), context)
                )
                .Message,
            "FallbackToCpu"
        );
        context.FallbackToCpu = true;
        var log = new List<string>();
        context.Log += (_, e) => log.Add(e.Message);
        Training.Fit(Training.Data(9), Training.Small(o => o.Device = null), context).Dispose();
        Assert.IsTrue(log.Any(line => line.Contains("GpuDeviceId is 0")), string.Join('\n', log));
    }

    [TestMethod]
    public void ThreadsAndCacheAreTakenAndLogged()
    {
        var context = Training.Context();
        var log = new List<string>();
        context.Log += (_, e) => log.Add(e.Message);
        var data = Training.Data(16);
        var usual = Training.Weights(data, Training.Small());
        using var model = Training.Fit(
            data,
            Training.Small(o => (o.Threads, o.ReaderThreads, o.ImageCacheBytes) = (1, 3, 5 * 16 * 16 * 3)),
            context
        );
        CollectionAssert.AreEqual(usual, Training.Weights(model));
        var text = string.Join('\n', log);
        StringAssert.Contains(text, "computes with 1 thread on");
        StringAssert.Contains(text, "read ahead of the network by 3 threads");
        StringAssert.Contains(text, "Kept decoded in memory: 5 of 16 training images");
    }

    [TestMethod]
    public void CheckpointsAreWrittenAsOftenAsAsked()
    {
        using var folder = new DrawnImages();
        var seen = new List<bool>();
        Training
            .Fit(
                Training.Data(16),
                Training.Small(o =>
                {
                    (o.Epoch, o.CheckpointFolder, o.CheckpointEveryEpochs) = (3, folder.Folder, 2);
                    o.Progress = new Recorder
                    {
                        OnReport = progress =>
                        {
                            if (progress.Finished is not null)
                                seen.Add(Directory.EnumerateFiles(folder.Folder).Any());
                        },
                    };
                })
            )
            .Dispose();
        CollectionAssert.AreEqual(new[] { false, true, true }, seen);
    }

    [TestMethod]
    public void ListenersAreTold()
    {
        var every = new Recorder();
        var rare = new Recorder();
        var metrics = new List<ImageClassificationTrainer.ImageClassificationMetrics>();
        var data = Training.Data(32);
        Training.Fit(data, Training.Small(o => (o.Progress, o.ProgressInterval) = (every, 1))).Dispose();
        Training
            .Fit(
                data,
                Training.Small(o =>
                {
                    (o.Progress, o.ProgressInterval, o.Epoch) = (rare, 3, 2);
                    o.MetricsCallback = metrics.Add;
                    o.ValidationSet = Training.Data(6, seed: 4);
                })
            )
            .Dispose();
        Assert.HasCount(4 + 1, every.Reports);
        Assert.HasCount(2 + 2, rare.Reports);
        Assert.AreEqual("crossEntropy", every.Reports[0].Terms.Single().Name);
        Assert.HasCount(4, metrics);
        CollectionAssert.AreEqual(
            new[] { "Train", "Validation", "Train", "Validation" },
            metrics.Select(m => m.Train.DatasetUsed.ToString()).ToArray()
        );
        foreach (var metric in metrics)
            Assert.IsInRange(0f, 1f, metric.Train.Accuracy);
        Assert.AreEqual(4, metrics[0].Train.BatchProcessedCount);
        StringAssert.Contains(metrics[0].ToString(), "Accuracy");
    }
}
