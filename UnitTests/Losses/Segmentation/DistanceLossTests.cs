using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.Segmentation;

[TestClass]
public class DistanceLossTests
{
    private DisposeScope scope = null!;

    [TestInitialize]
    public void Open() => scope = NewDisposeScope();

    [TestCleanup]
    public void Close() => scope.Dispose();

    public static IEnumerable<object[]> BorderLosses =>
        [
            ["Boundary()"],
            ["HausdorffDistance(alpha: 1.5, includeBackground: true)"],
        ];

    [TestMethod]
    [DynamicData(nameof(BorderLosses))]
    public void MapsMadeBeforehandGiveTheSame(string text)
    {
        var loss = Loss.Parse<BorderDistanceLoss>(text) with { IgnoreIndex = 255 };
        var (x, y) = (Samples.Logits(1, 2, 3, 7, 6), Samples.Indices(1, 3, 2, 7, 6));
        y[0, 3, 3] = 255;
        var inputs = new LossInputs
        {
            ["logits"] = x,
            ["targets"] = y,
            ["distanceMaps"] = loss.DistanceMaps(y, 3),
        };
        var value = loss.Compute(x, y).Number();
        for (var again = 0; again < 2; again++) // the maps stay as they are
            Assert.AreEqual(value, loss.Compute(inputs).Number(), 1e-6);
        var labels = Samples.Indices(2, 2, 2, 3, 7, 6);
        inputs = new LossInputs
        {
            ["logits"] = x,
            ["targets"] = labels,
            ["distanceMaps"] = loss.DistanceMaps(labels, 3, labels: true),
        };
        Assert.AreEqual(loss.Compute(x, labels).Number(), loss.Compute(inputs).Number(), 1e-6);
    }

    public static IEnumerable<object[]> SummedLosses =>
        from loss in new[] { "Boundary", "HausdorffDistance" }
        from options in new[]
        {
            "ignoreIndex: 255",
            "ignoreIndex: 255, classWeights: [1, 0.5, 2]",
            "ignoreIndex: 1, includeBackground: true, classWeights: [1, 0.5, 2]",
            "spacing: [2, 0.3], ignoreIndex: 0",
        }
        from classes in options.Contains("classWeights") ? new[] { 3 } : [1, 2, 3]
        from labels in options.Contains("255") ? new[] { "none", "Int64", "Float32" } : ["none"]
        where labels == "none" || classes != 1
        select new object[] { $"{loss}({options})", classes, labels };

    [TestMethod]
    [DynamicData(nameof(SummedLosses))]
    public void SumsMadeByOneLoopAreThoseOfEveryPixel(string text, int classes, string labels)
    {
        var loss = Loss.Parse<BorderDistanceLoss>(text);
        var (x, y) = (Samples.Logits(7, 2, classes, 8, 9), Samples.Indices(7, Math.Max(2, classes), 2, 8, 9));
        if (labels != "none")
            y = Samples.Indices(8, 2, 2, classes, 8, 9).to(Enum.Parse<ScalarType>(labels));
        y[1, TensorIndex.Ellipsis, 3] = loss.IgnoreIndex;
        var rows = tensor(new[] { 0.5, 3 });
        foreach (var maps in new[] { null, loss.DistanceMaps(y, classes, labels != "none") })
        {
            (double[] Value, double[] First, double[] Second) Of(Reduction reduction)
            {
                var leaf = x.clone().requires_grad_();
                var inputs = new LossInputs
                {
                    ["logits"] = leaf,
                    ["targets"] = y,
                    ["weights"] = rows,
                };
                var value = loss.Compute(maps is null ? inputs : inputs.With(("distanceMaps", maps)), reduction).sum();
                var plain = autograd.grad([value], [leaf], retain_graph: true)[0];
                var first = autograd.grad([value], [leaf], retain_graph: true, create_graph: true)[0];
                var second = autograd.grad([first.square().sum()], [leaf])[0];
                Samples.AreClose(first.Numbers(), plain.Numbers(), 1e-10, "first derivative with a graph");
                return (value.reshape(1).Numbers(), plain.Numbers(), second.Numbers());
            }
            var (expected, actual) = (Of(Reduction.None), Of(Reduction.Sum));
            Assert.AreNotEqual(0, expected.Value[0]);
            Samples.AreClose(expected.Value, actual.Value, 1e-10, "value");
            Samples.AreClose(expected.First, actual.First, 1e-10, "first derivative");
            Samples.AreClose(expected.Second, actual.Second, 1e-10, "second derivative");
        }
    }

    [TestMethod]
    public void MapsOfAnotherShapeAreRefused()
    {
        var (x, y) = (Samples.Logits(1, 2, 3, 7, 6), Samples.Indices(1, 3, 2, 7, 6));
        var inputs = new LossInputs
        {
            ["logits"] = x,
            ["targets"] = y,
            ["distanceMaps"] = zeros(2, 3, 7, 6),
        };
        var error = Assert.ThrowsExactly<ArgumentException>(() => new BoundaryLoss().Compute(inputs));
        Assert.AreEqual("distanceMaps", error.ParamName);
        StringAssert.Contains(error.Message, "[2, 2, 7, 6]");
    }

    [TestMethod]
    [DynamicData(nameof(BorderLosses))]
    public void VolumesAndSpacingAreServed(string text)
    {
        var loss = Loss.Parse<BorderDistanceLoss>(text);
        var (x, y) = (Samples.Logits(3, 2, 2, 5, 6), Samples.Indices(3, 2, 2, 5, 6));
        // A volume one pixel deep is an image.
        Samples.AreSame(loss, (x, y), (x.unsqueeze(2), y.unsqueeze(1)));
        Samples.AreSame(loss, (x.narrow(2, 0, 1), y.narrow(1, 0, 1)), (x.select(2, 0), y.select(1, 0)));
        Assert.AreNotEqual(loss.Compute(x, y).Number(), (loss with { Spacing = [2, 1] }).Compute(x, y).Number());
        var error = Assert.ThrowsExactly<ArgumentException>(() => (loss with { Spacing = [1, 1, 1] }).Compute(x, y));
        Assert.AreEqual("Spacing", error.ParamName);
    }

    [TestMethod]
    public void HausdorffIsTheFormulaAndItsLogarithm()
    {
        var (x, y) = (Samples.Logits(4, 2, 1, 6, 7), Samples.Indices(4, 2, 2, 6, 7));
        Tensor ToBorder(Tensor mask) =>
            DistanceTransform.Euclidean(mask, dtype: ScalarType.Float64) + DistanceTransform.Euclidean(1 - mask, dtype: ScalarType.Float64);
        var p = x.sigmoid().squeeze(1);
        var mean = ((p - y).square() * (ToBorder(p.gt(0.5).to(ScalarType.Int64)).pow(3) + ToBorder(y).pow(3))).mean().Number();
        var loss = new HausdorffDistanceLoss { Alpha = 3 };
        Assert.AreEqual(mean, loss.Compute(x, y).Number(), 1e-9);
        Assert.AreEqual(Math.Log(1 + mean), (loss with { Log = true }).Compute(x, y).Number(), 1e-12);
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    public void BordersLieBetweenTheTwoNearestObjects(int classes)
    {
        // 12 objects of one pixel to a few, some touching at corners, two of different classes touching.
        using var generator = new Generator(5, CPU);
        var scattered = rand([1, 14, 15], generator: generator).lt(0.12);
        var y = scattered.to(ScalarType.Int64) * (1 + arange(14 * 15, ScalarType.Int64).remainder(classes).reshape(1, 14, 15));
        var (objects, count) = ConnectedComponents.Label(y.data<long>().ToArray(), [14, 15], -100);
        Assert.IsTrue(count > 5);
        var loss = new BoundaryWeightedCrossEntropyLoss { Sigma = 3 };
        var map = loss.BorderMap(y).Numbers();
        for (var i = 0; i < map.Length; i++)
        {
            double Away(int j) => Math.Sqrt(Math.Pow(i / 15 - j / 15, 2) + Math.Pow(i % 15 - j % 15, 2));
            var nearest = Enumerable
                .Range(1, count)
                .Select(k => Enumerable.Range(0, map.Length).Where(j => objects[j] == k).Min(Away))
                .Order()
                .Take(2)
                .Sum();
            var expected = objects[i] > 0 ? 0 : Math.Exp(-nearest * nearest / 18);
            Assert.AreEqual(expected, map[i], 1e-6, $"pixel {i}");
        }
        var (x, inputs) = (Samples.Logits(5, 1, classes + 1, 14, 15), new LossInputs());
        (inputs["logits"], inputs["targets"], inputs["borderMap"]) = (x, y, loss.BorderMap(y));
        Assert.AreEqual(loss.Compute(x, y).Number(), loss.Compute(inputs).Number(), 1e-6);
    }

    [TestMethod]
    public void ObjectsConnectAcrossCornersInImagesAndVolumes()
    {
        long[] image = [1, 0, 2, 2, 0, 1, 0, 2, 0, 0, 0, 1];
        var (regions, count) = ConnectedComponents.Label(image, [3, 4], -100);
        Assert.AreEqual(3, count);
        CollectionAssert.AreEqual(new[] { 1, 0, 2, 2, 0, 1, 0, 2, 0, 0, 0, 3 }, regions);
        Assert.AreEqual(5, ConnectedComponents.Label(image, [12], -100).Count); // the same numbers in a row
        long[] volume = [1, 0, 0, 0, 0, 0, 0, 1]; // opposite corners of a cube
        Assert.AreEqual(1, ConnectedComponents.Label(volume, [2, 2, 2], -100).Count);
        Assert.AreEqual(0, ConnectedComponents.Label(volume, [2, 2, 2], 1).Count);
        // A region of a million pixels needs no deep stack.
        Assert.AreEqual(1, ConnectedComponents.Label(Enumerable.Repeat(1L, 1 << 18).ToArray(), [512, 512], -100).Count);
    }
}
