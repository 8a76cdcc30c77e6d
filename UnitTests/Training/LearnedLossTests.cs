using MLNetLosses.Losses;
using MLNetLosses.Networks;
using MLNetLosses.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Training;

/// <summary>Losses that learn with the network, inside the training loop: their parameters move, are logged, saved and resumed.</summary>
[TestClass]
public sealed class LearnedLossTests
{
    private static readonly TrainingOptions Short = new()
    {
        Epochs = 4,
        Optimizer = new AdamW { LearningRate = 0.02 },
        LossLearningRateFactor = 3,
        AccumulateBatches = 4, // one whole step and one of two batches an epoch
        Seed = 3,
    };

    private readonly string folder = Directory.CreateTempSubdirectory("learned").FullName;

    private string Saved => Path.Combine(folder, "training.safetensors");

    private string Log => Path.Combine(folder, "training.jsonl");

    [TestCleanup]
    public void Delete() => Directory.Delete(folder, recursive: true);

    [TestMethod]
    [DataRow("Adaptive(learnAlpha: true, learnScale: true)", "latentAlpha,latentScale")]
    [DataRow("ImageTextContrastive()", "logitScale")]
    [DataRow("SigmoidImageText()", "logitScale,logitBias")]
    public void WhatALossLearnsMovesAndIsLogged(string text, string parameters)
    {
        using var pairs = new Pairs(Loss.Parse(text));
        var first = pairs.Loss.named_parameters().ToDictionary(p => p.name, p => p.parameter.detach().clone().DetachFromDisposeScope());
        TrainingLoop.Run(pairs.Job(Short with { Epochs = 8 }, new(Saved), Log));
        var steps = TrainingHistory.Read(Log).Steps;
        using var file = TensorFile.Read(Saved);
        foreach (var name in parameters.Split(','))
        {
            using var before = first[$"state.{name}"];
            using var after = pairs.Loss.State![name].detach().clone();
            Assert.IsTrue(after.isfinite().all().item<bool>(), name);
            Assert.IsTrue(after.ne(before).all().item<bool>(), $"{name} stands still");
            var logged = steps.Select(step => step.LossState![name].Values!).ToArray();
            Assert.AreNotEqual(logged[0][0], logged[^1][0], name);
            var last = after.to(ScalarType.Float64).reshape(-1).data<double>().ToArray();
            Assert.HasCount(last.Length, logged[^1], name);
            foreach (var (number, expected) in logged[^1].Zip(last))
                Assert.AreEqual(expected, number, 1e-5 * Math.Abs(expected), $"{name} in the last line of the log");
            Assert.IsTrue(file.Tensors.Keys.Any(key => key.StartsWith("loss/", StringComparison.Ordinal) && key.EndsWith(name)), name);
        }
    }

    [TestMethod]
    [DataRow("Adaptive(learnAlpha: true, learnScale: true)")]
    [DataRow("ImageTextContrastive()")]
    [DataRow("SigmoidImageText()")]
    public void ResumedTrainingEndsWithTheSameBytes(string text)
    {
        byte[] Train((int, int)? stopAt, bool resume)
        {
            using var source = new CancellationTokenSource();
            using var pairs = new Pairs(Loss.Parse(text))
            {
                OnBatch = (epoch, index) =>
                {
                    if ((epoch, index) == stopAt)
                        source.Cancel();
                },
            };
            TrainingLoop.Run(pairs.Job(Short, new(Saved) { Resume = resume }), source.Token);
            return pairs.Weights();
        }
        var whole = Train(null, resume: false);
        var stopped = Train((2, 3), resume: false);
        CollectionAssert.AreNotEqual(whole, stopped);
        CollectionAssert.AreEqual(whole, Train(null, resume: true), text);
    }

    /// <summary>Points, and a noisy linear image of them with outliers: a regression, or two views of the same.</summary>
    private sealed class Pairs : IBatchSource, IDisposable
    {
        private const int Rows = 48;
        private const int BatchSize = 8;
        private readonly Tensor points;
        private readonly Tensor images;
        private readonly TorchSharp.Modules.Linear network = nn.Linear(4, 3);

        public Pairs(Loss loss)
        {
            using var scope = NewDisposeScope();
            using var frozen = no_grad();
            using var generator = new Generator(5, CPU);
            points = randn([Rows, 4], generator: generator).DetachFromDisposeScope();
            var noise = randn([Rows, 3], generator: generator);
            images = (points.mm(randn([4, 3], generator: generator)) + 0.1 * noise.pow(3)).DetachFromDisposeScope();
            network.weight!.copy_(randn([3, 4], generator: generator) * 0.3);
            network.bias!.zero_();
            Loss = loss.Build(new LossContext { EmbeddingSize = 3 });
        }

        public LossFunction Loss { get; }
        public int BatchCount => Rows / BatchSize;

        /// <summary>Called before a batch is given out: epoch and index.</summary>
        public Action<int, int>? OnBatch { get; init; }

        public IEnumerable<TrainingBatch> Read(int epoch, CancellationToken cancellation)
        {
            for (var i = 0; i < BatchCount; i++)
            {
                OnBatch?.Invoke(epoch, i);
                var from = (i + epoch) % BatchCount * BatchSize;
                yield return new(
                    points.narrow(0, from, BatchSize).DetachFromDisposeScope(),
                    new LossInputs { ["targets"] = images.narrow(0, from, BatchSize).DetachFromDisposeScope() }
                );
            }
        }

        public TrainingJob Job(TrainingOptions options, CheckpointOptions checkpoint, string? log = null) =>
            new()
            {
                Network = network,
                Loss = Loss,
                Batches = this,
                Forward = Forward,
                Options = options,
                Checkpoint = checkpoint,
                Monitoring = new() { LogFile = log },
                ProgressInterval = 1,
            };

        private LossInputs Forward(TrainingBatch batch)
        {
            var (output, target) = (network.call(batch.Input), batch.Targets["targets"]);
            return Loss.Definition is RegressionLoss
                ? new() { ["predictions"] = output, ["targets"] = target }
                : new() { ["viewA"] = output, ["viewB"] = target };
        }

        /// <summary>All parameters and buffers of network and loss, as bytes.</summary>
        public byte[] Weights() => Toy.WeightsOf(network, Loss);

        public void Dispose()
        {
            points.Dispose();
            images.Dispose();
            network.Dispose();
            Loss.Dispose();
        }
    }
}
