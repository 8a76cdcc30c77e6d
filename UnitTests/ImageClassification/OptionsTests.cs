using System.Reflection;
using Microsoft.ML;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Data;
using MLNetLosses.Interop;
using MLNetLosses.Losses;
using MLNetLosses.Networks;
using MLNetLosses.Training;
using Options = MLNetLosses.ImageClassificationTrainer.Options;

namespace MLNetLosses.UnitTests.ImageClassification;

/// <summary>
/// Every option of the trainer does something: it changes the model, changes what is seen of the training, or is refused.
/// </summary>
[TestClass]
public class OptionsTests
{
    /// <summary>
    /// By option: a change that must give another model, and changes that every option here has in common to make it visible.
    /// </summary>
    private static readonly Dictionary<string, (Action<Options> Change, Action<Options>? Both)> ChangesTheModel = new()
    {
        [nameof(Options.ExampleWeightColumnName)] = (o => o.ExampleWeightColumnName = "Weight", null),
        [nameof(Options.Loss)] = (o => o.Loss = new CrossEntropyLoss { LabelSmoothing = 0.2 }, null),
        [nameof(Options.ClassWeights)] = (o => o.ClassWeights = ClassWeights.Of(5, 1, 1), null),
        [nameof(Options.SampleOrder)] = (o => o.SampleOrder = SampleOrder.Sequential, null),
        [nameof(Options.Backbone)] = (o => o.Backbone = Backbone.ShuffleNetV2X05, null),
        [nameof(Options.FrozenLayerGroups)] = (o => o.FrozenLayerGroups = 2, null),
        [nameof(Options.LayerLearningRateDecay)] = (o => o.LayerLearningRateDecay = 0.5, null),
        [nameof(Options.ImageSize)] = (o => o.ImageSize = 24, null),
        [nameof(Options.Preprocessing)] = (
            o =>
                (o.ImageSize, o.Preprocessing) = (
                    null,
                    new()
                    {
                        Width = 16,
                        Height = 16,
                        Mean = [0.1, 0.2, 0.3],
                    }
                ),
            null
        ),
        [nameof(Options.Augmentation)] = (o => o.Augmentation = Augmentation.Strong, null),
        [nameof(Options.Epoch)] = (o => o.Epoch = 2, null),
        [nameof(Options.MaxEpoch)] = (o => o.MaxEpoch = 2, null),
        [nameof(Options.BatchSize)] = (o => o.BatchSize = 4, null),
        [nameof(Options.AccumulateBatches)] = (o => o.AccumulateBatches = 2, null),
        [nameof(Options.DropLastBatch)] = (o => o.DropLastBatch = false, o => o.BatchSize = 7),
        [nameof(Options.Optimizer)] = (o => o.Optimizer = new Sgd { Momentum = 0.9 }, null),
        [nameof(Options.LearningRate)] = (o => o.LearningRate = 0.02, null),
        [nameof(Options.Schedule)] = (o => o.Schedule = new CosineSchedule(), null),
        [nameof(Options.WeightAveraging)] = (o => o.WeightAveraging = new(), null),
        [nameof(Options.GradientClipNorm)] = (o => o.GradientClipNorm = 0.01, o => o.Optimizer = new Sgd()),
        [nameof(Options.GradientClipValue)] = (o => o.GradientClipValue = 0.001, o => o.Optimizer = new Sgd()),
        [nameof(Options.Seed)] = (o => o.Seed = 99, null),
        [nameof(Options.ValidationSetFraction)] = (o => o.ValidationSetFraction = 0.4, null),
    };

    /// <summary>Options whose effect is seen elsewhere: by the test that is named.</summary>
    private static readonly Dictionary<string, string> SeenElsewhere = new()
    {
        [nameof(Options.LabelColumnName)] = nameof(ColumnNamesAreUsed),
        [nameof(Options.FeatureColumnName)] = nameof(ColumnNamesAreUsed),
        [nameof(Options.ImageColumnName)] = nameof(ColumnNamesAreUsed),
        [nameof(Options.ScoreColumnName)] = nameof(ColumnNamesAreUsed),
        [nameof(Options.PredictedLabelColumnName)] = nameof(ColumnNamesAreUsed),
        [nameof(Options.ValidationSet)] = nameof(ValidationIsMeasuredAndDecides),
        [nameof(Options.MonitoredMetric)] = nameof(ValidationIsMeasuredAndDecides),
        [nameof(Options.EarlyStoppingCriteria)] = nameof(ValidationIsMeasuredAndDecides),
        [nameof(Options.RestoreBest)] = nameof(ValidationIsMeasuredAndDecides),
        [nameof(Options.Weights)] = nameof(TrainerTests.ZeroEpochsMeasureTheWeightsThatWereLoaded),
        [nameof(Options.LossLearningRateFactor)] = nameof(TheLossLearnsAtItsOwnPace),
        [nameof(Options.Device)] = nameof(ADeviceThatIsNotThereIsRefused),
        [nameof(Options.Threads)] = nameof(ThreadsAndCacheAreTakenAndLogged),
        [nameof(Options.ReaderThreads)] = nameof(ThreadsAndCacheAreTakenAndLogged),
        [nameof(Options.ImageCacheBytes)] = nameof(ThreadsAndCacheAreTakenAndLogged),
        [nameof(Options.SkipUndecodableImages)] = nameof(TrainerTests.AnUndecodableImageNamesItsRowOrIsSkippedAndCounted),
        [nameof(Options.CheckpointFolder)] = nameof(TrainerTests.ACheckpointResumesToTheSameModel),
        [nameof(Options.CheckpointEveryEpochs)] = nameof(CheckpointsAreWrittenAsOftenAsAsked),
        [nameof(Options.Resume)] = nameof(TrainerTests.ACheckpointResumesToTheSameModel),
        [nameof(Options.CancellationToken)] = nameof(TrainerTests.CancelledInTheMiddleItKeepsTheBestModelSoFar),
        [nameof(Options.Progress)] = nameof(ListenersAreTold),
        [nameof(Options.ProgressInterval)] = nameof(ListenersAreTold),
        [nameof(Options.MetricsCallback)] = nameof(ListenersAreTold),
    };

    private static readonly Dictionary<string, byte[]> Unchanged = [];

    private static IDataView Weighted()
    {
        var rows = DrawnImages.Bytes(24);
        for (var i = 0; i < rows.Count; i++)
            rows[i].Weight = 1 + i % 5;
        return DrawnImages.Keyed(Training.Context(), rows);
    }

    [TestMethod]
    public void EveryOptionIsTestedHere()
    {
        var tested = ChangesTheModel.Keys.Concat(SeenElsewhere.Keys).ToHashSet();
        var options = typeof(Options).GetProperties(BindingFlags.Public | BindingFlags.Instance).Select(p => p.Name).ToArray();
        CollectionAssert.AreEquivalent(options, tested.ToArray());
        var tests = typeof(OptionsTests).GetMethods().Concat(typeof(TrainerTests).GetMethods()).Select(m => m.Name).ToHashSet();
        foreach (var (option, test) in SeenElsewhere)
            Assert.IsTrue(tests.Contains(test), $"{option}: there is no test {test}.");
    }

    public static IEnumerable<object[]> Options1 => ChangesTheModel.Keys.Select(name => new object[] { name });

    [TestMethod]
    [DynamicData(nameof(Options1))]
    public void TheOptionChangesTheModel(string name)
    {
        var (change, both) = ChangesTheModel[name];
        var data = Weighted();
        var before = both is null && Unchanged.TryGetValue("", out var known) ? known : Training.Weights(data, Training.Small(both));
        if (both is null)
            Unchanged[""] = before;
        var after = Training.Weights(
            data,
            Training.Small(o =>
            {
                both?.Invoke(o);
                change(o);
            })
        );
        CollectionAssert.AreNotEqual(before, after);
    }

    public static IEnumerable<object[]> Refused =>
        new (string, Action<Options>)[]
        {
            (nameof(Options.LabelColumnName), o => o.LabelColumnName = ""),
            (nameof(Options.FeatureColumnName), o => o.FeatureColumnName = null!),
            (nameof(Options.ScoreColumnName), o => o.ScoreColumnName = " "),
            (nameof(Options.PredictedLabelColumnName), o => o.PredictedLabelColumnName = o.ScoreColumnName),
            (nameof(Options.ExampleWeightColumnName), o => o.ExampleWeightColumnName = ""),
            (nameof(Options.ValidationSetFraction), o => o.ValidationSetFraction = 0),
            (nameof(Options.ValidationSetFraction), o => o.ValidationSetFraction = 1),
            (nameof(Options.ValidationSetFraction), o => o.ValidationSetFraction = double.NaN),
            (nameof(Options.Loss), o => o.Loss = null!),
            (nameof(Options.SampleOrder), o => o.SampleOrder = (SampleOrder)77),
            (nameof(Options.Backbone), o => o.Backbone = (Backbone)77),
            (nameof(Options.Weights), o => o.Weights = ""),
            (nameof(Options.FrozenLayerGroups), o => o.FrozenLayerGroups = -1),
            (nameof(Options.LayerLearningRateDecay), o => o.LayerLearningRateDecay = 0),
            (nameof(Options.LayerLearningRateDecay), o => o.LayerLearningRateDecay = 1.5),
            (nameof(Options.ImageSize), o => o.ImageSize = 0),
            (nameof(Options.ImageSize), o => o.ImageSize = 100_000),
            (nameof(Options.Preprocessing), o => o.Preprocessing = new() { Width = 16, Height = 16 }),
            (nameof(Options.Augmentation), o => o.Augmentation = null!),
            (nameof(Options.Epoch), o => o.Epoch = -1),
            (nameof(Options.BatchSize), o => o.BatchSize = 0),
            (nameof(Options.AccumulateBatches), o => o.AccumulateBatches = 0),
            (nameof(Options.Optimizer), o => o.Optimizer = null!),
            (nameof(Options.LearningRate), o => o.LearningRate = double.NaN),
            (nameof(Options.LearningRate), o => o.LearningRate = -1),
            (nameof(Options.LearningRate), o => o.LearningRate = double.PositiveInfinity),
            (nameof(Options.Schedule), o => o.Schedule = null!),
            (nameof(Options.LossLearningRateFactor), o => o.LossLearningRateFactor = -1),
            (nameof(Options.GradientClipNorm), o => o.GradientClipNorm = 0),
            (nameof(Options.GradientClipValue), o => o.GradientClipValue = -1),
            (nameof(Options.GradientClipValue), o => (o.GradientClipNorm, o.GradientClipValue) = (1, 1)),
            (nameof(Options.MonitoredMetric), o => o.MonitoredMetric = (ClassificationMetric)9),
            (nameof(Options.Device), o => o.Device = "tpu"),
            (nameof(Options.Threads), o => o.Threads = 0),
            (nameof(Options.ReaderThreads), o => o.ReaderThreads = 0),
            (nameof(Options.ImageCacheBytes), o => o.ImageCacheBytes = -1),
            (nameof(Options.CheckpointFolder), o => o.CheckpointFolder = ""),
            (nameof(Options.CheckpointEveryEpochs), o => o.CheckpointEveryEpochs = 0),
            (nameof(Options.Resume), o => o.Resume = true),
            (nameof(Options.ProgressInterval), o => o.ProgressInterval = 0),
        }.Select(pair => new object[] { pair.Item1, pair.Item2 });

    [TestMethod]
    [DynamicData(nameof(Refused))]
    public void AValueThatCannotBeUsedIsRefusedByName(string name, object change)
    {
        var trainers = Training.Context().MulticlassClassification.Trainers;
        var error = Assert.ThrowsExactly<ArgumentException>(() => trainers.ImageClassification(Training.Small((Action<Options>)change)));
        StringAssert.Contains(error.Message, name);
    }

    [TestMethod]
    public void EverythingThatIsWrongIsSaidAtOnce()
    {
        var trainers = Training.Context().MulticlassClassification.Trainers;
        var error = Assert.ThrowsExactly<ArgumentException>(() =>
            trainers.ImageClassification(Training.Small(o => (o.BatchSize, o.LearningRate, o.Device) = (0, double.NaN, "tpu")))
        );
        foreach (var name in new[] { "3 options", "BatchSize", "LearningRate", "Device" })
            StringAssert.Contains(error.Message, name);
    }

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
        StringAssert.Contains(text, "computes with 1 threads");
        StringAssert.Contains(text, "3 threads read images");
        StringAssert.Contains(text, "5 of 16 training images are kept decoded");
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
