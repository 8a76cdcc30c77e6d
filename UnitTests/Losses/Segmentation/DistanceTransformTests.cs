using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.Segmentation;

[TestClass]
public class DistanceTransformTests
{
    private DisposeScope scope = null!;

    [TestInitialize]
    public void Open() => scope = NewDisposeScope();

    [TestCleanup]
    public void Close() => scope.Dispose();

    [TestMethod]
    [DataRow(new long[] { 40 }, 2.0, null, null)]
    [DataRow(new long[] { 13, 17 }, 1.0, 1.0, null)]
    [DataRow(new long[] { 13, 17 }, 0.3, 2.5, null)]
    [DataRow(new long[] { 1, 9 }, 1.0, 2.0, null)]
    [DataRow(new long[] { 5, 7, 6 }, 1.0, 1.0, 1.0)]
    [DataRow(new long[] { 5, 7, 6 }, 3.0, 0.7, 1.1)]
    public void EveryDistanceIsTheLeastOfAllPairs(long[] shape, double first, double? second, double? third)
    {
        double[] spacing = [.. new[] { first, second, third }.OfType<double>()];
        foreach (var share in new[] { 0.5, 0.95 }) // of pixels inside
        foreach (var images in new[] { 1, 5 }) // by lines, by images
        {
            using var generator = new Generator(3, CPU);
            var mask = rand([images, .. shape], generator: generator).lt(share);
            var distances = DistanceTransform.Euclidean(mask, shape.Length, spacing, ScalarType.Float64);
            for (var n = 0; n < images; n++)
                Samples.AreClose(AllPairs(mask[n], shape, spacing), distances[n].Numbers(), 1e-12);
        }
    }

    private static double[] AllPairs(Tensor mask, long[] shape, double[] spacing)
    {
        var inside = mask.to(ScalarType.Float64).Numbers();
        double[] At(int pixel)
        {
            var at = new double[shape.Length];
            for (var axis = shape.Length - 1; axis >= 0; axis--)
                (pixel, at[axis]) = (pixel / (int)shape[axis], pixel % (int)shape[axis] * spacing[axis]);
            return at;
        }
        var all = Enumerable.Range(0, inside.Length).Select(At).ToArray();
        var outside = Enumerable.Range(0, inside.Length).Where(i => inside[i] == 0).ToArray();
        return
        [
            .. all.Select(a => outside.Length == 0 ? 0 : outside.Min(o => Math.Sqrt(a.Zip(all[o], (x, y) => (x - y) * (x - y)).Sum()))),
        ];
    }

    [TestMethod]
    public void ViewsAndOtherTypesAreRead()
    {
        var mask = Samples.Indices(1, 2, 2, 6, 9);
        var expected = DistanceTransform.Euclidean(mask).Numbers();
        CollectionAssert.AreEqual(expected, DistanceTransform.Euclidean(mask.to(ScalarType.Float32) * 0.1).Numbers());
        var turned = DistanceTransform.Euclidean(mask.transpose(1, 2)).transpose(1, 2);
        CollectionAssert.AreEqual(expected, turned.Numbers());
        Assert.AreEqual(0, DistanceTransform.Euclidean(zeros(0, 3, 3)).numel());
    }

    [TestMethod]
    public void WrongUseIsRefusedWithItsReason()
    {
        var mask = ones(4, 5);
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => DistanceTransform.Euclidean(mask, 3)).Message, "[1, 2]");
        foreach (var spacing in new double[][] { [1], [1, 0], [1, double.NaN] })
            Assert.AreEqual(
                "spacing",
                Assert.ThrowsExactly<ArgumentException>(() => DistanceTransform.Euclidean(mask, 2, spacing)).ParamName
            );
        Assert.AreEqual(
            "dtype",
            Assert.ThrowsExactly<ArgumentException>(() => DistanceTransform.Euclidean(mask, dtype: ScalarType.Int64)).ParamName
        );
    }

    [TestMethod]
    public void BordersOfTheMaskAreZeroAndTheSignSaysTheSide()
    {
        var mask = zeros([1, 1, 5, 5], ScalarType.Bool);
        mask[0, 0, 1..4, 1..4] = true;
        var map = DistanceMaps.Signed(mask, null, ScalarType.Float64)[0, 0];
        Assert.AreEqual(-1, map[2, 2].Number());
        Assert.AreEqual(0, map[1, 1].Number());
        Assert.AreEqual(1, map[0, 2].Number());
        Assert.AreEqual(Math.Sqrt(2), map[0, 0].Number(), 1e-12);
        var scaled = DistanceMaps.Signed(mask, [2, 2], ScalarType.Float64)[0, 0];
        Samples.AreClose((map * 2).Numbers(), scaled.Numbers(), 1e-12);
    }
}
