using MLNetLosses.Losses;
using MLNetLosses.Networks;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Networks;

/// <summary>Backbones as the networks inside perceptual and style losses.</summary>
[TestClass]
public sealed class BackboneFeaturesTests
{
    private string folder = "";

    [TestInitialize]
    public void MakeFolder() => folder = Directory.CreateTempSubdirectory("features").FullName;

    [TestCleanup]
    public void DeleteFolder() => Directory.Delete(folder, recursive: true);

    public static IEnumerable<object[]> Backbones() => Enum.GetValues<Backbone>().Select(backbone => new object[] { backbone });

    [TestMethod]
    [DynamicData(nameof(Backbones))]
    public void EveryBackboneNamesItsMaps(Backbone backbone)
    {
        using var network = BackboneNetwork.Create(backbone, 2);
        var layers = BackboneFeatures.LayersOf(network);
        Assert.HasCount(network.FeatureStrides.Count, layers);
        // The named group ends in the map: freezing what is behind it does not matter, what is in it does.
        foreach (var layer in layers)
            Assert.IsTrue(network.named_parameters().Any(p => network.LayerGroups.Single(g => g.Name == layer).Contains(p.name)));
    }

    [TestMethod]
    public void LoadedWeightsAndChosenLayersGiveTheBackbonesMaps()
    {
        using var scope = NewDisposeScope();
        using var trained = BackboneNetwork.Create(Backbone.ResNet20Cifar, 7, seed: 5);
        var file = Path.Combine(folder, "weights.safetensors");
        SafetensorsWriter.Write(file, trained.state_dict());
        trained.eval();
        var loss = new PerceptualLoss
        {
            Network = new()
            {
                Backbone = "ResNet20Cifar",
                Weights = file,
                Layers = ["layer1", "layer2"],
            },
        };
        using var function = loss.Build(new() { OpenNetwork = BackboneFeatures.Open });
        var (p, t) = (rand(2, 3, 16, 16), rand(2, 3, 16, 16));
        p.requires_grad_();
        var value = function.Evaluate(new() { ["predictions"] = p, ["targets"] = t });
        Tensor Normal(Tensor x) =>
            (x - tensor(trained.InputMean.ToArray()).reshape(1, 3, 1, 1)) / tensor(trained.InputStd.ToArray()).reshape(1, 3, 1, 1);
        var (a, b) = (trained.Features(Normal(p.detach())), trained.Features(Normal(t)));
        var expected = (a[0] - b[0]).abs().mean() + (a[1] - b[1]).abs().mean();
        Assert.AreEqual(expected.item<float>(), value.item<float>(), 1e-5);
        value.backward();
        Assert.IsTrue(p.grad!.abs().max().item<float>() > 0);
        Assert.AreEqual(0, function.parameters().Count());
    }

    [TestMethod]
    public void LinearWeightsAreReadFromTheirFile()
    {
        using var scope = NewDisposeScope();
        var file = Path.Combine(folder, "lpips.safetensors");
        void Write(params int[] channels) =>
            SafetensorsWriter.Write(
                file,
                channels.Select((count, l) => new KeyValuePair<string, Tensor>($"lin{l}.model.1.weight", full([1, count, 1, 1], l + 2f)))
            );
        var loss = new PerceptualLoss
        {
            NormalizeChannels = true,
            Network = new()
            {
                Backbone = "ResNet20Cifar",
                LinearWeights = file,
                Layers = ["layer1", "layer3"],
            },
        };
        Write(16, 64);
        using var function = loss.Build(new() { OpenNetwork = BackboneFeatures.Open });
        Assert.AreEqual(3f, function.State!["linearWeights1"].mean().item<float>());
        Write(16, 32);
        StringAssert.Contains(
            Assert.ThrowsExactly<InvalidDataException>(() => loss.Build(new() { OpenNetwork = BackboneFeatures.Open })).Message,
            "[16, 64]"
        );
    }

    [TestMethod]
    public void WhatDoesNotExistIsNamed()
    {
        StringAssert.Contains(Message(new() { Backbone = "VGG16" }), "ResNet18");
        StringAssert.Contains(Message(new() { Backbone = "ResNet20Cifar", Layers = ["layer9"] }), "layer1, layer2, layer3");
        StringAssert.Contains(Message(new() { Backbone = "ResNet20Cifar", Layers = [] }), "layer1");

        static string Message(FeatureNetwork network) =>
            Assert.ThrowsExactly<ArgumentException>(() => BackboneFeatures.Open(network)).Message;
    }
}
