using System.Text.Json;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Networks;
using SkiaSharp;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Networks;

/// <summary>Published weights give what PyTorch computes with them. Skipped where the data are not at hand.</summary>
[TestClass]
public class PretrainedTests
{
    public TestContext TestContext { get; set; } = null!;

    [TestMethod]
    [DataRow("resnet20-12fca82f.th")]
    [DataRow("resnet20-12fca82f.safetensors")]
    public void ResNet20GivesThePublishedLogits(string file)
    {
        var folder = Folder();
        using var scope = NewDisposeScope();
        using var network = BackboneNetwork.Create(Backbone.ResNet20Cifar, 10);
        var report = WeightLoader.Load(network, Path.Combine(folder, "resnet20-cifar10", file));
        Assert.HasCount(97, report.Loaded);
        Assert.IsEmpty(report.Kept);
        Assert.IsEmpty(report.Unexpected);
        Compare(
            network,
            Path.Combine(folder, "resnet20-cifar10", "expected_logits.json"),
            magnification: 1,
            (image, network) => [(network.call(image), Numbers(image.Expected, "logits"))]
        );
    }

    [TestMethod]
    [DataRow("shufflenetv2.pth")]
    [DataRow("shufflenetv2.safetensors")]
    public void ShuffleNetGivesThePublishedFeatures(string file)
    {
        var folder = Folder();
        using var scope = NewDisposeScope();
        using var network = BackboneNetwork.Create(Backbone.ShuffleNetV2X05, 10);
        var report = WeightLoader.Load(network, Path.Combine(folder, "shufflenetv2-x0.5-backbone", file));
        Assert.HasCount(330, report.Loaded);
        Assert.IsTrue(report.HeadKept);
        Assert.IsEmpty(report.Unexpected);
        Compare(
            network,
            Path.Combine(folder, "shufflenetv2-x0.5-backbone", "expected_features.json"),
            magnification: 4,
            (image, network) =>
                [.. network.Features(image.Pixels).Skip(1).Select((map, i) => (map.mean([2, 3]), Numbers(image.Expected, $"stage{i + 2}")))]
        );
    }

    private void Compare(
        BackboneNetwork network,
        string expectedFile,
        int magnification,
        Func<Image, BackboneNetwork, IEnumerable<(Tensor Actual, float[] Expected)>> compute
    )
    {
        using var expected = JsonDocument.Parse(File.ReadAllText(expectedFile));
        var tolerance = expected.RootElement.GetProperty("tolerance").GetDouble();
        network.eval();
        using var folded = network.InferenceCopy();
        using var frozen = no_grad();
        var largest = new double[2];
        foreach (var entry in expected.RootElement.GetProperty("images").EnumerateArray())
        {
            var pixels = Pixels(Path.Combine(Folder(), "..", entry.GetProperty("pixels").GetString()!), magnification);
            var (mean, std) = (tensor(network.InputMean.ToArray()).view(3, 1, 1), tensor(network.InputStd.ToArray()).view(3, 1, 1));
            var image = new Image((pixels / 255f - mean) / std, entry);
            foreach (var (form, i) in new[] { (network, 0), (folded, 1) })
            foreach (var (actual, numbers) in compute(image, form))
                largest[i] = Math.Max(largest[i], (actual.flatten() - tensor(numbers)).abs().max().item<float>());
        }
        TestContext.WriteLine($"Largest difference {largest[0]:g3}, folded {largest[1]:g3}, tolerance {tolerance}");
        Assert.IsLessThan(tolerance, largest.Max());
    }

    private readonly record struct Image(Tensor Pixels, JsonElement Expected)
    {
        public static implicit operator Tensor(Image image) => image.Pixels;
    }

    private static float[] Numbers(JsonElement element, string name) =>
        [.. element.GetProperty(name).EnumerateArray().Select(number => number.GetSingle())];

    /// <summary>[1, 3, H, W] in 0..255, every pixel repeated.</summary>
    private static Tensor Pixels(string path, int magnification)
    {
        using var bitmap = SKBitmap.Decode(path) ?? throw new IOException($"'{path}' cannot be decoded.");
        var values = new float[3 * bitmap.Height * bitmap.Width];
        for (var y = 0; y < bitmap.Height; y++)
        for (var x = 0; x < bitmap.Width; x++)
        {
            var color = bitmap.GetPixel(x, y);
            var (plane, at) = (bitmap.Height * bitmap.Width, (y * bitmap.Width) + x);
            (values[at], values[plane + at], values[(2 * plane) + at]) = (color.Red, color.Green, color.Blue);
        }
        return tensor(values)
            .view(1, 3, bitmap.Height, bitmap.Width)
            .repeat_interleave(magnification, 2)
            .repeat_interleave(magnification, 3);
    }

    private static string Folder() => TestData.Folder("pretrained");
}
