using MLNetLosses.Losses;
using MLNetLosses.Networks;
using MLNetLosses.Training;
using TorchSharp;
using static TorchSharp.torch;
using Linear = TorchSharp.Modules.Linear;

namespace MLNetLosses.UnitTests.Training;

/// <summary>Weightings inside the training loop: each trains, is reported, saved and resumed.</summary>
[TestClass]
public sealed class LossWeightingTests
{
    private static readonly TrainingOptions Short = new()
    {
        Epochs = 4,
        Optimizer = new Sgd { LearningRate = 0.05 },
        AccumulateBatches = 4, // one whole step and one of two batches an epoch
        Seed = 3,
    };

    private static ClassificationLoss TwoTerms => new CrossEntropyLoss() + 0.5 * new FocalLoss();

    public static IEnumerable<object[]> Weightings() =>
        LossCatalog
            .For<LossWeighting>()
            .Where(info => info.Type.Assembly == typeof(LossWeighting).Assembly)
            .Select(info => new object[] { DefinitionSchema.Of(info.Type).CreateInstance().ToString() });

    [TestMethod]
    [DynamicData(nameof(Weightings))]
    public void EachTrainsAndIsReported(string text)
    {
        using var scope = NewDisposeScope();
        using var toy = new Toy(loss: TwoTerms);
        var recorder = new Recorder();
        var options = Short with { Epochs = 20, AccumulateBatches = 1, LossWeighting = Loss.Parse<LossWeighting>(text) };
        Assert.AreEqual(options, TrainingOptions.Parse(options.ToString()));
        var before = toy.Validate(default).Values["loss"];
        var result = TrainingLoop.Run(TrainingLoopTests.With(toy.Job(options), recorder, interval: 3));
        Assert.IsLessThan(0.5 * before, toy.Validate(default).Values["loss"], text);
        Assert.IsTrue(recorder.Reports.All(r => r.Terms.All(t => double.IsFinite(t.Weight) && t.Weight >= 0)), text);
        Assert.HasCount(20, result.History);
    }

    [TestMethod]
    [DynamicData(nameof(Weightings))]
    public void EachResumesToTheSameBytes(string text)
    {
        var folder = Directory.CreateTempSubdirectory("weighting").FullName;
        try
        {
            var path = Path.Combine(folder, "training.safetensors");
            var options = Short with { LossWeighting = Loss.Parse<LossWeighting>(text) };
            byte[] Train(int? stopAt, bool resume)
            {
                using var scope = NewDisposeScope();
                using var cancel = new CancellationTokenSource();
                using var toy = new Toy(loss: TwoTerms)
                {
                    OnBatch = (epoch, index) =>
                    {
                        if (epoch == stopAt && index == 3)
                            cancel.Cancel();
                    },
                };
                var job = TrainingLoopTests.With(toy.Job(options), null, checkpoint: new(path) { Resume = resume });
                TrainingLoop.Run(job, cancel.Token);
                return toy.Weights();
            }
            var whole = Train(null, resume: false);
            var state = Remembered(path);
            Train(2, resume: false);
            CollectionAssert.AreEqual(whole, Train(null, resume: true), text);
            CollectionAssert.AreEqual(state, Remembered(path), text);
            if (options.LossWeighting is HomoscedasticUncertaintyLoss or CoefficientOfVariationLoss or GradNormLoss or RandomWeightingLoss)
                Assert.AreNotEqual(0, state.Length, text);
            using var toy = new Toy(loss: TwoTerms);
            var other = TrainingLoopTests.With(toy.Job(Short), null, checkpoint: new(path) { Resume = true });
            var error = Assert.ThrowsExactly<InvalidDataException>(() => TrainingLoop.Run(other));
            StringAssert.Contains(error.Message, "options.lossWeighting");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // What a checkpoint keeps of the weighting: names and numbers.
    private static string[] Remembered(string path)
    {
        using var file = TensorFile.Read(path);
        return
        [
            .. file
                .Tensors.Where(t => t.Key.Contains("weighting/", StringComparison.Ordinal))
                .OrderBy(t => t.Key, StringComparer.Ordinal)
                .Select(t =>
                {
                    using var tensor = t.Value.ToTensor();
                    return $"{t.Key}: {Convert.ToHexString(tensor.bytes)}";
                }),
        ];
    }

    [TestMethod]
    public void FixedWeightsAreThePlainSum()
    {
        var plain = Weights(new CrossEntropyLoss() + 0.5 * new FocalLoss(), null);
        var weighed = Weights((ClassificationLoss)new CrossEntropyLoss() + new FocalLoss(), new FixedWeightsLoss { Weights = [1, 0.5] });
        AssertClose(plain, weighed);
    }

    [TestMethod]
    public void WithoutConflictProjectionIsThePlainSumAlsoOverAccumulatedBatches()
    {
        // Both terms are the same: never a conflict.
        var loss = new CrossEntropyLoss() + 0.5 * new CrossEntropyLoss();
        AssertClose(Weights(loss, null), Weights(loss, new ProjectConflictingGradientsLoss()));
    }

    [TestMethod]
    public void TermsOfWeightZeroAreReportedAndNoTasks()
    {
        var loss = new CrossEntropyLoss() + 0.0 * new PolyLoss() + new FocalLoss();
        using var scope = NewDisposeScope();
        using var toy = new Toy(loss: loss);
        var recorder = new Recorder();
        var options = Short with { LossWeighting = new FixedWeightsLoss { Weights = [3, 2] } };
        TrainingLoop.Run(TrainingLoopTests.With(toy.Job(options), recorder, interval: 1));
        CollectionAssert.AreEqual(new[] { 3.0, 0, 2 }, recorder.Reports[^1].Terms.Select(t => t.Weight).ToArray());
        Assert.IsGreaterThan(0, recorder.Reports[^1].Terms[1].Value);
    }

    [TestMethod]
    public void LearnedVariancesMoveAndTheirWeightsAreReported()
    {
        using var scope = NewDisposeScope();
        using var toy = new Toy(loss: TwoTerms);
        var recorder = new Recorder();
        var options = Short with { Epochs = 30, LossWeighting = new RevisedUncertaintyLoss(), LossLearningRateFactor = 5 };
        TrainingLoop.Run(TrainingLoopTests.With(toy.Job(options), recorder, interval: 1));
        Assert.AreEqual(0.5, recorder.Reports[0].Terms[0].Weight, 1e-6); // exp(-0) / 2
        Assert.AreEqual(0.25, recorder.Reports[0].Terms[1].Weight, 1e-6); // the sum's weight multiplies it
        Assert.IsGreaterThan(0.6, recorder.Reports[^1].Terms[0].Weight); // the loss has become small
    }

    [TestMethod]
    public void AHeadOfOneTermKeepsItsGradientAndTheTrunkGetsTheRule()
    {
        using var scope = NewDisposeScope();
        using var two = new TwoHeads();
        var (reconstruction, divergence) = two.Gradients();
        var options = new TrainingOptions
        {
            Epochs = 1,
            Optimizer = new Sgd { LearningRate = 1, Momentum = 0 },
            Schedule = new ConstantSchedule(),
            LossWeighting = new MultipleGradientDescentLoss(),
        };
        var before = two.Parameters();
        TrainingLoop.Run(two.Job(options));
        var after = two.Parameters();
        var shared = stack([reconstruction["trunk"].flatten(), divergence["trunk"].flatten()]);
        using var rule = new MultipleGradientDescentLoss().Build();
        var expected = rule.CombineGradients(shared).reshape(before["trunk"].shape);
        AssertEqual(before["trunk"] - expected, after["trunk"]);
        AssertEqual(before["image"] - reconstruction["image"], after["image"]);
        AssertEqual(before["latent"] - divergence["latent"], after["latent"]);
    }

    [TestMethod]
    public void GradNormMeasuresAtTheLastLayerThatAllTermsReach()
    {
        using var scope = NewDisposeScope();
        using var two = new TwoHeads();
        var (reconstruction, divergence) = two.Gradients();
        var options = new TrainingOptions
        {
            Epochs = 1,
            Optimizer = new Sgd { LearningRate = 0.1, Momentum = 0 },
            Schedule = new ConstantSchedule(),
            LossWeighting = new GradNormLoss { Alpha = 0 },
        };
        var before = two.Parameters();
        TrainingLoop.Run(two.Job(options));
        // The first step's weights are 1: the network moves along the plain sum.
        AssertEqual(before["trunk"] - 0.1 * (reconstruction["trunk"] + divergence["trunk"]), two.Parameters()["trunk"]);
        using var wrong = new TwoHeads();
        var error = Assert.ThrowsExactly<ArgumentException>(() =>
            TrainingLoop.Run(wrong.Job(options with { LossWeighting = new GradNormLoss { SharedLayer = "image.weight" } }))
        );
        StringAssert.Contains(error.Message, "trunk.weight");
    }

    [TestMethod]
    public void GradNormEvensTheNormsOut()
    {
        using var scope = NewDisposeScope();
        using var two = new TwoHeads { Repeat = 200 };
        var recorder = new Recorder();
        var options = new TrainingOptions
        {
            Epochs = 1,
            Optimizer = new Sgd { LearningRate = 0.01, Momentum = 0 },
            Schedule = new ConstantSchedule(),
            LossWeighting = new GradNormLoss { Alpha = 0 },
        };
        TrainingLoop.Run(TrainingLoopTests.With(two.Job(options), recorder, interval: 1));
        var weights = recorder.Reports[^1].Terms.Select(t => t.Weight).ToArray();
        Assert.AreEqual(2, weights.Sum(), 1e-5);
        var (reconstruction, divergence) = two.Gradients();
        var first = weights[0] * reconstruction["trunk"].norm().item<float>();
        var second = weights[1] * divergence["trunk"].norm().item<float>();
        var plain = reconstruction["trunk"].norm().item<float>() / divergence["trunk"].norm().item<float>();
        Assert.IsLessThan(Math.Abs(Math.Log(plain)), Math.Abs(Math.Log(first / second)));
    }

    [TestMethod]
    public void WhatCannotBeCombinedIsRefused()
    {
        using var scope = NewDisposeScope();
        Refused(new CrossEntropyLoss(), new GeometricMeanLoss(), "terms of a sum");
        Refused(new CrossEntropyLoss() + 0.0 * new FocalLoss(), new GeometricMeanLoss(), "terms of a sum");
        Refused(TwoTerms, new FixedWeightsLoss { Weights = [1, 2, 3] }, "3 tasks");

        static void Refused(ClassificationLoss loss, LossWeighting weighting, string message)
        {
            using var toy = new Toy(loss: loss);
            var error = Assert.ThrowsExactly<ArgumentException>(() => TrainingLoop.Run(toy.Job(Short with { LossWeighting = weighting })));
            StringAssert.Contains(error.Message, message);
        }
    }

    private static Tensor Weights(ClassificationLoss loss, LossWeighting? weighting)
    {
        using var toy = new Toy(loss: loss);
        TrainingLoop.Run(toy.Job(Short with { LossWeighting = weighting }, validate: false));
        return cat([.. toy.Network.parameters().Select(p => p.detach().flatten())]);
    }

    private static void AssertClose(Tensor expected, Tensor actual)
    {
        using (expected)
        using (actual)
            AssertEqual(expected, actual);
    }

    private static void AssertEqual(Tensor expected, Tensor actual) =>
        Assert.AreEqual(0, (expected - actual).abs().max().item<float>(), 2e-5);

    /// <summary>A trunk with a head for images and one for a latent space: two terms with inputs of their own.</summary>
    private sealed class TwoHeads : IBatchSource, IDisposable
    {
        private readonly Linear trunk = nn.Linear(4, 6, hasBias: false);
        private readonly Linear image = nn.Linear(6, 4, hasBias: false);
        private readonly Linear latent = nn.Linear(6, 3, hasBias: false);
        private readonly Trunk network;
        private readonly LossFunction loss;
        private readonly Tensor points;

        public TwoHeads()
        {
            using var generator = new Generator(5, CPU);
            using var frozen = no_grad();
            foreach (var parameter in new[] { trunk.weight!, image.weight!, latent.weight! })
                parameter.copy_(randn(parameter.shape, generator: generator));
            points = randn([8, 4], generator: generator).DetachFromDisposeScope();
            network = new Trunk(trunk, image, latent);
            loss = (new MeanSquaredErrorLoss() + (GenerationLoss)new KullbackLeiblerGaussianLoss()).Build();
        }

        public int Repeat { get; init; } = 1;
        public int BatchCount => Repeat;

        public IEnumerable<TrainingBatch> Read(int epoch, CancellationToken cancellation) =>
            Enumerable.Range(0, Repeat).Select(_ => new TrainingBatch(points.clone().DetachFromDisposeScope(), []));

        public TrainingJob Job(TrainingOptions options) =>
            new()
            {
                Network = network,
                Loss = loss,
                Batches = this,
                Forward = batch => Inputs(batch.Input),
                Options = options,
            };

        public Dictionary<string, Tensor> Parameters() =>
            network.named_parameters().ToDictionary(p => p.name.Split('.')[0], p => p.parameter.detach().clone());

        public (Dictionary<string, Tensor> First, Dictionary<string, Tensor> Second) Gradients() => (Gradient(0), Gradient(1));

        private Dictionary<string, Tensor> Gradient(int term)
        {
            network.zero_grad();
            loss.EvaluateTerms(Inputs(points)).Terms[term].Value.backward();
            var gradients = network
                .named_parameters()
                .ToDictionary(p => p.name.Split('.')[0], p => p.parameter.grad?.clone() ?? zeros_like(p.parameter).detach());
            foreach (var parameter in network.parameters())
                parameter.grad = null;
            return gradients;
        }

        private LossInputs Inputs(Tensor input)
        {
            var features = trunk.call(input).tanh();
            var means = latent.call(features);
            return new()
            {
                ["predictions"] = image.call(features),
                ["targets"] = input,
                ["means"] = means,
                ["logVariances"] = zeros_like(means).detach(),
            };
        }

        public void Dispose()
        {
            network.Dispose();
            loss.Dispose();
            points.Dispose();
        }

        private sealed class Trunk : nn.Module
        {
            private readonly Linear trunk;
            private readonly Linear image;
            private readonly Linear latent;

            public Trunk(Linear trunk, Linear image, Linear latent)
                : base(nameof(Trunk))
            {
                (this.trunk, this.image, this.latent) = (trunk, image, latent);
                RegisterComponents();
            }
        }
    }
}
