using System.Reflection;
using Microsoft.ML;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Data;
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
        [nameof(Options.LossWeighting)] = (
            o => o.LossWeighting = new GeometricMeanLoss(),
            o => o.Loss = new CrossEntropyLoss() + new FocalLoss()
        ),
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
        [nameof(Options.LabelColumnName)] = nameof(OptionEffectsTests.ColumnNamesAreUsed),
        [nameof(Options.FeatureColumnName)] = nameof(OptionEffectsTests.ColumnNamesAreUsed),
        [nameof(Options.ImageColumnName)] = nameof(OptionEffectsTests.ColumnNamesAreUsed),
        [nameof(Options.ScoreColumnName)] = nameof(OptionEffectsTests.ColumnNamesAreUsed),
        [nameof(Options.PredictedLabelColumnName)] = nameof(OptionEffectsTests.ColumnNamesAreUsed),
        [nameof(Options.ValidationSet)] = nameof(OptionEffectsTests.ValidationIsMeasuredAndDecides),
        [nameof(Options.MonitoredMetric)] = nameof(OptionEffectsTests.ValidationIsMeasuredAndDecides),
        [nameof(Options.EarlyStoppingCriteria)] = nameof(OptionEffectsTests.ValidationIsMeasuredAndDecides),
        [nameof(Options.RestoreBest)] = nameof(OptionEffectsTests.ValidationIsMeasuredAndDecides),
        [nameof(Options.Weights)] = nameof(TrainerWeightsTests.ZeroEpochsMeasureTheWeightsThatWereLoaded),
        [nameof(Options.LossLearningRateFactor)] = nameof(OptionEffectsTests.TheLossLearnsAtItsOwnPace),
        [nameof(Options.Device)] = nameof(OptionEffectsTests.ADeviceThatIsNotThereIsRefused),
        [nameof(Options.Threads)] = nameof(OptionEffectsTests.ThreadsAndCacheAreTakenAndLogged),
        [nameof(Options.ReaderThreads)] = nameof(OptionEffectsTests.ThreadsAndCacheAreTakenAndLogged),
        [nameof(Options.ImageCacheBytes)] = nameof(OptionEffectsTests.ThreadsAndCacheAreTakenAndLogged),
        [nameof(Options.SkipUndecodableImages)] = nameof(TrainerDataTests.AnUndecodableImageNamesItsRowOrIsSkippedAndCounted),
        [nameof(Options.CheckpointFolder)] = nameof(TrainerRunTests.ACheckpointResumesToTheSameModel),
        [nameof(Options.CheckpointEveryEpochs)] = nameof(OptionEffectsTests.CheckpointsAreWrittenAsOftenAsAsked),
        [nameof(Options.Resume)] = nameof(TrainerRunTests.ACheckpointResumesToTheSameModel),
        [nameof(Options.CancellationToken)] = nameof(TrainerRunTests.CancelledInTheMiddleItKeepsTheBestModelSoFar),
        [nameof(Options.Progress)] = nameof(OptionEffectsTests.ListenersAreTold),
        [nameof(Options.ProgressInterval)] = nameof(OptionEffectsTests.ListenersAreTold),
        [nameof(Options.Diagnosis)] = nameof(TrainerRunTests.FindingsAreWarningsUnlessNothingShallBeDiagnosed),
        [nameof(Options.TrainingLogFile)] = nameof(MonitoringOptionTests.LogReportAndTensorBoardAreWrittenWhereTheOptionsSay),
        [nameof(Options.ReportFile)] = nameof(MonitoringOptionTests.LogReportAndTensorBoardAreWrittenWhereTheOptionsSay),
        [nameof(Options.TensorBoardFolder)] = nameof(MonitoringOptionTests.LogReportAndTensorBoardAreWrittenWhereTheOptionsSay),
        [nameof(Options.MetricsCallback)] = nameof(OptionEffectsTests.ListenersAreTold),
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
        var tests = typeof(OptionsTests)
            .Assembly.GetTypes()
            .Where(type => type.Namespace == typeof(OptionsTests).Namespace)
            .SelectMany(type => type.GetMethods())
            .Where(method => method.GetCustomAttribute<TestMethodAttribute>() is not null)
            .Select(method => method.Name)
            .ToHashSet();
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
            (nameof(Options.LossWeighting), o => o.LossWeighting = new RevisedUncertaintyLoss()),
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
}
