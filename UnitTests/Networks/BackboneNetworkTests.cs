using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Networks;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Networks;

[TestClass]
public class BackboneNetworkTests
{
    public static IEnumerable<object[]> All => Enum.GetValues<Backbone>().Select(backbone => new object[] { backbone });

    /// <summary>The small ones, where the choice of network makes no difference.</summary>
    public static IEnumerable<object[]> Small =>
        [
            [Backbone.ResNet20Cifar],
            [Backbone.ShuffleNetV2X05],
            [Backbone.MobileNetV3Small],
            [Backbone.EfficientNetB0],
        ];

    public static IEnumerable<object[]> Several => [.. Small, [Backbone.ResNet18], [Backbone.ConvNeXtTiny]];

    private static Tensor Images(BackboneNetwork network, long count = 2, long size = 32)
    {
        using var generator = new Generator(7);
        return randn([count, network.InputChannels, size, size], generator: generator);
    }

    private static float Difference(Tensor a, Tensor b) => (a - b).abs().max().item<float>();

    /// <summary>Otherwise every convolution changes the order of its maps and back, which takes a third more time and tells nobody.</summary>
    [TestMethod]
    [DynamicData(nameof(All))]
    public void KeepsThePixelsOfItsMapsTogether(Backbone backbone)
    {
        using var scope = NewDisposeScope();
        using var network = BackboneNetwork.Create(backbone, 3);
        var maps = network.Features(Images(network, size: 64));
        foreach (var map in maps)
            Assert.AreEqual(
                backbone == Backbone.ShuffleNetV2X05 ? map.shape[2] * map.shape[3] : 1,
                map.stride(1),
                $"[{string.Join(", ", map.shape)}]"
            );
    }

    [TestMethod]
    [DynamicData(nameof(Several))]
    public void TheOrderOfAnImageInMemoryChangesNothing(Backbone backbone)
    {
        using var scope = NewDisposeScope();
        using var network = BackboneNetwork.Create(backbone, 3);
        network.eval();
        var images = Images(network);
        Assert.AreEqual(0f, Difference(network.call(images), network.call(ChannelOrder.Last(images))), 1e-5f);
    }

    [TestMethod]
    [DataRow(Backbone.ResNet18, 1000, 11_689_512, 122, "fc")]
    [DataRow(Backbone.ResNet34, 1000, 21_797_672, 218, "fc")]
    [DataRow(Backbone.ResNet50, 1000, 25_557_032, 320, "fc")]
    [DataRow(Backbone.ResNet18Cifar, 10, 11_173_962, 122, "fc")]
    [DataRow(Backbone.ResNet20Cifar, 10, 269_722, 116, "linear")]
    [DataRow(Backbone.ShuffleNetV2X05, 1000, 336_136, 332, "fc")]
    [DataRow(Backbone.MobileNetV3Small, 1000, 2_542_856, 244, "classifier.3")]
    [DataRow(Backbone.EfficientNetB0, 1000, 5_288_548, 360, "classifier.1")]
    [DataRow(Backbone.ConvNeXtTiny, 1000, 28_589_128, 182, "classifier.2")]
    public void HasThePublishedParameters(Backbone backbone, int classes, int parameters, int tensors, string head)
    {
        using var network = BackboneNetwork.Create(backbone, classes);
        Assert.AreEqual(parameters, network.parameters().Sum(parameter => parameter.numel()));
        Assert.HasCount(tensors, network.state_dict());
        Assert.AreEqual(head, network.HeadName);
        CollectionAssert.AreEqual(new long[] { classes, network.EmbeddingSize }, network.get_parameter(head + ".weight")!.shape);
    }

    [TestMethod]
    [DataRow(
        Backbone.ResNet18,
        new[] { "layer2.0.downsample.0.weight [128, 64, 1, 1]", "layer4.1.bn2.running_var [512]", "bn1.num_batches_tracked []" }
    )]
    [DataRow(Backbone.ResNet34, new[] { "layer3.5.conv2.weight [256, 256, 3, 3]" })]
    [DataRow(Backbone.ResNet50, new[] { "layer1.0.downsample.1.bias [256]", "layer4.2.conv3.weight [2048, 512, 1, 1]" })]
    [DataRow(Backbone.ResNet18Cifar, new[] { "conv1.weight [64, 3, 3, 3]" })]
    [DataRow(Backbone.ResNet20Cifar, new[] { "layer3.2.conv2.weight [64, 64, 3, 3]", "linear.bias [10]" })]
    [DataRow(
        Backbone.ShuffleNetV2X05,
        new[] { "first_conv.0.weight [24, 3, 3, 3]", "stage2.0.branch_proj.3.weight [24]", "stage3.7.branch_main.3.weight [48, 1, 3, 3]" }
    )]
    [DataRow(
        Backbone.MobileNetV3Small,
        new[]
        {
            "features.0.0.weight [16, 3, 3, 3]",
            "features.1.block.1.fc1.weight [8, 16, 1, 1]",
            "features.4.block.2.fc2.bias [96]",
            "classifier.0.weight [1024, 576]",
        }
    )]
    [DataRow(
        Backbone.EfficientNetB0,
        new[] { "features.1.0.block.1.fc1.bias [8]", "features.6.3.block.1.0.weight [1152, 1, 5, 5]", "features.8.1.weight [1280]" }
    )]
    [DataRow(
        Backbone.ConvNeXtTiny,
        new[]
        {
            "features.1.0.layer_scale [96, 1, 1]",
            "features.5.8.block.3.weight [1536, 384]",
            "features.6.1.weight [768, 384, 2, 2]",
            "classifier.0.bias [768]",
        }
    )]
    public void HasThePublishedNames(Backbone backbone, string[] expected)
    {
        using var network = BackboneNetwork.Create(backbone, 10);
        var names = network.state_dict().Select(pair => $"{pair.Key} [{string.Join(", ", pair.Value.shape)}]").ToList();
        CollectionAssert.IsSubsetOf(expected, names);
    }

    [TestMethod]
    [DynamicData(nameof(All))]
    public void GivesLogitsEmbeddingsAndMaps(Backbone backbone)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        using var network = BackboneNetwork.Create(backbone, 5);
        network.eval();
        const long size = 32;
        var images = Images(network, 2, size);
        CollectionAssert.AreEqual(new long[] { 2, 5 }, network.call(images).shape);
        var embeddings = network.Embed(images);
        CollectionAssert.AreEqual(new long[] { 2, network.EmbeddingSize }, embeddings.shape);
        var maps = network.Features(images);
        Assert.HasCount(network.FeatureStrides.Count, maps);
        for (var i = 0; i < maps.Count; i++)
            CollectionAssert.AreEqual(
                new long[] { 2, network.FeatureChannels[i], size / network.FeatureStrides[i], size / network.FeatureStrides[i] },
                maps[i].shape
            );
        var head = network.get_parameter(network.HeadName + ".weight")!;
        var bias = network.get_parameter(network.HeadName + ".bias")!;
        Assert.AreEqual(0, Difference(nn.functional.linear(embeddings, head, bias), network.call(images)), 1e-6);
    }

    [TestMethod]
    [DynamicData(nameof(All))]
    public void EveryParameterIsInOneGroupAndLearns(Backbone backbone)
    {
        using var scope = NewDisposeScope();
        using var network = BackboneNetwork.Create(backbone, 3);
        (network.call(Images(network)) * tensor(new[] { 1f, 2f, 4f })).sum().backward();
        foreach (var (name, parameter) in network.named_parameters())
        {
            Assert.AreEqual(1, network.LayerGroups.Count(group => group.Contains(name)), name);
            Assert.IsNotNull(parameter.grad, name);
        }
        Assert.AreEqual("stem", network.LayerGroups[0].Name);
        Assert.AreEqual("head", network.LayerGroups[^1].Name);
        Assert.IsTrue(network.LayerGroups[^1].Contains(network.HeadName + ".bias"));
        Assert.IsTrue(network.LayerGroups[0].Contains(network.StemName + ".weight"));
    }

    [TestMethod]
    [DynamicData(nameof(Small))]
    public void IsAFunctionOfItsSeedInAnyThread(Backbone backbone)
    {
        manual_seed(1);
        var networks = new BackboneNetwork[4];
        var threads = networks
            .Select((_, i) => new Thread(() => networks[i] = BackboneNetwork.Create(backbone, 7, seed: i == 3 ? 6 : 5)))
            .ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        using var scope = NewDisposeScope();
        var drawn = rand(3);
        manual_seed(1);
        Assert.IsTrue(drawn.equal(rand(3)).all().item<bool>(), "Making networks changed the process-wide generator.");
        var first = networks[0].state_dict();
        foreach (var (name, tensor) in first)
            for (var i = 1; i < 3; i++)
                Assert.IsTrue(tensor.equal(networks[i].state_dict()[name]).all().item<bool>(), name);
        Assert.IsTrue(
            first.Any(pair => !pair.Value.equal(networks[3].state_dict()[pair.Key]).all().item<bool>()),
            "The seed has no effect."
        );
        foreach (var network in networks)
            network.Dispose();
    }

    [TestMethod]
    public void StartsAsTheAuthorsDo()
    {
        using var scope = NewDisposeScope();
        using var resnet = BackboneNetwork.Create(Backbone.ResNet18, 1000);
        var state = resnet.state_dict();
        // He et al.: sqrt(2 / (outputs * 3 * 3)); PyTorch's dense layer: uniform within 1 / sqrt(512).
        Assert.AreEqual(Math.Sqrt(2.0 / (512 * 9)), state["layer4.1.conv1.weight"].std().item<float>(), 1e-4);
        Assert.AreEqual(1 / Math.Sqrt(512), state["fc.weight"].abs().max().item<float>(), 1e-4);
        Assert.AreEqual(1f, state["layer4.1.bn2.weight"].min().item<float>());
        using var mobile = BackboneNetwork.Create(Backbone.MobileNetV3Small, 1000);
        Assert.AreEqual(0.01, mobile.state_dict()["classifier.3.weight"].std().item<float>(), 1e-4);
    }

    [TestMethod]
    [DynamicData(nameof(Small))]
    public void DropsByItsOwnGenerator(Backbone backbone)
    {
        using var scope = NewDisposeScope();
        using var network = BackboneNetwork.Create(backbone, 4, seed: 3);
        var state = network.Randomness.get_state();
        var images = Images(network);
        var one = network.call(images);
        manual_seed(12345);
        network.Randomness.set_state(state);
        Assert.AreEqual(0, Difference(one, network.call(images)));
    }

    [TestMethod]
    public void AFrozenGroupDoesNotLearn()
    {
        using var scope = NewDisposeScope();
        using var network = BackboneNetwork.Create(Backbone.ResNet20Cifar, 4);
        network.Freeze(3);
        network.train();
        var before = network.state_dict().ToDictionary(pair => pair.Key, pair => pair.Value.detach().clone());
        network.call(Images(network)).sum().backward();
        foreach (var (name, parameter) in network.named_parameters())
            Assert.AreEqual(network.GroupOf(name) >= 3, parameter.requires_grad, name);
        foreach (var (name, buffer) in network.named_buffers())
            Assert.AreEqual(network.GroupOf(name) < 3, buffer.equal(before[name]).all().item<bool>(), name);
        network.Freeze(0);
        Assert.IsTrue(network.parameters().All(parameter => parameter.requires_grad));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => network.Freeze(6));
        Assert.ThrowsExactly<ArgumentException>(() => network.GroupOf("no.such"));
    }

    [TestMethod]
    [DynamicData(nameof(Small))]
    public void TheHeadCanBeReplaced(Backbone backbone)
    {
        using var scope = NewDisposeScope();
        using var network = BackboneNetwork.Create(backbone, 10, seed: 1);
        var names = network.state_dict().Keys.ToList();
        var body = network.parameters().First().detach().clone();
        network.ReplaceHead(3, seed: 9);
        Assert.AreEqual(3, network.ClassCount);
        CollectionAssert.AreEquivalent(names, network.state_dict().Keys);
        Assert.IsTrue(body.equal(network.parameters().First()).all().item<bool>());
        network.eval();
        CollectionAssert.AreEqual(new long[] { 2, 3 }, network.call(Images(network)).shape);
        using var other = BackboneNetwork.Create(backbone, 10, seed: 2);
        other.ReplaceHead(3, seed: 9);
        var head = network.HeadName + ".weight";
        Assert.IsTrue(network.state_dict()[head].equal(other.state_dict()[head]).all().item<bool>());
    }

    [TestMethod]
    [DynamicData(nameof(Several))]
    public void AFoldedCopyGivesTheSameLogits(Backbone backbone)
    {
        using var scope = NewDisposeScope();
        using var network = BackboneNetwork.Create(backbone, 10);
        using (no_grad())
        {
            using var generator = new Generator(11);
            foreach (var (name, tensor) in network.state_dict())
                if (name.EndsWith("running_mean", StringComparison.Ordinal))
                    tensor.normal_(0, 0.2, generator);
                else if (name.EndsWith("running_var", StringComparison.Ordinal))
                    tensor.uniform_(0.5, 2, generator);
        }
        network.eval();
        using var copy = network.InferenceCopy();
        using var frozen = no_grad();
        var images = Images(network);
        var expected = network.call(images);
        Assert.AreEqual(0, Difference(expected, copy.call(images)) / expected.abs().max().item<float>(), 1e-5);
        Assert.ThrowsExactly<InvalidOperationException>(() => copy.train());
        Assert.ThrowsExactly<InvalidOperationException>(() => copy.Copy());
        Assert.IsTrue(network.parameters().All(parameter => parameter.requires_grad));
    }

    [TestMethod]
    [DynamicData(nameof(Small))]
    public void ACopyTrainsOnAsTheOriginalWould(Backbone backbone)
    {
        using var scope = NewDisposeScope();
        using var network = BackboneNetwork.Create(backbone, 4);
        network.Freeze(1);
        var images = Images(network);
        network.call(images);
        using var copy = network.Copy();
        Assert.AreEqual(1, copy.FrozenGroups);
        Assert.AreEqual(0, Difference(network.call(images), copy.call(images)));
        using (no_grad())
            copy.parameters().Last().add_(1);
        Assert.AreNotEqual(0, Difference(network.parameters().Last(), copy.parameters().Last()));
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(4)]
    public void TakesOtherChannelCounts(int channels)
    {
        using var scope = NewDisposeScope();
        using var network = BackboneNetwork.Create(Backbone.ResNet20Cifar, 3, inputChannels: channels);
        Assert.HasCount(channels, network.InputMean);
        Assert.HasCount(channels, network.InputStd);
        CollectionAssert.AreEqual(new long[] { 2, 3 }, network.call(Images(network)).shape);
        using var rgb = rand(2, 3, 32, 32);
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => network.call(rgb)).Message, $"takes images [N, {channels},");
    }

    [TestMethod]
    public void RefusesImagesThatItCannotTake()
    {
        using var scope = NewDisposeScope();
        using var network = BackboneNetwork.Create(Backbone.ConvNeXtTiny, 3);
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => network.call(rand(1, 3, 31, 64))).Message,
            "32x32 pixels and more; these are 31x64"
        );
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => network.Embed(rand(3, 64, 64))).Message,
            "these are [3, 64, 64]"
        );
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => network.Features(ones(1, 3, 64, 64, int64))).Message,
            "hold Int64"
        );
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => BackboneNetwork.Create(Backbone.ResNet18, 0));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => BackboneNetwork.Create(Backbone.ResNet18, 2, inputChannels: 0));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => BackboneNetwork.Create((Backbone)99, 2));
    }

    [TestMethod]
    public void SaysWhyASingleValueCannotBeNormalised()
    {
        using var scope = NewDisposeScope();
        using var network = BackboneNetwork.Create(Backbone.ResNet18, 3);
        StringAssert.Contains(
            Assert.ThrowsExactly<InvalidOperationException>(() => network.call(Images(network, 1))).Message,
            "batch size of 2"
        );
        network.eval();
        network.call(Images(network, 1));
    }

    [TestMethod]
    public void TrainsStridedShortcutsOfManyChannels()
    {
        // libtorch divides by zero, and ends the process, in the gradient of a strided 1x1 convolution to 1024 channels.
        using var scope = NewDisposeScope();
        using var network = BackboneNetwork.Create(Backbone.ResNet50, 2);
        network.call(Images(network)).sum().backward();
        Assert.IsNotNull(network.get_parameter("layer3.0.downsample.0.weight")!.grad);
    }

    [TestMethod]
    [DynamicData(nameof(Several))]
    public void LeavesNoTensorBehind(Backbone backbone)
    {
        using var network = BackboneNetwork.Create(backbone, 3);
        network.eval();
        using var frozen = no_grad();
        using var images = Images(network);
        // The counters of the thread's dispose scopes: what was made and neither disposed nor attached to a scope.
        var statistics = DisposeScopeManager.Statistics.TensorStatistics;
        network.call(images).Dispose();
        var before = statistics.ThreadTotalLiveCount;
        network.call(images).Dispose();
        network.Embed(images).Dispose();
        foreach (var map in network.Features(images))
            map.Dispose();
        Assert.AreEqual(before, statistics.ThreadTotalLiveCount);
    }

    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    public void WritesNothingToTheStandardError() => Assert.IsTrue(MLNetLosses.Interop.Nnpack.TurnOff(), "libtorch's names have changed.");

    [TestMethod]
    public void LivesLongerThanTheScopeItWasMadeIn()
    {
        BackboneNetwork network;
        using (NewDisposeScope())
            network = BackboneNetwork.Create(Backbone.ResNet20Cifar, 3);
        using (NewDisposeScope())
            network.ReplaceHead(4);
        using var scope = NewDisposeScope();
        using var copy = network.InferenceCopy();
        CollectionAssert.AreEqual(new long[] { 2, 4 }, copy.call(Images(copy)).shape);
        network.Dispose();
    }
}
