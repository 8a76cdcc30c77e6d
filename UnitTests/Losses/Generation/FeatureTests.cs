using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.Generation;

/// <summary>Losses on the features of a network that they hold.</summary>
[TestClass]
public class FeatureTests
{
    private static readonly FeatureNetwork Tiny = new() { Backbone = "Tiny" };

    [TestMethod]
    public void ComparesTheNetworksFeaturesOfNormalisedImages()
    {
        using var scope = NewDisposeScope();
        var (p, t) = Images.Pair(2, 3, 8, 8);
        p.requires_grad_();
        var network = new TinyNetwork();
        using var function = new PerceptualLoss { Network = Tiny, LayerWeights = [0.5, 2] }.Build(Context(_ => network));
        var value = function.Evaluate(Images.Inputs(("predictions", p), ("targets", t)));
        Tensor Normal(Tensor x) =>
            (x - tensor([0.485f, 0.456f, 0.406f]).reshape(1, 3, 1, 1)) / tensor([0.229f, 0.224f, 0.225f]).reshape(1, 3, 1, 1);
        var (a, b) = (network.Extract(Normal(p.detach())), network.Extract(Normal(t)));
        var expected = 0.5 * (a[0] - b[0]).abs().mean() + 2 * (a[1] - b[1]).abs().mean();
        Assert.AreEqual(expected.item<double>(), value.item<double>(), 1e-12);
        value.backward();
        Assert.IsTrue(p.grad!.abs().max().item<double>() > 0);
    }

    [TestMethod]
    public void TheNetworkIsFrozenAndNeitherTrainedNorSaved()
    {
        using var scope = NewDisposeScope();
        var network = new TinyNetwork();
        using var function = new PerceptualLoss { Network = Tiny }.Build(Context(_ => network));
        function.Evaluate(Images.Inputs(("predictions", ones(1, 3, 8, 8)), ("targets", zeros(1, 3, 8, 8))));
        function.train();
        Assert.IsFalse(network.training);
        Assert.IsFalse(network.parameters().Any(p => p.requires_grad));
        Assert.AreEqual(0, function.parameters().Count());
        Assert.AreEqual(0, function.state_dict().Count);
    }

    [TestMethod]
    public void TermsOfASumShareTheNetworkAndItsFeatures()
    {
        using var scope = NewDisposeScope();
        var (p, t) = Images.Pair(1, 3, 8, 8);
        var opened = 0;
        var network = new TinyNetwork();
        var loss = new ContentLoss { Network = Tiny } + 0.1 * new StyleLoss { Network = Tiny with { } } + new MeanAbsoluteErrorLoss();
        using (
            var function = loss.Build(
                Context(_ =>
                {
                    opened++;
                    return network;
                })
            )
        )
        {
            var inputs = Images.Inputs(("predictions", p), ("targets", t));
            function.Evaluate(inputs);
            Assert.AreEqual((1, 2), (opened, network.Calls));
            function.Evaluate(inputs.With(("styles", 1 - t)));
            Assert.AreEqual((1, 5), (opened, network.Calls));
        }
        Assert.IsTrue(network.Disposed);
    }

    [TestMethod]
    public void StyleComesFromTheStyleImagesWhereGiven()
    {
        using var scope = NewDisposeScope();
        var (p, t) = Images.Pair(2, 3, 8, 8);
        using var function = new StyleLoss { Network = Tiny }.Build(Context(_ => new TinyNetwork()));
        var inputs = Images.Inputs(("predictions", p), ("targets", t));
        var style = t.narrow(0, 0, 1).narrow(3, 0, 5); // one style of another size for all images
        var value = function.Evaluate(inputs.With(("styles", style)), Reduction.None);
        CollectionAssert.AreEqual(new long[] { 2 }, value.shape);
        Assert.AreEqual(0, function.Evaluate(inputs.With(("styles", p))).item<double>(), 1e-15);
        Assert.AreNotEqual(0, function.Evaluate(inputs).item<double>());
    }

    [TestMethod]
    public void LinearWeightsComeWithTheNetworkAndAreKept()
    {
        using var scope = NewDisposeScope();
        var (p, t) = Images.Pair(2, 3, 8, 8);
        var loss = new PerceptualLoss { Network = Tiny, NormalizeChannels = true };
        var inputs = Images.Inputs(("predictions", p), ("targets", t));
        double With(double first)
        {
            using var function = loss.Build(Context(_ => new TinyNetwork { Linear = [full(4, first), zeros(4)] }));
            Assert.AreEqual(2, function.state_dict().Count);
            Assert.AreEqual(0, function.parameters().Count());
            return function.Evaluate(inputs).item<double>();
        }
        Assert.AreEqual(3 * With(1), With(3), 1e-12);
    }

    [TestMethod]
    public void GreyImagesPassThroughAThreeChannelNetwork()
    {
        using var scope = NewDisposeScope();
        var (p, t) = Images.Pair(1, 1, 8, 8);
        using var function = new PerceptualLoss { Network = Tiny }.Build(Context(_ => new TinyNetwork()));
        var grey = function.Evaluate(Images.Inputs(("predictions", p), ("targets", t))).item<double>();
        var expanded = function.Evaluate(Images.Inputs(("predictions", p.expand(1, 3, 8, 8)), ("targets", t.expand(1, 3, 8, 8))));
        Assert.AreEqual(grey, expanded.item<double>(), 1e-12);
    }

    [TestMethod]
    public void WhatIsMissingIsNamed()
    {
        using var scope = NewDisposeScope();
        var images = Images.Inputs(("predictions", ones(1, 3, 8, 8)), ("targets", ones(1, 3, 8, 8)));
        Images.Fails("OpenNetwork", () => new PerceptualLoss { Network = Tiny }.Build());
        Images.Fails("predictedFeatures0", () => new PerceptualLoss().Compute(images));
        var features = Images.Inputs(("predictedFeatures0", ones(1, 3, 4, 4)), ("targetFeatures0", ones(1, 3, 4, 4)));
        Images.Fails("LayerWeights", () => new ContentLoss { LayerWeights = [1, 2] }.Compute(features));
        Images.Fails("targetFeatures1", () => new ContentLoss().Compute(features.With(("predictedFeatures1", ones(1, 3, 4, 4)))));
        Images.Fails("predictedFeatures1", () => new ContentLoss().Compute(features.With(("targetFeatures1", ones(1, 3, 4, 4)))));
        Images.Fails("predictedFeatures0", () => new ContentLoss().Compute(features.With(("targetFeatures0", ones(1, 3, 4, 5)))));
        Images.Fails("targetFeatures0", () => new StyleLoss().Compute(features.With(("targetFeatures0", ones(1, 2, 4, 4)))));
        using var function = new PerceptualLoss { Network = Tiny }.Build(Context(_ => new TinyNetwork()));
        Images.Fails("predictions", () => function.Evaluate(images.With(("predictions", ones(1, 2, 8, 8)))));
    }

    [TestMethod]
    public void ANetworkHasAJsonAndATextForm()
    {
        var loss = new PerceptualLoss
        {
            Network = new()
            {
                Backbone = "VGG16",
                Weights = "vgg16.safetensors",
                Layers = ["relu1_2", "relu2_2"],
                Mean = [0.5, 0.5, 0.5],
                Deviation = [0.5, 0.5, 0.5],
            },
        };
        Assert.AreEqual(loss, Loss.Parse<ImageLoss>(loss.ToString()), loss.ToString());
        Assert.AreEqual(loss, Loss.FromJson<ImageLoss>(loss.ToJson()), loss.ToJson());
    }

    [TestMethod]
    public void BatchMeansOfUnpairedBatchesAreCompared()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (rand(4, 3, dtype: ScalarType.Float64), rand(2, 3, dtype: ScalarType.Float64));
        var inputs = Images.Inputs(("predictedFeatures0", a), ("targetFeatures0", b));
        var loss = new FeatureMatchingLoss { Kind = FeatureMatchingKind.BatchMean, Distance = PixelDistance.L2 };
        var squares = (a.mean([0]) - b.mean([0])).square();
        Assert.AreEqual(squares.mean().item<double>(), loss.Compute(inputs).item<double>(), 1e-12);
        Assert.AreEqual(squares.sum().item<double>(), loss.Compute(inputs, Reduction.Sum).item<double>(), 1e-12);
        Assert.ThrowsExactly<NotSupportedException>(() => loss.Compute(inputs, Reduction.None));
        Images.Fails("predictedFeatures0", () => new FeatureMatchingLoss().Compute(inputs));
    }

    [TestMethod]
    public void AStatesNetworkStaysInEvaluationModeAndOutOfTheParameters()
    {
        var network = new TinyNetwork();
        var state = new LossState(new LossContext()).AddNetwork("features", network);
        state.train();
        Assert.IsFalse(network.training);
        Assert.AreEqual(0, state.parameters().Count());
        Assert.AreSame(network, state.Network<TinyNetwork>("features"));
        state.Dispose();
        Assert.IsTrue(network.Disposed);
    }

    private static LossContext Context(Func<FeatureNetwork, IFeatureExtractor> open) =>
        new() { DType = ScalarType.Float64, OpenNetwork = open };

    private sealed class TinyNetwork : nn.Module, IFeatureExtractor
    {
        private readonly TorchSharp.Modules.Conv2d first = nn.Conv2d(3, 4, 3);
        private readonly TorchSharp.Modules.Conv2d second = nn.Conv2d(4, 4, 3);

        public TinyNetwork()
            : base(nameof(TinyNetwork))
        {
            RegisterComponents();
            this.to(ScalarType.Float64);
            using var frozen = no_grad();
            foreach (var parameter in parameters()) // the same numbers every time
                parameter.copy_(arange(parameter.numel(), ScalarType.Float64).sin().reshape(parameter.shape) / 3);
        }

        public int Calls { get; private set; }
        public bool Disposed { get; private set; }
        public Tensor[]? Linear { get; init; }
        public IReadOnlyList<Tensor>? LinearWeights => Linear;

        public IReadOnlyList<Tensor> Extract(Tensor images)
        {
            Calls++;
            var shallow = first.call(images).relu();
            return [shallow, second.call(shallow)];
        }

        protected override void Dispose(bool disposing)
        {
            Disposed = true;
            base.Dispose(disposing);
        }
    }
}
