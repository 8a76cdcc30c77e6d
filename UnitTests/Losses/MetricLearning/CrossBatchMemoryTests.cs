using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static MLNetLosses.UnitTests.Losses.MetricLearning.Numbers;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.MetricLearning;

[TestClass]
public class CrossBatchMemoryTests
{
    private const int Size = 4;

    private static readonly LossContext Context = new() { EmbeddingSize = Size, DType = ScalarType.Float64 };

    private static readonly MetricLoss[] Allowed =
    [
        new ContrastiveLoss(),
        new TripletLoss { Margin = 0.3 },
        new TripletLoss { Miner = new BatchHardMiner() },
        new MultiSimilarityLoss { Miner = new MultiSimilarityMiner() },
        new SupervisedContrastiveLoss(),
        new CircleLoss(),
        new LiftedStructureLoss { Generalized = true },
        new MarginLoss(),
        new AngularLoss(),
        new TupletMarginLoss(),
    ];

    private static LossInputs Batch(ulong seed, int rows = 6)
    {
        using var generator = new Generator(seed, CPU);
        return new()
        {
            ["embeddings"] = randn(rows, Size, dtype: ScalarType.Float64, generator: generator),
            ["labels"] = arange(rows, dtype: ScalarType.Int64).remainder(3),
        };
    }

    [TestMethod]
    public void ComparesWithEverythingSeenSoFar()
    {
        using var scope = NewDisposeScope();
        foreach (var inner in Allowed)
        {
            using var function = new CrossBatchMemoryLoss { MemorySize = 15, Inner = inner }.Build(Context);
            var seen = new List<LossInputs>();
            for (var step = 0UL; step < 4; step++)
            {
                var batch = Batch(step + 1);
                seen.Add(batch);
                // The last 15 rows, oldest first; the batch's own copies are the last 6.
                var embeddings = cat(seen.Select(b => b["embeddings"]).ToArray());
                var labels = cat(seen.Select(b => b["labels"]).ToArray());
                var start = Math.Max(0, embeddings.shape[0] - 15);
                var (rows, count) = (embeddings[(int)start..], embeddings.shape[0] - start);
                var expected = inner.Value(
                    batch.With(
                        ("references", rows),
                        ("referenceLabels", labels[(int)start..]),
                        ("ownReferences", arange(count - 6, count, dtype: ScalarType.Int64))
                    )
                );
                AreClose(expected, function.Evaluate(batch).item<double>(), $"{inner}, step {step}");
            }
        }
    }

    [TestMethod]
    public void TheFirstBatchIsComparedWithItself()
    {
        using var scope = NewDisposeScope();
        foreach (var inner in Allowed)
        {
            using var function = new CrossBatchMemoryLoss { MemorySize = 64, Inner = inner }.Build(Context);
            AreClose(inner.Value(Batch(1)), function.Evaluate(Batch(1)).item<double>(), $"{inner}");
        }
    }

    [TestMethod]
    public void GradientReachesTheBatchOnly()
    {
        using var scope = NewDisposeScope();
        using var function = new CrossBatchMemoryLoss { MemorySize = 20, Inner = new ContrastiveLoss() }.Build(Context);
        var first = Batch(1);
        first["embeddings"].requires_grad_();
        function.Evaluate(first);
        var second = Batch(2);
        second["embeddings"].requires_grad_();
        function.Evaluate(second).backward();
        Assert.IsNull(first["embeddings"].grad);
        Assert.IsTrue(second["embeddings"].grad!.abs().sum().item<double>() > 0);
        Assert.IsFalse(function.State!["memoryEmbeddings"].requires_grad);
        Assert.AreEqual(0, function.parameters().Count());
    }

    [TestMethod]
    public void EvaluationLeavesTheMemoryAsItIs()
    {
        using var scope = NewDisposeScope();
        using var function = new CrossBatchMemoryLoss { MemorySize = 20, Inner = new ContrastiveLoss() }.Build(Context);
        function.Evaluate(Batch(1));
        var memory = function.State!["memoryEmbeddings"].clone();
        function.eval();
        var one = function.Evaluate(Batch(2)).item<double>();
        Assert.AreEqual(one, function.Evaluate(Batch(2)).item<double>());
        Assert.IsTrue(memory.allclose(function.State["memoryEmbeddings"], 0, 0));
        function.train();
        Assert.AreEqual(one, function.Evaluate(Batch(2)).item<double>(), 1e-12);
        Assert.AreEqual(12, function.State["memoryCount"].item<long>());
    }

    [TestMethod]
    public void TheMemoryIsSavedAndRestored()
    {
        using var scope = NewDisposeScope();
        var loss = new CrossBatchMemoryLoss { MemorySize = 20, Inner = new MultiSimilarityLoss() };
        using var trained = loss.Build(Context);
        trained.Evaluate(Batch(1));
        using var stream = new MemoryStream();
        trained.save(stream);
        using var saved = new MemoryStream(stream.ToArray());
        using var resumed = loss.Build(Context);
        resumed.load(saved);
        Assert.AreEqual(trained.Evaluate(Batch(2)).item<double>(), resumed.Evaluate(Batch(2)).item<double>());
    }

    [TestMethod]
    public void KeysJoinTheMemoryAndAreTheirSamplesPartners()
    {
        using var scope = NewDisposeScope();
        // Momentum contrast: every sample is a class of its own, its key the only positive.
        using var function = new CrossBatchMemoryLoss
        {
            MemorySize = 12,
            Inner = new SupervisedContrastiveLoss { Temperature = 0.2 },
        }.Build(Context);
        var (older, keys, queries) = (Batch(1)["embeddings"], Batch(2)["embeddings"], Batch(3)["embeddings"]);
        function.Evaluate(
            new()
            {
                ["embeddings"] = queries,
                ["keys"] = older,
                ["labels"] = arange(6, dtype: ScalarType.Int64),
            }
        );
        var value = function.Evaluate(
            new()
            {
                ["embeddings"] = queries,
                ["keys"] = keys,
                ["labels"] = arange(6, 12, dtype: ScalarType.Int64),
            }
        );
        static Tensor Unit(Tensor x) => nn.functional.normalize(x, 2, 1);
        var logits = Unit(queries).mm(Unit(cat(new Tensor[] { keys, older })).t()) / 0.2;
        AreClose(nn.functional.cross_entropy(logits, arange(6, dtype: ScalarType.Int64)).item<double>(), value.item<double>(), "InfoNCE");
        Assert.IsTrue(function.State!["memoryEmbeddings"].allclose(cat(new Tensor[] { older, keys }), 0, 0));
    }

    [TestMethod]
    public void WrongUseIsRefused()
    {
        using var scope = NewDisposeScope();
        foreach (
            var inner in new MetricLoss[]
            {
                new TripletLoss { Swap = true },
                new LiftedStructureLoss(),
                new FastAPLoss(),
                new CenterLoss(),
            }
        )
            StringAssert.Contains(
                Assert.ThrowsExactly<ArgumentException>(() => new CrossBatchMemoryLoss { Inner = inner }.Build(Context)).Message,
                "cannot be its inner loss"
            );
        using var function = new CrossBatchMemoryLoss { MemorySize = 5, Inner = new ContrastiveLoss() }.Build(Context);
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => function.Evaluate(Batch(1))).Message,
            "set MemorySize (5) to at least the batch size"
        );
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => new CrossBatchMemoryLoss { Inner = new ContrastiveLoss() }.Build()).Message,
            "LossContext.EmbeddingSize"
        );
    }
}
