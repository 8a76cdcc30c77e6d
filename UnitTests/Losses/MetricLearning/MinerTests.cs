using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static MLNetLosses.UnitTests.Losses.MetricLearning.Numbers;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.MetricLearning;

[TestClass]
public class MinerTests
{
    private static readonly Distance Plain = new EuclideanDistance();

    private static Distance[] Distances => [Plain, new CosineSimilarity(), new EuclideanDistance { Power = 2 }];

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void TripletMinersKeepWhatTheySay(bool references)
    {
        using var scope = NewDisposeScope();
        var problem = Problem.Draw(references, n: 12, m: 10);
        foreach (var distance in Distances)
        {
            double Gap((int A, int P, int N) t) => problem.D(distance, t.A, t.N) - problem.D(distance, t.A, t.P);
            Check(problem, new TripletMarginMiner { Margin = 0.3, Distance = distance }, t => Gap(t) <= 0.3);
            Check(problem, new SemiHardMiner { Margin = 0.4, Distance = distance }, t => Gap(t) > 0 && Gap(t) <= 0.4);
            Check(problem, new HardMiner { Distance = distance }, t => Gap(t) <= 0);
            Check(
                problem,
                new BatchHardMiner { Distance = distance },
                t =>
                    problem.Positives(t.A).MaxBy(p => problem.D(distance, t.A, p)) == t.P
                    && problem.Negatives(t.A).MinBy(n => problem.D(distance, t.A, n)) == t.N
            );
        }
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void PairMinersKeepWhatTheySay(bool references)
    {
        using var scope = NewDisposeScope();
        var problem = Problem.Draw(references, n: 12, m: 10);
        foreach (var distance in Distances)
        {
            double D(int a, int j) => problem.D(distance, a, j);
            var (sign, positive, negative) = distance switch
            {
                CosineSimilarity => (-1, 0.3, 0.1),
                EuclideanDistance { Power: 2 } => (1, 1.4, 1.8),
                _ => (1, 1.2, 1.35),
            };
            CheckPairs(
                problem,
                new PairMarginMiner
                {
                    PositiveMargin = positive,
                    NegativeMargin = negative,
                    Distance = distance,
                },
                (a, p) => D(a, p) > sign * positive,
                (a, n) => D(a, n) < sign * negative
            );
            CheckPairs(
                problem,
                new MultiSimilarityMiner { Epsilon = 0.2, Distance = distance },
                (a, p) => D(a, p) + 0.2 > problem.Negatives(a).Min(n => D(a, n)),
                (a, n) => D(a, n) - 0.2 < problem.Positives(a).Max(p => D(a, p))
            );
        }
    }

    [TestMethod]
    public void AnAnchorWithoutBothKindsMakesNoTriplet()
    {
        using var scope = NewDisposeScope();
        var (x, y) = (randn(5, 3), tensor(new long[] { 0, 0, 1, 2, 3 }));
        foreach (var miner in new Miner[] { new BatchHardMiner(), new MultiSimilarityMiner(), new SemiHardMiner(), new HardMiner() })
        {
            var all = new TripletLoss
            {
                Margin = 5,
                Miner = miner,
                AverageNonZero = false,
            }.Compute(x, y);
            var lonely = new TripletLoss { Margin = 5, Miner = miner }.Compute(x[2..], y[2..]);
            Assert.AreEqual(0f, lonely.item<float>(), $"{miner}");
            Assert.IsTrue(all.isfinite().item<bool>());
        }
    }

    [TestMethod]
    public void BlocksOfPairsAddUpToSorting()
    {
        using var scope = NewDisposeScope();
        // More pairs against partners than one block holds.
        var problem = Problem.Draw(references: false, n: 210, classes: 2, size: 3);
        var sorted = problem.Inputs(learn: true);
        var rule = new TripletMarginMiner { Margin = 0.3 };
        var value = new TripletLoss { Margin = 0.2, Miner = rule }.Compute(sorted);
        value.backward();
        // A miner with a distance that orders alike and is not the loss's goes by blocks; its margin on the squares keeps everything that costs.
        var blocks = problem.Inputs(learn: true);
        var other = new TripletMarginMiner
        {
            Margin = 4,
            Distance = new EuclideanDistance { Power = 2 },
        };
        var same = new TripletLoss { Margin = 0.2, Miner = other }.Compute(blocks);
        same.backward();
        AreClose(value.item<double>(), same.item<double>(), "value");
        Assert.IsTrue(sorted["embeddings"].grad!.allclose(blocks["embeddings"].grad!, 1e-9, 1e-12));
    }

    [TestMethod]
    public void DistanceWeightedDrawsByItsWeights()
    {
        using var scope = NewDisposeScope();
        // One anchor, its positive, and negatives at chosen angles of the unit circle of three dimensions.
        double[] angles = [0.3, 0.6, 0.9, 1.2, 2.5];
        var negatives = angles.Select(t => new[] { Math.Cos(t), Math.Sin(t), 0 }).ToArray();
        var references = tensor(negatives.Prepend([1.0, 0, 0.01]).SelectMany(v => v).ToArray()).reshape(-1, 3);
        var inputs = new LossInputs
        {
            ["embeddings"] = tensor(
                new double[,]
                {
                    { 1, 0, 0 },
                }
            ),
            ["labels"] = tensor(new long[] { 0 }),
            ["references"] = references,
            ["referenceLabels"] = tensor(new long[] { 0, 1, 1, 1, 1, 1 }),
        };
        // In three dimensions the density is d, so the weight is 1 / max(d, 0.5); at 1.4 and beyond nothing is drawn.
        var weights = angles.Select(t => 2 * Math.Sin(t / 2)).Select(d => d < 1.4 ? 1 / Math.Max(d, 0.5) : 0).ToArray();
        using var function = new TripletLoss { Margin = 10, Miner = new DistanceWeightedMiner() }.Build(new LossContext { Seed = 3 });
        var positive = 2 * Math.Sin(Math.Atan(0.01) / 2);
        var drawn = new int[angles.Length];
        const int draws = 1500;
        for (var step = 0; step < draws; step++)
        {
            using var one = NewDisposeScope();
            function.Clock = new LossClock(Step: step);
            var distance = positive + 10 - function.Evaluate(inputs).item<double>();
            drawn[Array.FindIndex(angles, t => Math.Abs(2 * Math.Sin(t / 2) - distance) < 1e-6)]++;
        }
        for (var i = 0; i < angles.Length; i++)
        {
            var expected = weights[i] / weights.Sum() * draws;
            Assert.AreEqual(expected, drawn[i], 5 * Math.Sqrt(Math.Max(expected, 0)) + 1e-9, $"at {angles[i]}");
        }
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void DistanceWeightedTripletsOfEveryPairAreThoseListed(bool references)
    {
        using var scope = NewDisposeScope();
        var problem = Problem.Draw(references);
        var (labels, others) = (problem.Labels, problem.ReferenceLabels);
        var pairs = new MetricPairs(problem.Embeddings, labels, problem.References, others, null, null);
        var kept = pairs.Positives.Members.clone();
        kept[0].fill_(false); // an anchor that can draw nothing
        var drawn = arange(kept.numel(), ScalarType.Int64).mul(7).add(3).remainder(problem.M).reshape(kept.shape);
        var (listed, everywhere) = (DistanceWeightedMiner.Listed(kept, drawn), DistanceWeightedMiner.Everywhere(kept, drawn));
        Assert.IsNull(listed.Weights);
        Assert.AreEqual(kept.sum().item<long>(), listed.Positives.shape[0]);
        var (few, all) = (MinedPairs.OfTriplets(pairs, listed), MinedPairs.OfTriplets(pairs, everywhere));
        Same(few.PositiveCounts, all.PositiveCounts);
        Same(few.NegativeCounts, all.NegativeCounts);

        var members = everywhere.Weights!;
        Tensor Kept(Tensor values) => values.masked_select(members);
        foreach (
            var distance in new Distance[]
            {
                new EuclideanDistance(),
                new CosineSimilarity(),
                new EuclideanDistance { Power = 2 },
            }
        )
        {
            Same(
                pairs.Rows(distance, listed.Anchors, listed.Negatives),
                Kept(pairs.Rows(distance, everywhere.Anchors, everywhere.Negatives))
            );
            Same(
                pairs.RowsOfPartners(distance, listed.Positives, listed.Negatives),
                Kept(pairs.RowsOfPartners(distance, everywhere.Positives, everywhere.Negatives))
            );
        }
    }

    private static void Same(Tensor expected, Tensor actual) => Assert.IsTrue(expected.allclose(actual, 1e-12, 1e-12));

    [TestMethod]
    public void DistanceWeightedDrawsTheSameAtTheSameStep()
    {
        using var scope = NewDisposeScope();
        var problem = Problem.Draw(references: false, n: 16);
        var loss = new MarginLoss { Miner = new DistanceWeightedMiner { NonZeroLossCutoff = 2 } };
        double At(long seed, long step)
        {
            using var function = loss.Build(new LossContext { Seed = seed });
            function.Clock = new LossClock(Step: step);
            return function.Evaluate(problem.Inputs()).item<double>();
        }
        Assert.AreEqual(At(1, 5), At(1, 5));
        Assert.AreNotEqual(At(1, 5), At(1, 6));
        Assert.AreNotEqual(At(1, 5), At(2, 5));
        var error = Assert.ThrowsExactly<ArgumentException>(() =>
            new TripletLoss { Distance = new CosineSimilarity(), Miner = new DistanceWeightedMiner() }.Build()
        );
        StringAssert.Contains(error.Message, "give the miner the distance Euclidean()");
        new TripletLoss
        {
            Distance = new CosineSimilarity(),
            Miner = new DistanceWeightedMiner { Distance = Plain },
        }
            .Build()
            .Dispose();
    }

    [TestMethod]
    [DataRow("Triplet(miner: BatchHard)", "Triplet(miner: BatchHard())")]
    [DataRow("{\"loss\": \"Triplet\", \"miner\": \"SemiHard\"}", "Triplet(miner: SemiHard())")]
    [DataRow("{\"loss\": \"Triplet\", \"distance\": {\"distance\": \"Euclidean\"}}", "Triplet()")]
    [DataRow("{\"loss\": \"Triplet\", \"distance\": \"Cosine\"}", "Triplet(distance: Cosine())")]
    [DataRow(
        "{\"loss\": \"Contrastive\", \"miner\": {\"miner\": \"SemiHard\", \"margin\": 0.5, \"distance\": \"DotProduct\"}}",
        "Contrastive(miner: SemiHard(distance: DotProduct(), margin: 0.5))"
    )]
    [DataRow(
        "CrossBatchMemory(inner: MultiSimilarity(miner: MultiSimilarity()))",
        "CrossBatchMemory(inner: MultiSimilarity(miner: MultiSimilarity()))"
    )]
    public void NamesAndObjectsReadAlike(string text, string canonical)
    {
        var loss = Loss.Parse<MetricLoss>(text);
        Assert.AreEqual(canonical, loss.ToString());
        Assert.AreEqual(loss, Loss.Parse(canonical));
        Assert.AreEqual(loss, Loss.FromJson(loss.ToJson()));
    }

    [TestMethod]
    [DataRow("Triplet(miner: Hardest())", "'Hardest' is not the name of a Miner. Allowed: All, BatchHard")]
    [DataRow("Triplet(distance: BatchHard())", "a Distance is wanted here")]
    [DataRow("Triplet(distance: Euclidean(power: 0))", "Power must lie in (0, inf)")]
    [DataRow("Margin(perClass: true)", "PerClass needs LearnBeta")]
    [DataRow("CrossBatchMemory()", "needs the option 'inner'")]
    [DataRow("CrossBatchMemory(inner: Triplet(swap: true))", "cannot be its inner loss. Allowed: Contrastive")]
    public void ErrorsSayWhatIsAllowed(string text, string expected)
    {
        var error = Assert.ThrowsExactly<FormatException>(() => Loss.Parse(text));
        StringAssert.Contains(error.Message, expected);
    }

    private static void Check(Problem problem, Miner miner, Func<(int A, int P, int N), bool> keeps)
    {
        var kept = problem.Triplets().Where(keeps).ToArray();
        Assert.AreNotEqual(0, kept.Length, $"{miner} has nothing to keep");
        Assert.AreNotEqual(problem.Triplets().Count(), kept.Length, $"{miner} keeps all");
        double Z((int A, int P, int N) t) => problem.D(Plain, t.A, t.P) - problem.D(Plain, t.A, t.N) + 0.25;
        var hinges = kept.Select(t => Hinge(Z(t))).ToArray();
        var triplet = new TripletLoss { Margin = 0.25, Miner = miner };
        AreClose(Mean(hinges, true), triplet.Value(problem.Inputs()), $"{triplet}");
        AreClose(Mean(hinges, false), (triplet with { AverageNonZero = false }).Value(problem.Inputs()), $"{triplet}, all");
        AreClose(kept.Average(t => Softplus(Z(t))), (triplet with { SoftMargin = true }).Value(problem.Inputs()), $"{triplet}, soft");
        GradientIsTheSlope(triplet with { AverageNonZero = false }, problem);
        // Losses on pairs take both pairs of each triplet, as often as it comes.
        var contrastive = new ContrastiveLoss { Miner = miner, AverageNonZero = false };
        AreClose(
            kept.Average(t => problem.D(Plain, t.A, t.P)) + kept.Average(t => Hinge(1 - problem.D(Plain, t.A, t.N))),
            contrastive.Value(problem.Inputs()),
            $"{contrastive}"
        );
        var margin = new MarginLoss { Miner = miner, Beta = 0.8 };
        AreClose(
            Mean(kept.SelectMany(t => new[] { Hinge(problem.D(Plain, t.A, t.P) - 0.6), Hinge(1 - problem.D(Plain, t.A, t.N)) }), true),
            margin.Value(problem.Inputs()),
            $"{margin}"
        );
    }

    private static void CheckPairs(Problem problem, Miner miner, Func<int, int, bool> keepsPositive, Func<int, int, bool> keepsNegative)
    {
        var positives = problem.PositivePairs().Where(t => keepsPositive(t.A, t.P)).ToArray();
        var negatives = problem.NegativePairs().Where(t => keepsNegative(t.A, t.N)).ToArray();
        Assert.IsTrue(positives.Length > 0 && positives.Length < problem.PositivePairs().Count(), $"{miner}: positives");
        Assert.IsTrue(negatives.Length > 0 && negatives.Length < problem.NegativePairs().Count(), $"{miner}: negatives");
        var contrastive = new ContrastiveLoss
        {
            Miner = miner,
            NegativeMargin = 1.5,
            AverageNonZero = false,
        };
        AreClose(
            positives.Average(t => problem.D(Plain, t.A, t.P)) + negatives.Average(t => Hinge(1.5 - problem.D(Plain, t.A, t.N))),
            contrastive.Value(problem.Inputs()),
            $"{contrastive}"
        );
        var triplets = from p in positives from n in negatives where p.A == n.A select (p.A, p.P, n.N);
        var triplet = new TripletLoss
        {
            Miner = miner,
            Margin = 0.2,
            AverageNonZero = false,
        };
        AreClose(
            triplets.Average(t => Hinge(problem.D(Plain, t.A, t.P) - problem.D(Plain, t.A, t.N) + 0.2)),
            triplet.Value(problem.Inputs()),
            $"{triplet}"
        );
        var similarity = new MultiSimilarityLoss { Miner = miner };
        AreClose(
            Enumerable
                .Range(0, problem.N)
                .Average(a =>
                    Math.Log(1 + positives.Where(t => t.A == a).Sum(t => Math.Exp(-2 * (problem.Cosine(a, t.P) - 0.5)))) / 2
                    + Math.Log(1 + negatives.Where(t => t.A == a).Sum(t => Math.Exp(50 * (problem.Cosine(a, t.N) - 0.5)))) / 50
                ),
            similarity.Value(problem.Inputs()),
            $"{similarity}"
        );
    }
}
