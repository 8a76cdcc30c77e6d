using MLNetLosses.Losses;
using MLNetLosses.Networks;
using MLNetLosses.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Training;

[TestClass]
public sealed class CheckpointTests
{
    private static readonly TrainingOptions Everything = new()
    {
        Epochs = 5,
        Optimizer = new AdamW { LearningRate = 0.02, Amsgrad = true },
        Averaging = new() { Decay = 0.9 },
        ClipNorm = 1,
        EarlyStopping = new() { Patience = 3 },
        AccumulateBatches = 4, // one whole step and one of two batches an epoch
        Seed = 3,
    };

    private string folder = "";

    public static IEnumerable<object[]> Trainings =>
        [
            [Everything],
            [
                Everything with
                {
                    Optimizer = new Sgd
                    {
                        LearningRate = 0.1,
                        Nesterov = true,
                        WeightDecay = 1e-3,
                    },
                    Averaging = null,
                },
            ],
            [
                Everything with
                {
                    Optimizer = new RmsProp { Momentum = 0.5 },
                    Schedule = new OneCycleSchedule(),
                    ClipNorm = null,
                    RestoreBest = false,
                },
            ],
            [
                Everything with
                {
                    Schedule = new PlateauSchedule { Patience = 0, MinimumImprovement = 10 },
                    EarlyStopping = null,
                },
            ],
        ];

    [TestInitialize]
    public void MakeFolder() => folder = Directory.CreateTempSubdirectory("checkpoint").FullName;

    [TestCleanup]
    public void DeleteFolder()
    {
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Directory.Delete(folder, recursive: true);
    }

    private string Path => System.IO.Path.Combine(folder, "training.safetensors");

    [TestMethod]
    [DynamicData(nameof(Trainings))]
    public void ResumedTrainingEqualsAnUninterruptedOne(TrainingOptions options)
    {
        var (whole, wholeResult) = Train(options, stopAt: null, resume: false);
        // Interrupted in the middle of the second epoch after the checkpoint, twice.
        var (_, first) = Train(options, stopAt: (2, 3), resume: false);
        Assert.AreEqual(StopReason.Canceled, first.Reason);
        var (_, second) = Train(options, stopAt: (3, 1), resume: true);
        Assert.AreEqual((2, StopReason.Canceled), (second.ResumedFrom, second.Reason));
        var (resumed, result) = Train(options, stopAt: null, resume: true);
        Assert.AreEqual(3, result.ResumedFrom);
        CollectionAssert.AreEqual(whole, resumed);
        Assert.AreEqual((wholeResult.Steps, wholeResult.Epochs, wholeResult.BestEpoch), (result.Steps, result.Epochs, result.BestEpoch));
        CollectionAssert.AreEqual(
            wholeResult.History.Select(e => (e.Loss, e.Metrics!.Score, e.LearningRate)).ToArray(),
            result.History.Select(e => (e.Loss, e.Metrics!.Score, e.LearningRate)).ToArray()
        );
    }

    [TestMethod]
    public void FinishedTrainingIsNotTrainedAgain()
    {
        var (whole, _) = Train(Everything, stopAt: null, resume: false);
        var (again, result) = Train(Everything, stopAt: (0, 0), resume: true);
        Assert.AreEqual((StopReason.Completed, 5), (result.Reason, result.ResumedFrom));
        CollectionAssert.AreEqual(whole, again);
    }

    [TestMethod]
    public void WithoutAFileResumingStartsAnew()
    {
        var (_, result) = Train(Everything with { Epochs = 1 }, stopAt: null, resume: true);
        Assert.AreEqual(0, result.ResumedFrom);
        Assert.IsTrue(File.Exists(Path));
        Assert.AreEqual(3, Checkpoint.SavedSeed(new(Path) { Resume = true }));
        Assert.IsNull(Checkpoint.SavedSeed(new(Path)));
        Assert.IsNull(Checkpoint.SavedSeed(new(Path + "2") { Resume = true }));
    }

    [TestMethod]
    public void WhatALossLearnsRemembersAndDrawsGoesOnToo()
    {
        var (whole, _) = Train(Everything, null, false, stateful: true);
        Train(Everything, (2, 3), false, stateful: true);
        var (resumed, result) = Train(Everything, null, true, stateful: true);
        Assert.AreEqual(2, result.ResumedFrom);
        CollectionAssert.AreEqual(whole, resumed);
        var (stateless, _) = Train(Everything, null, false);
        CollectionAssert.AreNotEqual(stateless, resumed[^stateless.Length..]);
    }

    [TestMethod]
    public void AnotherTrainingIsRefusedWithWhatDiffers()
    {
        Train(Everything with { Epochs = 1 }, null, false, facts: "3");
        Refuse(Everything, "options.epochs was 1 and is 5");
        Refuse(
            Everything with
            {
                Epochs = 1,
                Optimizer = new AdamW { LearningRate = 0.5, Amsgrad = true },
            },
            "options.optimizer.learningRate was 0.02 and is 0.5"
        );
        Refuse(Everything with { Epochs = 1, Averaging = null }, "options.averaging.decay was 0.9 and is not given");
        Refuse(Everything with { Epochs = 1 }, "loss.labelSmoothing was 0 and is 0.1", new CrossEntropyLoss { LabelSmoothing = 0.1 });
        Refuse(Everything with { Epochs = 1 }, "facts.classes was \"3\" and is \"4\"", facts: "4");

        void Refuse(TrainingOptions options, string difference, ClassificationLoss? loss = null, string facts = "3")
        {
            var error = Assert.ThrowsExactly<InvalidDataException>(() => Train(options, null, true, loss, facts));
            StringAssert.Contains(error.Message, difference);
            StringAssert.Contains(error.Message, Path);
        }
    }

    [TestMethod]
    public void AnotherNetworkIsRefusedByNameAndShape()
    {
        Train(Everything with { Epochs = 1 }, null, false);
        using var toy = new Toy();
        using var other = nn.Sequential(("first", nn.Linear(4, 9)), ("last", nn.Linear(9, 3)));
        var job = new TrainingJob
        {
            Network = other,
            Loss = toy.Loss,
            Batches = toy,
            Forward = batch => batch.Targets.With(("logits", other.call(batch.Input))),
            Validate = toy.Validate,
            Options = Everything with { Epochs = 1 },
            Checkpoint = new(Path) { Resume = true },
        };
        var error = Assert.ThrowsExactly<InvalidDataException>(() => TrainingLoop.Run(job));
        StringAssert.Contains(error.Message, "network/first.weight was Float32 [8, 4] and is Float32 [9, 4]");
        StringAssert.Contains(error.Message, "more");
    }

    [TestMethod]
    public void DamagedAndForeignFilesAreRefused()
    {
        Train(Everything with { Epochs = 1 }, null, false);
        var bytes = File.ReadAllBytes(Path);
        File.WriteAllBytes(Path, bytes[..^100]);
        StringAssert.Contains(Refuse(), Path);
        SafetensorsWriter.Write(Path, [new("fc.weight", zeros(2))]);
        StringAssert.Contains(Refuse(), "holds weights only");
        SafetensorsWriter.Write(Path, [], new Dictionary<string, string> { ["mlnetlosses.training"] = "999" });
        StringAssert.Contains(Refuse(), "format 999");

        string Refuse() => Assert.ThrowsExactly<InvalidDataException>(() => Train(Everything with { Epochs = 1 }, null, true)).Message;
    }

    [TestMethod]
    public void AFailingWriteLeavesTheOldFile()
    {
        using var toy = new Toy();
        byte[]? first = null;
        var writes = 0;
        var recorder = new Recorder(progress =>
        {
            if (progress.Finished is { Epoch: 1 })
                first = File.ReadAllBytes(Path);
        });
        var checkpoint = new CheckpointOptions(Path) { Through = stream => ++writes == 2 ? new FullDisk(stream) : stream };
        var error = Assert.ThrowsExactly<IOException>(() =>
            TrainingLoop.Run(TrainingLoopTests.With(toy.Job(Everything), recorder, checkpoint: checkpoint))
        );
        StringAssert.Contains(error.Message, $"The checkpoint '{Path}' could not be written: No space left");
        CollectionAssert.AreEqual(first, File.ReadAllBytes(Path));
        CollectionAssert.AreEqual(new[] { Path }, Directory.GetFileSystemEntries(folder));
        var (_, result) = Train(Everything, null, true);
        Assert.AreEqual(1, result.ResumedFrom);
    }

    [TestMethod]
    public void APlaceThatCannotBeWrittenIsNamedBeforeTraining()
    {
        var seen = 0;
        using var toy = new Toy { OnBatch = (_, _) => seen++ };
        var inTheWay = System.IO.Path.Combine(folder, "file");
        File.WriteAllText(inTheWay, "");
        var job = TrainingLoopTests.With(
            toy.Job(Everything),
            null,
            checkpoint: new(System.IO.Path.Combine(inTheWay, "training.safetensors"))
        );
        var error = Assert.ThrowsExactly<IOException>(() => TrainingLoop.Run(job));
        StringAssert.Contains(error.Message, "training.safetensors' cannot be written");
        Assert.AreEqual(0, seen);
        Assert.ThrowsExactly<ArgumentException>(() =>
            TrainingLoop.Run(TrainingLoopTests.With(toy.Job(Everything), null, checkpoint: new(folder)))
        );
    }

    [TestMethod]
    public void ADivergedTrainingKeepsItsLastCheckpoint()
    {
        using var toy = new Toy { Change = (epoch, index, x) => (epoch, index) == (2, 1) ? x * float.NaN : x };
        var diverged = Assert.ThrowsExactly<TrainingDivergedException>(() =>
            TrainingLoop.Run(TrainingLoopTests.With(toy.Job(Everything), null, checkpoint: new(Path)))
        );
        StringAssert.Contains(diverged.Message, $"The checkpoint of epoch 2 is kept in '{Path}'.");
        var (_, result) = Train(Everything, null, true);
        Assert.AreEqual(2, result.ResumedFrom);
    }

    private (byte[] Weights, TrainingResult Result) Train(
        TrainingOptions options,
        (int Epoch, int Batch)? stopAt,
        bool resume,
        ClassificationLoss? loss = null,
        string? facts = null,
        bool stateful = false
    )
    {
        using var scope = NewDisposeScope();
        using var source = new CancellationTokenSource();
        using var toy = new Toy(dropout: 0.3, loss: loss)
        {
            OnBatch = (epoch, index) =>
            {
                if ((epoch, index) == stopAt)
                    source.Cancel();
            },
        };
        using var generator = new Generator(7, CPU);
        using var state = new LossState(toy.Loss.Context);
        state.AddParameter("scale", ones(1)).AddBuffer("seen", zeros(1));
        if (stateful)
            toy.Loss.register_module("state", state);
        rand(resume ? 3 : 5); // the process-wide generator must not matter
        var job = new TrainingJob
        {
            Network = toy.Network,
            Loss = toy.Loss,
            Batches = toy,
            Forward = batch => stateful ? Disturbed(toy.Forward(batch)) : toy.Forward(batch),
            Validate = toy.Validate,
            Options = options,
            Facts = facts is null ? new Dictionary<string, string>() : new Dictionary<string, string> { ["classes"] = facts },
            Generators = stateful ? new() { ["noise"] = generator } : new Dictionary<string, Generator>(),
            Checkpoint = new(Path) { Resume = resume },
        };
        var result = TrainingLoop.Run(job, source.Token);
        return (toy.Weights(), result);

        // A factor that learns, a counter that matters and noise that is drawn anew in each step.
        LossInputs Disturbed(LossInputs inputs)
        {
            state.Set("seen", state["seen"] + 1);
            var noise = 0.01 * state["seen"] * (state.Normal(inputs["logits"].shape) + randn(inputs["logits"].shape, generator: generator));
            return inputs.With(("logits", (inputs["logits"] * state["scale"]) + noise));
        }
    }

    private sealed class FullDisk(Stream inner) : MemoryStream
    {
        private long written;

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            inner.Write(buffer);
            if ((written += buffer.Length) > 3000)
                throw new IOException("No space left on device");
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));
    }
}
