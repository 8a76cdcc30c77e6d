using MLNetLosses.Losses;
using MLNetLosses.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Training;

[TestClass]
public sealed class TrainingLoopTests
{
    private static readonly TrainingOptions Short = new()
    {
        Epochs = 4,
        Optimizer = new Sgd { LearningRate = 0.1, Nesterov = true },
        Seed = 5,
    };

    [TestMethod]
    [DataRow("Training(epochs: 6, optimizer: Sgd(learningRate: 0.1, nesterov: true))")]
    [DataRow("Training(epochs: 6, optimizer: AdamW(learningRate: 0.1), averaging: WeightAveraging(decay: 0.9), clipNorm: 1)")]
    [DataRow("Training(epochs: 12, optimizer: RmsProp(learningRate: 0.05), schedule: OneCycle, accumulateBatches: 2)")]
    public void LearnsToTellCloudsApart(string options)
    {
        using var toy = new Toy();
        var recorder = new Recorder();
        var parsed = TrainingOptions.Parse(options);
        var result = TrainingLoop.Run(With(toy.Job(parsed), recorder));
        Assert.AreEqual(StopReason.Completed, result.Reason);
        Assert.AreEqual(parsed.Epochs, result.Epochs);
        Assert.IsGreaterThan(0.95, toy.Validate(default).Values["accuracy"]);
        Assert.IsLessThan(result.History[0].Loss, result.History[^1].Loss);
        Assert.AreEqual(result.Steps, result.History[^1].Step);
        Assert.IsFalse(toy.Network.training);
        Assert.IsTrue(toy.Network.parameters().All(p => p.grad is null));
    }

    [TestMethod]
    public void SameSeedGivesTheSameBytes()
    {
        var options = Short with { Averaging = new(), ClipNorm = 1 };
        CollectionAssert.AreEqual(Train(dropout: 0.5), Train(dropout: 0.5));
        CollectionAssert.AreNotEqual(Train(dropout: 0.5), Train(dropout: 0.4));

        byte[] Train(double dropout)
        {
            using var scope = NewDisposeScope();
            rand(1); // the process-wide generator stands elsewhere
            using var toy = new Toy(dropout: dropout);
            TrainingLoop.Run(toy.Job(options));
            return toy.Weights();
        }
    }

    [TestMethod]
    public void ProcessWideGeneratorIsPutBack()
    {
        using var scope = NewDisposeScope();
        var before = random.get_rng_state();
        using var toy = new Toy(dropout: 0.5);
        before = random.get_rng_state();
        TrainingLoop.Run(toy.Job(Short with { Epochs = 1 }));
        Assert.IsTrue(before.eq(random.get_rng_state()).all().item<bool>());
    }

    [TestMethod]
    public void TensorsAliveDoNotGrow()
    {
        using var toy = new Toy(loss: (CrossEntropyLoss)new() + 0.5 * new CrossEntropyLoss { LabelSmoothing = 0.1 });
        var before = LiveTensors.Settled();
        var alive = new List<long>();
        var recorder = new Recorder(_ => alive.Add(Tensor.TotalCount));
        var options = Short with
        {
            Epochs = 3,
            Averaging = new(),
            ClipNorm = 1,
            EarlyStopping = new() { Patience = 100 },
        };
        TrainingLoop.Run(With(toy.Job(options), recorder, interval: 1));
        Assert.HasCount(3 * 7, alive); // six steps and the end of each epoch
        var (steps, epochs) = (alive.Where((_, i) => i % 7 < 6).Distinct().Count(), alive.Where((_, i) => i % 7 == 6).Distinct().Count());
        Assert.AreEqual(1, steps, string.Join(", ", alive));
        Assert.AreEqual(1, epochs, string.Join(", ", alive));
        Assert.AreEqual(before, Tensor.TotalCount);
    }

    [TestMethod]
    public void ReportsEveryTermTheRateAndTheGradient()
    {
        using var toy = new Toy(loss: (ClassificationLoss)new CrossEntropyLoss() + 0.5 * new CrossEntropyLoss { LabelSmoothing = 0.1 });
        var recorder = new Recorder();
        var result = TrainingLoop.Run(With(toy.Job(Short with { Schedule = new StepSchedule { StepSize = 6 } }), recorder, interval: 3));
        Assert.HasCount(4 * 3, recorder.Reports);
        var step = recorder.Reports[0];
        Assert.AreEqual((1, 4, 3L, 24L), (step.Epoch, step.EpochCount, step.Step, step.StepCount));
        CollectionAssert.AreEqual(new[] { "crossEntropy", "crossEntropy2" }, step.Terms.Select(t => t.Name).ToArray());
        Assert.AreEqual(0.5, step.Terms[1].Weight);
        Assert.AreEqual(step.Loss, step.Terms.Sum(t => t.Weighted), 1e-6);
        Assert.IsGreaterThan(0, step.GradientNorm);
        Assert.IsGreaterThan(0, step.ImagesPerSecond);
        Assert.IsNotNull(step.TimeLeft);
        Assert.IsNull(step.Finished);
        var epoch = recorder.Reports[5];
        Assert.AreEqual(2, epoch.Finished!.Epoch);
        Assert.AreEqual(60, epoch.Finished.Images);
        Assert.AreEqual(0.01, epoch.Finished.LearningRate, 1e-12);
        Assert.AreEqual(epoch.Finished.Metrics!.Score, result.History[1].Metrics!.Score);
        Assert.AreEqual(TimeSpan.Zero, recorder.Reports[^1].TimeLeft);
    }

    [TestMethod]
    public void AccumulatedBatchesAreOneLargeBatch()
    {
        // Without batch statistics, the mean gradient of two batches is that of both together.
        using var halves = new Toy(type: ScalarType.Float64);
        using var whole = new Toy(type: ScalarType.Float64);
        var options = Short with
        {
            Epochs = 1,
            AccumulateBatches = 6,
            Optimizer = new Sgd { LearningRate = 0.1 },
            RestoreBest = false,
        };
        Run(halves, halves, options);
        Run(whole, new OneBatch(whole), options with { AccumulateBatches = 1 });
        var difference = halves.Network.parameters().Zip(whole.Network.parameters(), (a, b) => (a - b).abs().max().item<double>()).Max();
        Assert.IsLessThan(1e-12, difference);

        static void Run(Toy toy, IBatchSource batches, TrainingOptions options)
        {
            using var scope = NewDisposeScope();
            TrainingLoop.Run(
                new()
                {
                    Network = toy.Network,
                    Loss = toy.Loss,
                    Batches = batches,
                    Options = options,
                    Forward = batch =>
                    {
                        toy.Network.eval();
                        return toy.Forward(batch);
                    },
                }
            );
        }
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void ClippingBoundsTheStep(bool byNorm)
    {
        using var toy = new Toy { Change = (_, _, x) => x * 1000 };
        using var scope = NewDisposeScope();
        var before = toy.Network.parameters().Select(p => p.detach().clone()).ToArray();
        var options = Short with
        {
            Epochs = 1,
            Optimizer = new Sgd { LearningRate = 1, Momentum = 0 },
            Schedule = new ConstantSchedule(),
            ClipNorm = byNorm ? 0.01 : null,
            ClipValue = byNorm ? null : 0.01,
            RestoreBest = false,
            AccumulateBatches = 6,
        };
        TrainingLoop.Run(toy.Job(options));
        var moved = before.Zip(toy.Network.parameters(), (a, b) => (a - b).reshape(-1)).ToArray();
        var (norm, largest) = (cat(moved).norm().item<float>(), cat(moved).abs().max().item<float>());
        Assert.AreEqual(0.01, byNorm ? norm : largest, 1e-5);
    }

    [TestMethod]
    public void CancellingStopsWithinOneStepAndKeepsTheBest()
    {
        using var source = new CancellationTokenSource();
        var seen = new List<(int, int)>();
        using var toy = new Toy
        {
            OnBatch = (epoch, index) =>
            {
                seen.Add((epoch, index));
                if ((epoch, index) == (2, 1))
                    source.Cancel();
            },
        };
        var result = TrainingLoop.Run(toy.Job(Short), source.Token);
        Assert.AreEqual(StopReason.Canceled, result.Reason);
        Assert.AreEqual((2, 1), seen[^1]);
        Assert.AreEqual(2, result.Epochs);
        Assert.AreEqual(13, result.Steps);
        Assert.AreEqual(result.BestEpoch, result.KeptEpoch);
        Assert.AreEqual(result.BestMetrics!.Score, toy.Validate(default).Score);
    }

    [TestMethod]
    public void CancelledAtOnceLeavesTheNetworkAsItWas()
    {
        using var toy = new Toy();
        var before = toy.Weights();
        var result = TrainingLoop.Run(toy.Job(Short, validate: false), new CancellationToken(canceled: true));
        Assert.AreEqual((StopReason.Canceled, 0, 0L, (int?)0), (result.Reason, result.Epochs, result.Steps, result.KeptEpoch));
        CollectionAssert.AreEqual(before, toy.Weights());
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void EarlyStoppingRestoresTheBestWeights(bool restore)
    {
        double[] scores = [0.2, 0.6, 0.61, 0.5, 0.4, 0.9];
        var weights = new List<byte[]>();
        using var toy = new Toy();
        var options = Short with
        {
            Epochs = 6,
            RestoreBest = restore,
            EarlyStopping = new() { Patience = 3, MinimumImprovement = 0.1 },
        };
        var job = new TrainingJob
        {
            Network = toy.Network,
            Loss = toy.Loss,
            Batches = toy,
            Forward = toy.Forward,
            Options = options,
            Validate = _ =>
            {
                weights.Add(toy.Weights());
                return new(new Dictionary<string, double> { ["score"] = scores[weights.Count - 1] }, "score");
            },
        };
        var result = TrainingLoop.Run(job);
        Assert.AreEqual(StopReason.EarlyStopped, result.Reason);
        Assert.AreEqual(5, result.Epochs); // 0.61 is no improvement by 0.1
        Assert.AreEqual(3, result.BestEpoch); // and yet the best
        Assert.AreEqual(restore ? 3 : 5, result.KeptEpoch);
        CollectionAssert.AreEqual(weights[restore ? 2 : 4], toy.Weights());
    }

    [TestMethod]
    public void ValidationSeesTheAverageAndTrainingGoesOnWithTheWeights()
    {
        var validated = new List<byte[]>();
        using var toy = new Toy();
        var averaging = new WeightAveraging { Decay = 0.5, Warmup = AveragingWarmup.None };
        var job = new TrainingJob
        {
            Network = toy.Network,
            Loss = toy.Loss,
            Batches = toy,
            Forward = toy.Forward,
            Options = Short with { Averaging = averaging, RestoreBest = false },
            Validate = _ =>
            {
                validated.Add(toy.Weights());
                return toy.Validate(default);
            },
        };
        TrainingLoop.Run(job);
        CollectionAssert.AreEqual(validated[^1], toy.Weights()); // the average is what is kept

        using var plain = new Toy();
        var trained = new List<byte[]>();
        var recorder = new Recorder(p => trained.Add(plain.Weights()));
        TrainingLoop.Run(With(plain.Job(Short with { RestoreBest = false }, validate: false), recorder, interval: 100));
        CollectionAssert.AreNotEqual(trained[^1], validated[^1]);
        using var averaged = new Toy();
        var beside = new List<byte[]>();
        TrainingLoop.Run(
            With(
                averaged.Job(Short with { RestoreBest = false, Averaging = averaging }),
                new Recorder(p => beside.Add(averaged.Weights())),
                interval: 100
            )
        );
        for (var epoch = 0; epoch < trained.Count; epoch++)
            CollectionAssert.AreEqual(trained[epoch], beside[epoch], $"epoch {epoch + 1}");
    }

    [TestMethod]
    public void LossThatIsNotFiniteStopsWithTermStepAndRows()
    {
        using var toy = new Toy(loss: 0.5 * (ClassificationLoss)new CrossEntropyLoss() + new CrossEntropyLoss { LabelSmoothing = 0.1 })
        {
            Change = (epoch, index, x) => (epoch, index) == (1, 2) ? x * float.PositiveInfinity : x,
        };
        var error = Assert.ThrowsExactly<TrainingDivergedException>(() => TrainingLoop.Run(toy.Job(Short)));
        Assert.AreEqual(("crossEntropy", 9L, 2, 3), (error.Term, error.Step, error.Epoch, error.Batch));
        Assert.IsTrue(double.IsNaN(error.Value));
        Assert.HasCount(10, error.Rows);
        StringAssert.Contains(error.Message, "The loss term 'crossEntropy' became NaN in step 9 (epoch 2, batch 3, rows ");
        StringAssert.Contains(error.Message, "). The input holds 40 values that are no finite numbers, in rows ");
    }

    [TestMethod]
    public void WeightsThatExplodeAreNamedAsTheCause()
    {
        using var toy = new Toy();
        var options = Short with
        {
            Optimizer = new Sgd { LearningRate = 1e38 },
            Schedule = new ConstantSchedule(),
        };
        var error = Assert.ThrowsExactly<TrainingDivergedException>(() => TrainingLoop.Run(toy.Job(options)));
        StringAssert.Contains(
            error.Message,
            "30 values that are not finite: the network overflows. Lower the learning rate, clip the gradient"
        );
    }

    [TestMethod]
    public void NaNInTheFirstStepOfAnEpochNamesTheTermToo()
    {
        using var toy = new Toy { Change = (epoch, _, x) => epoch == 1 ? x * float.NaN : x };
        var error = Assert.ThrowsExactly<TrainingDivergedException>(() => TrainingLoop.Run(toy.Job(Short)));
        Assert.AreEqual(("crossEntropy", 7L, 2, 1), (error.Term, error.Step, error.Epoch, error.Batch));
    }

    [TestMethod]
    public void ACombinerLearnsWithTheNetworkAndSeesTheMeans()
    {
        using var scope = NewDisposeScope();
        using var toy = new Toy(loss: (ClassificationLoss)new CrossEntropyLoss() + new CrossEntropyLoss { LabelSmoothing = 0.1 });
        var combiner = new LearnedWeights();
        var recorder = new Recorder();
        TrainingLoop.Run(With(toy.Job(Short), recorder, interval: 6, combiner: combiner));
        Assert.IsTrue(combiner.Weights.gt(1).all().item<bool>()); // the value falls with them
        Assert.HasCount(4, combiner.Means);
        Assert.AreEqual(recorder.Reports[1].Finished!.Terms[1], combiner.Means[0][1]);
        Assert.IsGreaterThan(1, recorder.Reports[^1].Terms[0].Weight);
        Assert.IsTrue(combiner.IsDisposed);
    }

    [TestMethod]
    public void BadTargetsAreFoundInTheFirstStepOfAnEpoch()
    {
        using var toy = new Toy();
        var job = new TrainingJob
        {
            Network = toy.Network,
            Loss = toy.Loss,
            Batches = toy,
            Options = Short,
            Forward = batch => new LossInputs { ["logits"] = toy.Network.call(batch.Input), ["targets"] = batch.Targets["targets"] + 5 },
        };
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => TrainingLoop.Run(job)).Message, "targets");
    }

    [TestMethod]
    public void PlateauLowersTheRate()
    {
        using var toy = new Toy();
        var job = new TrainingJob
        {
            Network = toy.Network,
            Loss = toy.Loss,
            Batches = toy,
            Forward = toy.Forward,
            Options = Short with
            {
                Epochs = 6,
                Schedule = new PlateauSchedule
                {
                    Patience = 1,
                    Factor = 0.5,
                    Minimum = 0.03,
                },
            },
            Validate = _ => new(new Dictionary<string, double> { ["score"] = 1 }, "score"),
        };
        var rates = TrainingLoop.Run(job).History.Select(e => Math.Round(e.LearningRate, 9)).ToArray();
        CollectionAssert.AreEqual(new[] { 0.1, 0.1, 0.1, 0.05, 0.05, 0.03 }, rates);
    }

    [TestMethod]
    public void JobsThatContradictThemselvesAreRefused()
    {
        using var toy = new Toy();
        Refuse<ArgumentException>(toy.Job(Short with { EarlyStopping = new() }, validate: false), "EarlyStopping watches");
        Refuse<ArgumentException>(toy.Job(Short with { ClipNorm = 1, ClipValue = 1 }), "exclude each other");
        Refuse<ArgumentException>(
            toy.Job(
                Short with
                {
                    Optimizer = new Sgd { Momentum = 0, Nesterov = true },
                }
            ),
            "Nesterov needs Momentum"
        );
        Refuse<ArgumentOutOfRangeException>(
            toy.Job(Short with { Schedule = new OneCycleSchedule { TotalSteps = 5 } }),
            "OneCycle ends after 5"
        );
        using var empty = new Toy { BatchCount = 0 };
        Refuse<ArgumentException>(empty.Job(Short), "nothing to learn from");
        foreach (var parameter in toy.Network.parameters())
            parameter.requires_grad = false;
        Refuse<ArgumentException>(toy.Job(Short), "Nothing can be trained");

        static void Refuse<T>(TrainingJob job, string text)
            where T : ArgumentException => StringAssert.Contains(Assert.ThrowsExactly<T>(() => TrainingLoop.Run(job)).Message, text);
    }

    [TestMethod]
    public void NoEpochsOnlyValidate()
    {
        using var toy = new Toy();
        var before = toy.Weights();
        var result = TrainingLoop.Run(toy.Job(Short with { Epochs = 0 }));
        Assert.AreEqual((StopReason.Completed, 0, (int?)0), (result.Reason, result.Epochs, result.KeptEpoch));
        Assert.AreEqual(toy.Validate(default).Score, result.BestMetrics!.Score);
        CollectionAssert.AreEqual(before, toy.Weights());
    }

    internal static TrainingJob With(
        TrainingJob job,
        IProgress<TrainingProgress>? progress,
        int interval = 10,
        CheckpointOptions? checkpoint = null,
        ITermCombiner? combiner = null
    ) =>
        new()
        {
            Network = job.Network,
            Loss = job.Loss,
            Batches = job.Batches,
            Forward = job.Forward,
            Validate = job.Validate,
            Options = job.Options,
            Facts = job.Facts,
            Generators = job.Generators,
            Combiner = combiner ?? job.Combiner,
            Progress = progress,
            ProgressInterval = interval,
            Checkpoint = checkpoint,
        };

    private sealed class LearnedWeights : ITermCombiner
    {
        public LearnedWeights()
        {
            Weights = new TorchSharp.Modules.Parameter(ones(2));
            Learner = nn.ParameterList(Weights);
        }

        public TorchSharp.Modules.Parameter Weights { get; }
        public nn.Module? Learner { get; }
        public List<IReadOnlyList<TrainingTerm>> Means { get; } = [];
        public bool IsDisposed { get; private set; }

        public CombinedLoss Backward(LossValue value, Gradients gradients, LossClock clock)
        {
            var weights = new[] { Weights[0], Weights[1] };
            var total = (weights[0] * value.Terms[0].Value) + (weights[1] * value.Terms[1].Value) - (2 * Weights.sum());
            total.backward();
            return new(total, weights);
        }

        public void EndEpoch(IReadOnlyList<TrainingTerm> means) => Means.Add(means);

        public void Dispose() => IsDisposed = true;
    }

    private sealed class OneBatch(Toy toy) : IBatchSource
    {
        public int BatchCount => 1;

        public IEnumerable<TrainingBatch> Read(int epoch, CancellationToken cancellation)
        {
            var parts = toy.Read(epoch, cancellation).ToArray();
            yield return new(
                cat(parts.Select(p => p.Input).ToArray()).DetachFromDisposeScope(),
                new LossInputs { ["targets"] = cat(parts.Select(p => p.Targets["targets"]).ToArray()).DetachFromDisposeScope() }
            );
            foreach (var part in parts)
                part.Dispose();
        }
    }
}
