using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Data;
using MLNetLosses.UnitTests.Imaging;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Data;

[TestClass]
public class ImageLoaderTests
{
    private static readonly ImagePreprocessing Tiny = new() { Width = 8, Height = 8 };

    [TestMethod]
    public void ABatchHoldsNormalisedPixelsTargetsWeightsAndRows()
    {
        using var store = Store(10);
        var loader = new ImageLoader(
            store,
            Labels(10),
            [.. Enumerable.Range(0, 10).Select(i => i / 10f)],
            new() { BatchSize = 4, Order = SampleOrder.Sequential }
        );
        Assert.AreEqual(3, loader.Steps);
        var batches = loader.Epoch(0).ToArray();
        CollectionAssert.AreEqual(new[] { 4, 4, 2 }, batches.Select(b => b.Rows.Length).ToArray());
        var second = batches[1];
        CollectionAssert.AreEqual(new long[] { 4, 5, 6, 7 }, second.Rows);
        CollectionAssert.AreEqual(new long[] { 1, 2, 0, 1 }, second.Targets.data<long>().ToArray());
        CollectionAssert.AreEqual(new[] { 0.4f, 0.5f, 0.6f, 0.7f }, second.Weights!.data<float>().ToArray());
        CollectionAssert.AreEqual(new long[] { 4, 3, 8, 8 }, second.Pixels.shape);
        Assert.AreEqual((5 / 255.0 - 0.485) / 0.229, second.Pixels[1, 0, 3, 3].item<float>(), 1e-5);
        Assert.AreEqual((0, 1), (second.Epoch, second.Step));
        foreach (var batch in batches)
            batch.Dispose();
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(3)]
    public void AnEpochCanBeContinuedAtAnyStepWithAnyNumberOfThreads(int readers)
    {
        using var store = Store(23);
        var options = new ImageLoaderOptions
        {
            BatchSize = 4,
            Seed = 5,
            Augmentation = Augmentation.Strong,
        };
        var whole = new ImageLoader(store, Labels(23), null, options).Epoch(2).ToArray();
        using var cold = Store(23, budget: 0);
        var rest = new ImageLoader(cold, Labels(23), null, options with { Readers = readers }).Epoch(2, 3).ToArray();
        Assert.AreEqual(whole.Length - 3, rest.Length);
        foreach (var (a, b) in whole.Skip(3).Zip(rest))
        {
            Assert.IsTrue(a.Pixels.equal(b.Pixels).all().item<bool>());
            CollectionAssert.AreEqual(a.Rows, b.Rows);
            Assert.AreEqual(a.Mixed!.Lambda, b.Mixed!.Lambda);
            Assert.AreEqual(a.Step, b.Step);
        }
        foreach (var batch in whole.Concat(rest))
            batch.Dispose();
    }

    [TestMethod]
    public void AnIncompleteLastBatchIsDroppedUnlessItIsTheOnlyOne()
    {
        using var store = Store(10);
        Assert.AreEqual(2, new ImageLoader(store, Labels(10), null, new() { BatchSize = 4, DropLast = true }).Steps);
        var small = new ImageLoader(store, Labels(10), null, new() { BatchSize = 16, DropLast = true });
        Assert.AreEqual(1, small.Steps);
        using var only = small.Epoch(0).Single();
        Assert.AreEqual(10, only.Rows.Length);
    }

    [TestMethod]
    public void SkippedRowsAreCountedAndGone()
    {
        using var store = Store(6);
        store.AddEncoded(new byte[] { 1, 2, 3 });
        store.AddEncoded(TestImages.RgbPng(8, 8, (_, _) => (200, 0, 0)));
        var labels = Labels(8);
        var loader = new ImageLoader(
            store,
            labels,
            null,
            new()
            {
                BatchSize = 3,
                Order = SampleOrder.Sequential,
                SkipUndecodable = true,
            }
        );
        Assert.AreEqual(6L, loader.Skipped.Single().Row);
        Assert.AreEqual(7, loader.Count);
        var rows = new List<long>();
        foreach (var batch in loader.Epoch(0))
            using (batch)
                rows.AddRange(batch.Rows);
        CollectionAssert.AreEqual(new long[] { 0, 1, 2, 3, 4, 5, 7 }, rows);

        var strict = new ImageLoader(store, labels, null, new() { BatchSize = 3, Order = SampleOrder.Sequential });
        var error = Assert.ThrowsExactly<ImageDecodeException>(() =>
        {
            foreach (var batch in strict.Epoch(0))
                batch.Dispose();
        });
        StringAssert.Contains(error.Message, "row 6");
        using var broken = new ImageStore(Tiny);
        broken.AddEncoded(new byte[] { 1 });
        Assert.ThrowsExactly<ArgumentException>(() => new ImageLoader(broken, [0], null, new() { SkipUndecodable = true }));
    }

    [TestMethod]
    public void LeavingAnEpochLeavesNoTensor()
    {
        using var store = Store(40);
        var loader = new ImageLoader(
            store,
            Labels(40),
            null,
            new()
            {
                BatchSize = 2,
                Augmentation = Augmentation.Strong,
                Readers = 2,
            }
        );
        loader.Epoch(0).First().Dispose();
        var before = LiveTensors.Settled();
        for (var epoch = 0; epoch < 5; epoch++)
        {
            using var scope = NewDisposeScope();
            foreach (var batch in loader.Epoch(epoch).Take(3))
                batch.Dispose();
        }
        Assert.AreEqual(before, Tensor.TotalCount);
    }

    [TestMethod]
    public void CancellingEndsAnEpoch()
    {
        using var store = Store(40);
        using var cancellation = new CancellationTokenSource();
        var loader = new ImageLoader(store, Labels(40), null, new() { BatchSize = 2 });
        var taken = 0;
        Assert.ThrowsExactly<OperationCanceledException>(() =>
        {
            foreach (var batch in loader.Epoch(0, cancellation: cancellation.Token))
            {
                batch.Dispose();
                if (++taken == 4)
                    cancellation.Cancel();
            }
        });
        Assert.AreEqual(4, taken);
    }

    [TestMethod]
    public void MixedBatchesHaveSoftTargets()
    {
        using var scope = NewDisposeScope();
        using var store = Store(8);
        var loader = new ImageLoader(
            store,
            Labels(8),
            [.. Enumerable.Range(0, 8).Select(i => (float)i)],
            new()
            {
                BatchSize = 8,
                Augmentation = new() { MixupAlpha = 1 },
            }
        );
        using var batch = loader.Epoch(0).Single();
        var (mixed, soft) = (batch.Mixed!, batch.SoftTargets(3, 0.3));
        Assert.IsTrue(soft.sum(1).allclose(ones(8)));
        for (var i = 0; i < 8; i++)
        {
            var (own, partner) = (batch.Targets[i].item<long>(), mixed.Targets[i].item<long>());
            var expected = 0.1 + 0.7 * (mixed.Lambda + (own == partner ? 1 - mixed.Lambda : 0));
            Assert.AreEqual(expected, soft[i, own].item<float>(), 1e-5);
            var row = (long)mixed.Weights![i].item<float>();
            Assert.AreEqual(row % 3, partner, "weights and targets come from the same partner");
        }
    }

    [TestMethod]
    public void WrongCountsLabelsAndWeightsAreRefused()
    {
        using var store = Store(3);
        Assert.ThrowsExactly<ArgumentException>(() => new ImageLoader(store, [0, 1], null, new()));
        Assert.ThrowsExactly<ArgumentException>(() => new ImageLoader(store, [0, 1, -1], null, new()));
        Assert.ThrowsExactly<ArgumentException>(() => new ImageLoader(store, [0, 1, 2], [1, 1], new()));
        Assert.ThrowsExactly<ArgumentException>(() => new ImageLoader(store, [0, 1, 2], [1, float.NaN, 1], new()));
        Assert.ThrowsExactly<ArgumentException>(() =>
            new ImageLoader(
                store,
                [0, 1, 2],
                null,
                new()
                {
                    Augmentation = new() { CropPadding = 1, ResizedCrop = new() },
                }
            )
        );
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new ImageLoaderOptions { BatchSize = 0 });
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new ImageLoader(store, [0, 1, 2], null, new()).Epoch(0, 2));
        using var empty = new ImageStore(Tiny);
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => new ImageLoader(empty, [], null, new())).Message, "no images");
    }

    private static ImageStore Store(int count, long budget = ImageStore.DefaultMemoryBudget)
    {
        var store = new ImageStore(Tiny, budget);
        for (var i = 0; i < count; i++)
            store.AddEncoded(TestImages.RgbPng(8, 8, (x, y) => (i, 20 * x, 20 * y)));
        return store;
    }

    private static int[] Labels(int count) => [.. Enumerable.Range(0, count).Select(i => i % 3)];
}
