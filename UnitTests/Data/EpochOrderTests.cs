using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Data;

namespace MLNetLosses.UnitTests.Data;

[TestClass]
public class EpochOrderTests
{
    private static readonly int[] Labels = [.. Enumerable.Repeat(0, 90), .. Enumerable.Repeat(1, 8), 2, 2];

    [TestMethod]
    [DataRow(SampleOrder.Shuffled)]
    [DataRow(SampleOrder.Balanced)]
    public void AnEpochIsAFunctionOfSeedAndNumber(SampleOrder order)
    {
        CollectionAssert.AreEqual(EpochOrder.Make(order, Labels, 5, 3), EpochOrder.Make(order, Labels, 5, 3));
        CollectionAssert.AreNotEqual(EpochOrder.Make(order, Labels, 5, 3), EpochOrder.Make(order, Labels, 5, 4));
        CollectionAssert.AreNotEqual(EpochOrder.Make(order, Labels, 5, 3), EpochOrder.Make(order, Labels, 6, 3));
    }

    [TestMethod]
    public void ShufflingTakesEachImageOnceAndEveryOrderIsAsLikely()
    {
        CollectionAssert.AreEquivalent(Enumerable.Range(0, 100).ToArray(), EpochOrder.Make(SampleOrder.Shuffled, Labels, 1, 0));
        CollectionAssert.AreEqual(Enumerable.Range(0, 100).ToArray(), EpochOrder.Make(SampleOrder.Sequential, Labels, 1, 0));
        var counts = new Dictionary<string, int>();
        for (var epoch = 0; epoch < 6000; epoch++)
        {
            var key = string.Join(',', EpochOrder.Make(SampleOrder.Shuffled, [0, 0, 0], 1, epoch));
            counts[key] = counts.GetValueOrDefault(key) + 1;
        }
        Assert.AreEqual(6, counts.Count);
        Assert.IsTrue(counts.Values.All(c => Math.Abs(c - 1000) < 130), string.Join(' ', counts.Values));
    }

    [TestMethod]
    public void BalancedTakesEachClassEquallyOften()
    {
        var order = EpochOrder.Make(SampleOrder.Balanced, Labels, 1, 0);
        Assert.AreEqual(100, order.Length);
        var perClass = order.GroupBy(i => Labels[i]).ToDictionary(g => g.Key, g => g.Count());
        Assert.IsTrue(perClass.Count == 3 && perClass.Values.All(c => c is 33 or 34));
        Assert.AreEqual(perClass[0], order.Where(i => Labels[i] == 0).Distinct().Count(), "no image of a frequent class twice");
        var rare = order.Where(i => Labels[i] == 2).GroupBy(i => i).Select(g => g.Count()).ToArray();
        Assert.IsTrue(rare.Length == 2 && Math.Abs(rare[0] - rare[1]) <= 1, "images of a rare class take turns");
    }

    [TestMethod]
    public void TheGeneratorIsTheSameForever()
    {
        // Written down so that a model trained with a seed can be trained again by a later version.
        var random = new RandomStream(1, 2, 3);
        ulong[] drawn = [random.Next(), random.Next(), random.Next()];
        CollectionAssert.AreEqual(Expected, drawn, string.Join(", ", drawn));
    }

    private static readonly ulong[] Expected = [1979786065319153939, 15626881895894663628, 18102394465204114341];

    [TestMethod]
    public void DrawsHaveTheirDistributions()
    {
        var random = new RandomStream(11);
        var uniform = Enumerable.Range(0, 20_000).Select(_ => random.Uniform()).ToArray();
        Assert.AreEqual(0.5, uniform.Average(), 0.01);
        Assert.AreEqual(1 / 12.0, uniform.Average(u => (u - 0.5) * (u - 0.5)), 0.002);
        var normal = Enumerable.Range(0, 20_000).Select(_ => random.Normal()).ToArray();
        Assert.AreEqual(0, normal.Average(), 0.03);
        Assert.AreEqual(1, normal.Average(n => n * n), 0.05);
        foreach (var alpha in new[] { 0.1, 0.4, 1, 5 })
        {
            var beta = Enumerable.Range(0, 20_000).Select(_ => random.Beta(alpha)).ToArray();
            Assert.IsTrue(beta.All(b => b is >= 0 and <= 1));
            Assert.AreEqual(0.25 / (2 * alpha + 1), beta.Average(b => (b - 0.5) * (b - 0.5)), 0.005, $"alpha {alpha}");
        }
        var below = Enumerable.Range(0, 7000).GroupBy(_ => random.Below(7)).ToDictionary(g => g.Key, g => g.Count());
        Assert.IsTrue(below.Count == 7 && below.Values.All(c => Math.Abs(c - 1000) < 150));
    }
}
