using System.Text.Json;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Data;
using MLNetLosses.UnitTests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Augmentations;

/// <summary>Geometry, resizing, normalisation and mixing against the values of the reference implementations.</summary>
[TestClass]
public class GoldenAugmentTests
{
    private static readonly string? Folder = GoldenFolder.Find("MLNETLOSSES_GOLDEN_AUGMENT", "golden-augment");

    public static IEnumerable<object?[]> Names()
    {
        if (Folder is null)
            return
            [
                [null, null],
            ];
        return from file in Directory.GetFiles(Folder, "*.json").Order(StringComparer.Ordinal)
            from name in Cases(file).Select(c => c.GetProperty("name").GetString())
            select new object?[] { Path.GetFileName(file), name };
    }

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void MatchesTheReference(string? file, string? name)
    {
        if (Folder is null)
            Assert.Inconclusive("MLNETLOSSES_GOLDEN_AUGMENT is not set and ../shared/golden-augment does not exist.");
        using var scope = NewDisposeScope();
        var json = Cases(Path.Combine(Folder!, file!)).Single(c => c.GetProperty("name").GetString() == name);
        var inputs = Tensors(json.GetProperty("inputs"));
        var outputs = Tensors(json.GetProperty("outputs"));
        var actual = Compute(json.GetProperty("op").GetString()!, json.GetProperty("options"), inputs);
        var tolerance = json.GetProperty("rtol").GetDouble();
        foreach (var (key, expected) in outputs)
        {
            Assert.IsTrue(actual.TryGetValue(key, out var value), $"{key} is not computed.");
            CollectionAssert.AreEqual(expected.shape, value!.shape, key);
            if (expected.dtype == ScalarType.Int64)
                Assert.IsTrue(value.to(ScalarType.Int64).equal(expected).all().item<bool>(), $"{key}: {value.str()}");
            else
                Assert.IsTrue(value.allclose(expected, tolerance, 1e-12), $"{key}: {value.str()} instead of {expected.str()}");
        }
    }

    private static Dictionary<string, Tensor> Compute(string op, JsonElement options, Dictionary<string, Tensor> inputs)
    {
        switch (op)
        {
            case "HorizontalFlip":
                return Move(inputs, GeometricTransform.FlipHorizontally);
            case "Crop":
                return Move(inputs, (w, h) => GeometricTransform.Crop(w, h, Int("left"), Int("top"), Int("width"), Int("height")));
            case "Resize":
                return Resize(inputs, Int("width"), Int("height"), options.TryGetProperty("antialias", out var a) && a.GetBoolean());
            case "Normalize":
                var normalization = new PixelNormalization(List("mean"), List("std"), 3);
                return new() { ["image"] = normalization.Apply(inputs["image"].to(ScalarType.Float64)) };
            case "Mixup":
                return Mix(inputs, new(Number("lambda"), Order(), null), Int("classes"), Smoothing());
            case "CutMix":
                var (width, height) = ((int)inputs["images"].shape[3], (int)inputs["images"].shape[2]);
                var plan = MixingPlan.CutMix(Number("lambda"), Int("centerX"), Int("centerY"), width, height, Order());
                return Mix(inputs, plan, Int("classes"), Smoothing());
            default:
                throw new NotSupportedException($"'{op}' is not known.");
        }

        int Int(string name) => options.GetProperty(name).GetInt32();
        double Number(string name) => options.GetProperty(name).GetDouble();
        double[] List(string name) => [.. options.GetProperty(name).EnumerateArray().Select(v => v.GetDouble())];
        int[] Order() => [.. inputs["order"].data<long>().ToArray().Select(i => (int)i)];
        double Smoothing() => options.TryGetProperty("labelSmoothing", out var smoothing) ? smoothing.GetDouble() : 0;
    }

    private static Dictionary<string, Tensor> Move(Dictionary<string, Tensor> inputs, Func<int, int, GeometricTransform> make)
    {
        var image = inputs["image"];
        var transform = make((int)image.shape[2], (int)image.shape[1]);
        var boxes = transform.Apply(Boxes(inputs["boxes"]), out var indices);
        var bytes = new byte[3 * transform.Width * transform.Height];
        ExactGeometry.Copy(transform, image.to(ScalarType.Byte).bytes, bytes, 0);
        Assert.IsTrue(transform.IsExact);
        var moved = TensorGeometry.Nearest(image, transform, 0);
        Assert.IsTrue(
            moved.equal(tensor(bytes, moved.shape, ScalarType.Byte)).all().item<bool>(),
            "copying bytes and picking values agree"
        );
        return new()
        {
            ["image"] = moved,
            ["mask"] = TensorGeometry.Nearest(inputs["mask"], transform, 0),
            ["boxes"] = Boxes(boxes),
            ["kept"] = tensor(indices.Select(i => (long)i).ToArray()),
        };
    }

    private static Dictionary<string, Tensor> Resize(Dictionary<string, Tensor> inputs, int width, int height, bool antialias)
    {
        var result = new Dictionary<string, Tensor>();
        if (inputs.TryGetValue("image", out var image))
            result["image"] = TensorResize.Bilinear(image, height, width, antialias);
        if (inputs.TryGetValue("mask", out var mask))
            result["mask"] = TensorResize.Nearest(mask, height, width);
        if (inputs.TryGetValue("boxes", out var boxes))
        {
            var (fromHeight, fromWidth) = ((int)inputs["size"][0].item<long>(), (int)inputs["size"][1].item<long>());
            result["boxes"] = Boxes(GeometricTransform.Resize(fromWidth, fromHeight, width, height).Apply(Boxes(boxes), out _));
        }
        return result;
    }

    private static Dictionary<string, Tensor> Mix(Dictionary<string, Tensor> inputs, MixingPlan plan, int classes, double smoothing)
    {
        var own = SoftTargets.OneHot(inputs["labels"], classes, smoothing, ScalarType.Float64);
        var partner = SoftTargets.OneHot(plan.Pick(inputs["labels"]), classes, smoothing, ScalarType.Float64);
        var box = plan.Box ?? default;
        return new()
        {
            ["images"] = plan.Apply(inputs["images"]),
            ["targets"] = SoftTargets.Mix(own, partner, plan.Lambda),
            ["box"] = tensor(new long[] { box.Left, box.Top, box.Right, box.Bottom }),
            ["lambda"] = tensor(plan.Lambda),
        };
    }

    private static PixelBox[] Boxes(Tensor boxes) =>
        [.. boxes.data<double>().ToArray().Chunk(4).Select(b => new PixelBox(b[0], b[1], b[2], b[3]))];

    private static Tensor Boxes(PixelBox[] boxes) =>
        tensor(boxes.SelectMany(b => new[] { b.X0, b.Y0, b.X1, b.Y1 }).ToArray()).view(boxes.Length, 4);

    private static IEnumerable<JsonElement> Cases(string file) =>
        JsonDocument.Parse(File.ReadAllBytes(file)).RootElement.GetProperty("cases").EnumerateArray();

    private static Dictionary<string, Tensor> Tensors(JsonElement section) =>
        section.EnumerateObject().ToDictionary(t => t.Name, t => GoldenCase.Read(t.Value, ScalarType.Float64));
}
