using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Networks;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Weights;

[TestClass]
public class WeightLoaderTests
{
    private static BackboneNetwork Network(Backbone backbone = Backbone.ResNet20Cifar, int classes = 10, int channels = 3, long seed = 1) =>
        BackboneNetwork.Create(backbone, classes, seed, channels);

    private static bool Equal(BackboneNetwork a, BackboneNetwork b, string name) =>
        a.state_dict()[name].equal(b.state_dict()[name]).all().item<bool>();

    private static TensorFile File(IEnumerable<KeyValuePair<string, Tensor>> tensors)
    {
        using var stream = new MemoryStream();
        SafetensorsWriter.Write(stream, tensors);
        return TensorFile.Read(stream.ToArray(), "some.safetensors");
    }

    [TestMethod]
    [DataRow(ScalarType.Float32, 0f)]
    [DataRow(ScalarType.Float64, 0f)]
    [DataRow(ScalarType.Float16, 1e-3f)]
    [DataRow(ScalarType.BFloat16, 1e-2f)]
    public void LoadsEveryFloatingPointType(ScalarType type, float tolerance)
    {
        using var scope = NewDisposeScope();
        using var source = Network(seed: 1);
        using var target = Network(seed: 2);
        using var file = File(
            source
                .state_dict()
                .Select(pair => KeyValuePair.Create(pair.Key, pair.Value.is_floating_point() ? pair.Value.to(type) : pair.Value))
        );
        var report = WeightLoader.Load(target, file);
        Assert.HasCount(116, report.Loaded);
        Assert.IsFalse(report.HeadKept);
        Assert.AreEqual("Loaded 116 tensors from 'some.safetensors'.", report.ToString());
        foreach (var (name, expected) in source.state_dict())
            Assert.AreEqual(0, (expected - target.state_dict()[name]).abs().max().to(float32).item<float>(), tolerance, name);
    }

    [TestMethod]
    public void KeepsTheNewHeadForAnotherClassCount()
    {
        using var scope = NewDisposeScope();
        using var source = Network(classes: 10, seed: 1);
        using var target = Network(classes: 3, seed: 2);
        using var untouched = Network(classes: 3, seed: 2);
        using var file = File(source.state_dict().Where(pair => !pair.Key.EndsWith("num_batches_tracked", StringComparison.Ordinal)));
        var report = WeightLoader.Load(target, file);
        Assert.IsTrue(report.HeadKept);
        Assert.AreEqual(10, report.ClassCountInFile);
        CollectionAssert.AreEquivalent(new[] { "linear.weight", "linear.bias" }, report.Kept.ToArray());
        StringAssert.Contains(report.ToString(), "the head is new, because the file's is for 10 classes");
        Assert.IsTrue(Equal(source, target, "layer3.2.conv2.weight"));
        Assert.IsTrue(Equal(untouched, target, "linear.weight"));
    }

    [TestMethod]
    public void KeepsTheNewHeadWhereTheFileHasNone()
    {
        using var scope = NewDisposeScope();
        using var source = Network(Backbone.MobileNetV3Small);
        using var target = Network(Backbone.MobileNetV3Small, seed: 2);
        var report = WeightLoader.Load(
            target,
            source.state_dict().Where(pair => !pair.Key.StartsWith("classifier.3.", StringComparison.Ordinal)).ToDictionary()
        );
        Assert.IsTrue(report.HeadKept);
        Assert.IsNull(report.ClassCountInFile);
        Assert.IsTrue(Equal(source, target, "classifier.0.weight"));
    }

    [TestMethod]
    public void RefusesTheFileOfAnotherNetworkAndChangesNothing()
    {
        using var scope = NewDisposeScope();
        using var source = Network(Backbone.ResNet18Cifar);
        using var target = Network();
        using var untouched = Network();
        using var file = File(source.state_dict());
        var message = Assert.ThrowsExactly<InvalidDataException>(() => WeightLoader.Load(target, file)).Message;
        StringAssert.Contains(message, "'some.safetensors' does not belong to ResNet20Cifar");
        StringAssert.Contains(message, "of the network's 116 tensors are in it");
        StringAssert.Contains(message, "it lacks 'layer1.2.conv1.weight'");
        StringAssert.Contains(message, "[64, 64, 3, 3] of Float32, the network's [16, 16, 3, 3]");
        StringAssert.Contains(message, "only in the file: ");
        foreach (var name in target.state_dict().Keys)
            Assert.IsTrue(Equal(untouched, target, name), name);
    }

    [TestMethod]
    public void RefusesIntegersForWeightsAndNamesThatDoNotFitAtAll()
    {
        using var scope = NewDisposeScope();
        using var target = Network();
        var integers = target.state_dict().ToDictionary(pair => pair.Key, pair => pair.Value.to(int64));
        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => WeightLoader.Load(target, integers)).Message, "of Int64");
        var message = Assert
            .ThrowsExactly<InvalidDataException>(() => WeightLoader.Load(target, new Dictionary<string, Tensor> { ["x"] = ones(1) }))
            .Message;
        StringAssert.Contains(message, "0 of the network's 116 tensors");
        StringAssert.Contains(message, "only in the file: 'x'");
    }

    [TestMethod]
    public void SaysWhatInTheFileIsNotUsed()
    {
        using var scope = NewDisposeScope();
        using var target = Network();
        var tensors = target.state_dict().Append(new("extra", ones(1))).ToDictionary();
        var report = WeightLoader.Load(target, tensors);
        CollectionAssert.AreEqual(new[] { "extra" }, report.Unexpected.ToArray());
        StringAssert.Contains(report.ToString(), "not used: 'extra'");
    }

    [TestMethod]
    public void AdaptsTheStemToGreyImages()
    {
        using var scope = NewDisposeScope();
        using var source = Network();
        using var target = Network(channels: 1, seed: 2);
        Assert.IsTrue(WeightLoader.Load(target, source.state_dict()).StemAdapted);
        source.eval();
        target.eval();
        var grey = rand(2, 1, 32, 32);
        Assert.AreEqual(0, (source.call(grey.expand(2, 3, 32, 32)) - target.call(grey)).abs().max().item<float>(), 1e-4);
    }

    [TestMethod]
    public void AdaptsTheStemToAFourthChannel()
    {
        using var scope = NewDisposeScope();
        using var source = Network();
        using var target = Network(channels: 4, seed: 2);
        Assert.IsTrue(WeightLoader.Load(target, source.state_dict()).StemAdapted);
        source.eval();
        target.eval();
        var images = rand(2, 4, 32, 32);
        Assert.AreEqual(0, (source.call(images.narrow(1, 0, 3)) - target.call(images)).abs().max().item<float>(), 1e-4);
    }

    [TestMethod]
    public void KeepsAStemWithAnotherKernel()
    {
        using var scope = NewDisposeScope();
        using var source = Network(Backbone.ResNet18);
        using var target = Network(Backbone.ResNet18Cifar, seed: 2);
        var report = WeightLoader.Load(target, source.state_dict());
        CollectionAssert.AreEqual(new[] { "conv1.weight" }, report.Kept.ToArray());
        Assert.IsTrue(Equal(source, target, "layer4.1.conv2.weight"));
    }
}
