using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Networks;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Networks;

/// <summary>Segmentation networks: layout, sizes, weights. (That they compute what segmentation_models.pytorch does was compared once by hand, to 1e-5.)</summary>
[TestClass]
public sealed class SegmentationNetworkTests
{
    private string folder = "";

    [TestInitialize]
    public void MakeFolder() => folder = Directory.CreateTempSubdirectory("segnet").FullName;

    [TestCleanup]
    public void DeleteFolder() => Directory.Delete(folder, recursive: true);

    public static IEnumerable<object[]> Pairs() =>
        from architecture in Enum.GetValues<SegmentationArchitecture>()
        from backbone in Enum.GetValues<Backbone>()
        where
            architecture == SegmentationArchitecture.UNet
            || backbone is Backbone.ResNet18 or Backbone.ResNet20Cifar or Backbone.MobileNetV3Small or Backbone.ConvNeXtTiny
        where backbone is not (Backbone.ResNet34 or Backbone.ResNet50) // as ResNet18, only larger
        select new object[] { architecture, backbone };

    [TestMethod]
    [DynamicData(nameof(Pairs))]
    public void AnySizeGivesAsManyPixelsAndEveryParameterLearns(SegmentationArchitecture architecture, Backbone backbone)
    {
        using var scope = NewDisposeScope();
        using var network = SegmentationNetwork.Create(new(architecture, backbone, 3, SideHeads: 1), seed: 1);
        var outputs = network.AllLogits(rand(2, 3, 37, 70));
        CollectionAssert.AreEqual(new long[] { 2, 3, 37, 70 }, outputs[0].shape);
        Assert.HasCount(2, outputs);
        CollectionAssert.AreEqual(new long[] { 2, 3 }, outputs[1].shape[..2]);
        Assert.IsTrue(outputs[1].shape[2] is > 0 and <= 37 && outputs[1].shape[3] is > 0 and <= 70);
        (outputs[0].square().mean() + outputs[1].square().mean()).backward();
        foreach (var (name, parameter) in network.named_parameters())
        {
            Assert.IsTrue(parameter.grad is { } gradient && gradient.isfinite().all().item<bool>(), name);
            network.GroupOf(name); // every parameter is in a group
        }
    }

    [TestMethod]
    [DataRow(SegmentationArchitecture.UNet, 14_328_789, "decoder.blocks.4.conv1.0.weight")]
    [DataRow(SegmentationArchitecture.FPN, 13_047_749, "decoder.seg_blocks.0.block.2.block.0.weight")]
    [DataRow(SegmentationArchitecture.DeepLabV3Plus, 12_330_325, "decoder.aspp.0.convs.3.0.1.weight")]
    public void TheLayoutIsThatOfSegmentationModelsPyTorch(SegmentationArchitecture architecture, long parameters, string name)
    {
        using var network = SegmentationNetwork.Create(new(architecture, Backbone.ResNet18, 5), seed: 1);
        Assert.AreEqual(parameters, network.parameters().Sum(parameter => parameter.numel()));
        var names = network.named_parameters().Select(pair => pair.name).ToHashSet();
        CollectionAssert.IsSubsetOf(
            new[] { name, "encoder.conv1.weight", "encoder.layer4.1.bn2.bias", "segmentation_head.0.bias" },
            names.ToArray()
        );
        Assert.IsFalse(names.Any(n => n.Contains("fc.")), "The classifier's head is no part of it.");
    }

    [TestMethod]
    public void AnImageThatStridesDoNotDivideIsPaddedWithZerosAndCut()
    {
        using var scope = NewDisposeScope();
        using var network = SegmentationNetwork.Create(new(SegmentationArchitecture.UNet, Backbone.ResNet18, 2), seed: 1);
        network.eval();
        var image = rand(1, 3, 40, 50);
        var whole = network.call(nn.functional.pad(image, [0, 14, 0, 24]));
        Assert.AreEqual(0f, (network.call(image) - whole.narrow(2, 0, 40).narrow(3, 0, 50)).abs().max().item<float>());
    }

    [TestMethod]
    [DataRow(SegmentationArchitecture.UNet)]
    [DataRow(SegmentationArchitecture.FPN)]
    [DataRow(SegmentationArchitecture.DeepLabV3Plus)]
    public void TheNetworkForInferenceGivesTheSameLogits(SegmentationArchitecture architecture)
    {
        using var scope = NewDisposeScope();
        var shape = new SegmentationShape(architecture, Backbone.MobileNetV3Small, 3, SideHeads: 1);
        using var network = SegmentationNetwork.Create(shape, seed: 1);
        using (no_grad())
            network.call(rand(4, 3, 64, 64)); // statistics that are not the first ones
        network.eval();
        using var file = TensorFile.Read(InferenceNetwork<SegmentationNetwork>.WeightsOf(network.InferenceValues()), "test");
        using var folded = SegmentationNetwork.ForInference(shape, file);
        var image = rand(2, 3, 64, 96);
        Assert.IsLessThan(1e-4f, (network.call(image) - folded.call(image)).abs().max().item<float>());
    }

    [TestMethod]
    [DataRow(SegmentationArchitecture.UNet, Backbone.ResNet18)]
    [DataRow(SegmentationArchitecture.UNet, Backbone.ResNet20Cifar)]
    [DataRow(SegmentationArchitecture.UNet, Backbone.MobileNetV3Small)]
    [DataRow(SegmentationArchitecture.UNet, Backbone.EfficientNetB0)]
    [DataRow(SegmentationArchitecture.UNet, Backbone.ShuffleNetV2X05)]
    [DataRow(SegmentationArchitecture.FPN, Backbone.ResNet18)]
    [DataRow(SegmentationArchitecture.DeepLabV3Plus, Backbone.MobileNetV3Small)]
    public void SinglePrecisionGivesWhatDoublePrecisionGives(SegmentationArchitecture architecture, Backbone backbone)
    {
        // In single precision oneDNN computes, in its own layouts; in double precision plain loops do.
        using var scope = NewDisposeScope();
        var shape = new SegmentationShape(architecture, backbone, 11);
        using var single = SegmentationNetwork.Create(shape, seed: 1);
        using var twice = SegmentationNetwork.Create(shape, seed: 1);
        twice.to(ScalarType.Float64);
        single.eval(); // nothing is drawn
        twice.eval();
        var images = rand([2, 3, 32, 32], generator: new Generator(5));
        var (a, b) = (single.call(images), twice.call(images.to(ScalarType.Float64)));
        var weights = rand(b.shape, ScalarType.Float64, generator: new Generator(6)) - 0.5;
        (a * weights.to(ScalarType.Float32)).sum().backward();
        (b * weights).sum().backward();
        Compare("logits", b.detach(), a.detach());
        foreach (var ((name, expected), (_, actual)) in twice.named_parameters().Zip(single.named_parameters()))
            Compare(name, expected.grad!, actual.grad!);

        static void Compare(string name, Tensor expected, Tensor actual)
        {
            var scale = Math.Max(1e-3, expected.abs().max().item<double>());
            Assert.IsLessThan(2e-3, (expected - actual.to(ScalarType.Float64)).abs().max().item<double>() / scale, name);
        }
    }

    [TestMethod]
    public void WeightsOfABackboneAndOfAWholeNetworkLoad()
    {
        using var scope = NewDisposeScope();
        using var classifier = BackboneNetwork.Create(Backbone.ShuffleNetV2X05, 1000, seed: 7);
        var backbone = Path.Combine(folder, "backbone.safetensors");
        SafetensorsWriter.Write(backbone, classifier.state_dict());
        using var network = SegmentationNetwork.Create(new(SegmentationArchitecture.UNet, Backbone.ShuffleNetV2X05, 4), seed: 1);
        network.Load(backbone);
        Assert.AreEqual(
            0f,
            (network.state_dict()["encoder.stage4.0.branch_main.0.weight"] - classifier.state_dict()["stage4.0.branch_main.0.weight"])
                .abs()
                .max()
                .item<float>()
        );
        var whole = Path.Combine(folder, "whole.safetensors");
        SafetensorsWriter.Write(whole, network.state_dict());
        using var other = SegmentationNetwork.Create(new(SegmentationArchitecture.UNet, Backbone.ShuffleNetV2X05, 9), seed: 2);
        var report = other.Load(whole);
        Assert.IsTrue(report.HeadKept);
        Assert.AreEqual(4, report.ClassCountInFile);
        Assert.AreEqual(
            0f,
            (network.state_dict()["decoder.blocks.0.conv1.0.weight"] - other.state_dict()["decoder.blocks.0.conv1.0.weight"])
                .abs()
                .max()
                .item<float>()
        );
        using var wrong = SegmentationNetwork.Create(new(SegmentationArchitecture.UNet, Backbone.ResNet20Cifar, 4), seed: 1);
        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => wrong.Load(backbone)).Message, "ResNet20Cifar");
    }

    [TestMethod]
    public void FrozenGroupsTakeNoGradientAndKeepTheirStatistics()
    {
        using var scope = NewDisposeScope();
        using var network = SegmentationNetwork.Create(new(SegmentationArchitecture.UNet, Backbone.ResNet20Cifar, 2), seed: 1);
        var encoderGroups = network.LayerGroups.Count - 2;
        network.Freeze(encoderGroups);
        var before = network.state_dict()["encoder.bn1.running_mean"].clone();
        network.call(rand(2, 3, 16, 16)).mean().backward();
        Assert.IsTrue(
            network.named_parameters().All(p => p.parameter.requires_grad != p.name.StartsWith("encoder.", StringComparison.Ordinal))
        );
        Assert.IsTrue(before.Equals(network.state_dict()["encoder.bn1.running_mean"]));
    }
}
