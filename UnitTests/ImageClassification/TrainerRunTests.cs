using Microsoft.ML;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Data;
using MLNetLosses.Losses;
using MLNetLosses.Training;

namespace MLNetLosses.UnitTests.ImageClassification;

/// <summary>How a training is stopped, interrupted, resumed and told of.</summary>
[TestClass]
public class TrainerRunTests
{
    /// <summary>A class that is never predicted is found, told to the log of the context, and not looked for when nobody wants to know.</summary>
    [TestMethod]
    public void FindingsAreWarningsUnlessNothingShallBeDiagnosed()
    {
        List<string> Warnings(bool diagnosis, out List<Finding> found, out string log)
        {
            using var images = new DrawnImages();
            var (context, lines, all) = (Training.Context(), new List<string>(), new List<Finding>());
            context.Log += (_, message) =>
            {
                if (
                    message.Kind == Microsoft.ML.Runtime.ChannelMessageKind.Warning
                    && message.Source.EndsWith(TrainerOptions.ProgressChannel, StringComparison.Ordinal)
                )
                    lines.Add(message.RawMessage);
            };
            var path = Path.Combine(images.Folder, "training.jsonl");
            var options = Training.Small(o =>
            {
                (o.Epoch, o.ProgressInterval, o.LearningRate, o.ValidationSet) = (12, 1, 1e-9, Training.Data(9, seed: 2));
                (o.Diagnosis, o.TrainingLogFile, o.Loss) = (diagnosis, path, new CrossEntropyLoss() + 0.5 * new FocalLoss());
                o.Progress = new Recorder { OnReport = progress => all.AddRange(progress.Findings) };
            });
            Training.Fit(Training.Data(40), options, context).Dispose();
            (found, log) = (all, File.ReadAllText(path));
            return lines;
        }

        var told = Warnings(true, out var found, out var watched);
        Assert.IsNotEmpty(found);
        foreach (var finding in found.Where(f => f.State != FindingState.Over))
            Assert.IsTrue(told.Any(line => line.Contains(finding.Evidence) && line.Contains(finding.Advice)), finding.Title);
        StringAssert.Contains(watched, "updateRatio");
        Assert.IsEmpty(Warnings(false, out var none, out var unwatched));
        Assert.IsEmpty(none);
        Assert.DoesNotContain("updateRatio", unwatched);
        Assert.DoesNotContain("gradientCosines", unwatched);
    }

    /// <summary>What a listener is told comes to the log in a channel of its own, and nothing else does.</summary>
    [TestMethod]
    public void WhatProgressTellsHasItsChannelInTheLog()
    {
        var (context, progress, others) = (Training.Context(), new List<string>(), new List<string>());
        context.Log += (_, message) =>
        {
            if (message.Kind >= Microsoft.ML.Runtime.ChannelMessageKind.Info && message.Source.StartsWith("ImageClassification"))
                (message.Source.EndsWith($"; {TrainerOptions.ProgressChannel}") ? progress : others).Add(message.RawMessage);
        };
        Training.Fit(Training.Data(9), Training.Small(o => o.Epoch = 2), context).Dispose();
        CollectionAssert.AreEqual((string[])["Epoch 1 of 2", "Epoch 2 of 2"], progress.Select(line => line.Split(':')[0]).ToArray());
        Assert.IsTrue(others.Any(line => line.StartsWith("The seed is", StringComparison.Ordinal)));
        Assert.IsFalse(others.Any(line => line.StartsWith("Epoch", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void NotANumberIsToldWithItsOriginInTheLogAndTheError()
    {
        var (context, warnings, told) = (Training.Context(), new List<string>(), new List<Finding>());
        context.Log += (_, message) =>
        {
            if (message.Kind == Microsoft.ML.Runtime.ChannelMessageKind.Warning)
                warnings.Add(message.RawMessage);
        };
        var error = Assert.ThrowsExactly<TrainingDivergedException>(() =>
            Training.Fit(
                Training.Data(24),
                Training.Small(o =>
                {
                    (o.Epoch, o.LearningRate, o.Optimizer, o.Schedule) = (3, 1e38, new Sgd(), new ConstantSchedule());
                    o.Progress = new Recorder { OnReport = progress => told.AddRange(progress.Findings) };
                }),
                context
            )
        );
        var origin = told.Single(f => f.Kind == FindingKind.NotANumber);
        Assert.AreEqual(origin, error.Origin);
        StringAssert.EndsWith(origin.Evidence, "the network overflows.");
        StringAssert.Contains(error.Message, "the network overflows. Lower");
        StringAssert.Contains(error.Message, origin.Advice);
        Assert.IsTrue(warnings.Any(line => line.Contains(origin.Evidence)), string.Join('\n', warnings));
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
    [DataRow("CrossEntropy", null)]
    [DataRow("CrossEntropy() + 0.5 * Focal()", "HomoscedasticUncertainty")]
    [DataRow("CrossEntropy() + 0.5 * Focal()", "GradNorm")]
    [DataRow("CrossEntropy() + 0.5 * Focal()", "ProjectConflictingGradients")]
    [DataRow("CrossEntropy() + 0.5 * Focal()", "DynamicWeightAverage")]
    public void ACheckpointResumesToTheSameModel(string loss, string? weighting)
    {
        var data = Training.Data(24);
        using var folder = new DrawnImages();
        var options = Training.Small(o =>
        {
            o.Loss = Loss.Parse<ClassificationLoss>(loss);
            o.LossWeighting = weighting is null ? null : Loss.Parse<LossWeighting>(weighting);
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
    public void ATrainingWithoutASeedResumesWithTheOneThatItDrew()
    {
        using var folder = new DrawnImages();
        var seeds = new List<string>();
        TrainingResult Train(bool resume, int? stopAfter)
        {
            var context = new MLContext();
            context.Log += (_, e) => seeds.AddRange(e.Message.Split('\n').Where(line => line.Contains("The seed is")));
            using var source = new CancellationTokenSource();
            var options = Training.Small(o =>
            {
                (o.Epoch, o.CheckpointFolder, o.Resume, o.CancellationToken) = (3, folder.Folder, resume, source.Token);
                o.Progress = new Recorder
                {
                    OnReport = progress =>
                    {
                        if (progress.Finished?.Epoch == stopAfter)
                            source.Cancel();
                    },
                };
            });
            using var model = Training.Fit(Training.Data(16), options, context);
            return model.Summary;
        }
        Train(resume: false, stopAfter: 1);
        var resumed = Train(resume: true, stopAfter: null);
        Assert.AreEqual((1, 3), (resumed.ResumedFrom, resumed.Epochs));
        Train(resume: false, stopAfter: 1);
        Assert.HasCount(3, seeds);
        Assert.AreEqual(seeds[0], seeds[1]);
        Assert.AreNotEqual(seeds[0], seeds[2]);
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
}
