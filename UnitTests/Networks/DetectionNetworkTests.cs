using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Networks;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Networks;

[TestClass]
public class DetectionNetworkTests
{
    private static readonly RetinaNetHead SmallHead = new() { Channels = 32, Convolutions = 1 };

    private static DetectionHead Head(string name) => name == "fcos" ? new FcosHead() : new RetinaNetHead();

    [TestMethod]
    [DataRow("retina", 156, 19_222_911)] // torchvision's count for three outputs a class branch
    [DataRow("fcos", 174, 19_100_232)]
    public void HasTorchvisionsParameters(string head, int tensors, int parameters)
    {
        using var network = DetectionNetwork.Create(new(Backbone.ResNet18, Head(head), 3));
        Assert.HasCount(tensors, network.state_dict());
        Assert.AreEqual(parameters, network.parameters().Sum(parameter => parameter.numel()));
    }

    [TestMethod]
    public void HasTorchvisionsNames()
    {
        using var network = DetectionNetwork.Create(new(Backbone.ResNet18, new RetinaNetHead(), 4));
        var shapes = network.state_dict().ToDictionary(pair => pair.Key, pair => $"[{string.Join(", ", pair.Value.shape)}]");
        foreach (
            var (name, shape) in new Dictionary<string, string>
            {
                ["backbone.body.conv1.weight"] = "[64, 3, 7, 7]",
                ["backbone.body.layer4.1.bn2.running_var"] = "[512]",
                ["backbone.fpn.inner_blocks.0.0.weight"] = "[256, 128, 1, 1]",
                ["backbone.fpn.layer_blocks.2.0.bias"] = "[256]",
                ["backbone.fpn.extra_blocks.p6.weight"] = "[256, 256, 3, 3]",
                ["head.classification_head.conv.3.0.weight"] = "[256, 256, 3, 3]",
                ["head.classification_head.cls_logits.weight"] = "[36, 256, 3, 3]",
                ["head.regression_head.bbox_reg.bias"] = "[36]",
            }
        )
            Assert.AreEqual(shape, shapes.GetValueOrDefault(name), name);
        Assert.IsFalse(shapes.Keys.Any(name => name.Contains("body.fc", StringComparison.Ordinal)));
    }

    /// <summary>Sum, sum of absolutes, and the first, second, middle and last number of each output of torchvision (0.14), weights and image being waves.</summary>
    private static readonly Dictionary<string, double[]> Torchvisions = new()
    {
        ["retina logits"] = [-4.350444, 301.752916, 0.120484, -0.024567, -0.018345, -0.041975],
        ["retina codes"] = [-2.222307, 401.696051, 0.120484, -0.024567, 0.057144, -0.027817],
        ["fcos logits"] = [26.642715, 338.221855, 0.654388, -0.797902, -1.817782, 0.766643],
        ["fcos codes"] = [246.263643, 246.263643, 0.654388, 0, 0.806383, 0],
        ["fcos quality"] = [-13.886083, 119.460304, 0.654388, 0.611734, 0.864452, -0.341974],
    };

    [TestMethod]
    [DataRow("retina")]
    [DataRow("fcos")]
    public void ComputesWhatTorchvisionComputes(string head)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        using var network = Waves(DetectionNetwork.Create(new(Backbone.ResNet18, Head(head), 3)));
        var found = network.Predict(Wave(3 * 64 * 96, 1, 0).view(1, 3, 64, 96));
        foreach (var (output, values) in new[] { ("logits", found.Logits), ("codes", found.Codes), ("quality", found.Quality) })
        {
            if (values is null)
                continue;
            var numbers = values.flatten().to(ScalarType.Float64);
            var last = numbers.numel() - 1;
            double[] actual =
            [
                numbers.sum().item<double>(),
                numbers.abs().sum().item<double>(),
                .. new[] { 0, 1, (last + 1) / 2, last }.Select(i => numbers[i].item<double>()),
            ];
            var expected = Torchvisions[$"{head} {output}"];
            for (var i = 0; i < expected.Length; i++)
                Assert.AreEqual(expected[i], actual[i], 2e-4 * Math.Max(1, Math.Abs(expected[i])), $"{output}, number {i}");
        }
    }

    [TestMethod]
    public void AnchorsAreTorchvisions()
    {
        var anchors = new AnchorGrid(new RetinaNetHead(), [8, 16, 32, 64, 128], 320, 448);
        CollectionAssert.AreEqual(new[] { 0, 20160, 25200, 26460, 26775, 26883 }, anchors.LevelStarts);
        // Ratio outermost, then scale: 32 and 40 pixels at ratio 0.5, 32 at ratio 1; rounded to even numbers as torch rounds.
        Assert.AreEqual((-23f, -11f, 23f, 11f), anchors[0]);
        Assert.AreEqual((-28f, -14f, 28f, 14f), anchors[1]);
        Assert.AreEqual((-16f, -16f, 16f, 16f), anchors[3]);
        Assert.AreEqual((-15f, -11f, 31f, 11f), anchors[9]); // the next place lies 8 pixels to the right
        // The coarsest map is 3 x 4 for an input of 320 x 448, so its places lie 106 and 112 pixels apart, as in torchvision.
        Assert.AreEqual(anchors.X0[26775] + 112, anchors.X0[26775 + 9]);
        Assert.AreEqual(anchors.Y0[26775] + 106, anchors.Y0[26775 + (4 * 9)]);
    }

    [TestMethod]
    [DataRow("retina")]
    [DataRow("fcos")]
    public void EveryScoreStartsAtThePrior(string head)
    {
        using var scope = NewDisposeScope();
        using var network = DetectionNetwork.Create(
            new(Backbone.ShuffleNetV2X05, Head(head) with { Channels = 32, PriorProbability = 0.03 }, 2)
        );
        network.eval();
        var output = network.Predict(zeros(1, 3, 64, 64));
        Assert.AreEqual(0.03f, output.Logits.sigmoid().mean().item<float>(), 1e-3f);
    }

    [TestMethod]
    public void ASoftmaxStartsWithBackground()
    {
        using var scope = NewDisposeScope();
        using var network = DetectionNetwork.Create(new(Backbone.ShuffleNetV2X05, SmallHead, 4, HasBackground: true));
        network.eval();
        var scores = nn.functional.softmax(network.Predict(zeros(1, 3, 64, 64)).Logits, 2);
        Assert.AreEqual(5L, scores.shape[2]);
        Assert.AreEqual(0.99f, scores.select(2, 4).mean().item<float>(), 2e-3f);
    }

    public static IEnumerable<object[]> Backbones =>
        Enum.GetValues<Backbone>().Except([Backbone.ResNet34, Backbone.ResNet50]).Select(b => new object[] { b });

    [TestMethod]
    [DynamicData(nameof(Backbones))]
    public void EveryBackboneCarriesADetector(Backbone backbone)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        using var network = DetectionNetwork.Create(new(backbone, SmallHead, 2), seed: 5);
        network.eval();
        var size = network.SizeDivisor;
        var images = rand(2, 3, 2 * size, 3 * size);
        var output = network.Predict(images);
        var anchors = network.Anchors.For(2 * size, 3 * size);
        CollectionAssert.AreEqual(new long[] { 2, anchors.Count, 2 }, output.Logits.shape);
        CollectionAssert.AreEqual(new long[] { 2, anchors.Count, 4 }, output.Codes.shape);
        using var copy = network.InferenceCopy();
        Assert.AreEqual(0, (copy.Predict(images).Codes - output.Codes).abs().max().item<float>(), 1e-4f);
        Assert.IsTrue(network.named_parameters().All(p => network.GroupOf(p.name) >= 0));
    }

    [TestMethod]
    public void GroupsFreezeFromTheImageOn()
    {
        using var network = DetectionNetwork.Create(new(Backbone.ShuffleNetV2X05, SmallHead, 2));
        Assert.AreEqual("pyramid, head", string.Join(", ", network.LayerGroups.TakeLast(2)));
        network.Freeze(network.LayerGroups.Count - 1);
        Assert.IsTrue(
            network.named_parameters().All(p => p.parameter.requires_grad == p.name.StartsWith("head.", StringComparison.Ordinal))
        );
        network.Freeze(0);
        Assert.IsTrue(network.parameters().All(p => p.requires_grad));
    }

    [TestMethod]
    public void HeadsAndMatchingsAreReadFromText()
    {
        var head = new RetinaNetHead
        {
            AnchorScale = 3,
            AspectRatios = [1, 2],
            Quality = BoxQuality.IoU,
        };
        Assert.AreEqual(head, MLNetLosses.Losses.DefinitionText.Parse(head.ToString(), typeof(DetectionHead)));
        Assert.AreEqual(head, MLNetLosses.Losses.DefinitionJson.Deserialize(head.ToJson(), typeof(DetectionHead)));
        var matching = new IoUMatching { BackgroundThreshold = 0.3, ForegroundThreshold = 0.6 };
        Assert.AreEqual(matching, MLNetLosses.Losses.DefinitionText.Parse(matching.ToString(), typeof(AnchorMatching)));
    }

    private static Tensor Wave(long count, double scale, double offset) =>
        ((arange(count, ScalarType.Float64) + 1) * 0.7).sin().mul(scale).add(offset).to(ScalarType.Float32);

    private static DetectionNetwork Waves(DetectionNetwork network)
    {
        foreach (var (name, values) in network.state_dict())
        {
            if (values.dim() == 0)
                continue;
            var isScale =
                name.EndsWith("running_var", StringComparison.Ordinal)
                || (values.dim() == 1 && name.EndsWith("weight", StringComparison.Ordinal));
            var scale = values.dim() > 1 ? Math.Sqrt(0.5 * values.shape[0] / values.numel()) : 0.1;
            values.copy_(Wave(values.numel(), scale, isScale ? 1 : 0).view(values.shape));
        }
        network.eval();
        return network;
    }
}
