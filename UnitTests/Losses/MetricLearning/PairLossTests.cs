using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static MLNetLosses.UnitTests.Losses.MetricLearning.Numbers;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.MetricLearning;

/// <summary>Losses on pairs against plain loops, within the batch and against references.</summary>
[TestClass]
public class PairLossTests
{
    private static readonly PairMetricLoss[] All =
    [
        new ContrastiveLoss(),
        new TripletLoss(),
        new TripletLoss { Swap = true },
        new TripletLoss { SoftMargin = true },
        new TripletLoss { Miner = new BatchHardMiner() },
        new MarginLoss(),
        new MultiSimilarityLoss(),
        new CircleLoss(),
        new SupervisedContrastiveLoss(),
        new LiftedStructureLoss(),
        new LiftedStructureLoss { Generalized = true },
        new TupletMarginLoss(),
        new AngularLoss(),
        new FastAPLoss(),
        new SignalToNoiseRatioContrastiveLoss(),
    ];

    private static readonly Distance[] Distances =
    [
        new EuclideanDistance(),
        new EuclideanDistance { Normalize = false, Power = 2 },
        new EuclideanDistance { Power = 0.5 },
        new CosineSimilarity(),
        new DotProductSimilarity(),
        new SignalToNoiseRatioDistance(),
        new SignalToNoiseRatioDistance { Normalize = false },
    ];

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void ContrastiveIsItsLoops(bool references)
    {
        using var scope = NewDisposeScope();
        var problem = Problem.Draw(references);
        foreach (var distance in Distances)
        foreach (var nonZero in new[] { true, false })
        {
            var loss = new ContrastiveLoss { Distance = distance, AverageNonZero = nonZero };
            var sign = distance.IsSimilarity ? -1 : 1;
            var (positive, negative) = distance.IsSimilarity ? (1.0, 0.0) : (0.0, 1.0);
            var costs = (
                problem.PositivePairs().Select(t => Hinge(problem.D(distance, t.A, t.P) - sign * positive)).ToArray(),
                problem.NegativePairs().Select(t => Hinge(sign * negative - problem.D(distance, t.A, t.N))).ToArray()
            );
            AreClose(Mean(costs.Item1, nonZero) + Mean(costs.Item2, nonZero), loss.Value(problem.Inputs()), $"{loss}");
            AreClose(costs.Item1.Sum() + costs.Item2.Sum(), loss.Value(problem.Inputs(), Reduction.Sum), $"{loss}, sum");
        }
        GradientIsTheSlope(new ContrastiveLoss { NegativeMargin = 1.4 }, problem);
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void TripletIsItsLoops(bool references)
    {
        using var scope = NewDisposeScope();
        var problem = Problem.Draw(references);
        foreach (var distance in Distances)
        foreach (var swap in new[] { false, true })
        foreach (var soft in new[] { false, true })
        foreach (var nonZero in new[] { true, false })
        {
            var loss = new TripletLoss
            {
                Margin = 0.3,
                Distance = distance,
                Swap = swap,
                SoftMargin = soft,
                AverageNonZero = nonZero,
            };
            var costs = problem.Triplets().Select(t => TripletCost(problem, loss, t.A, t.P, t.N)).ToArray();
            AreClose(Mean(costs, nonZero && !soft), loss.Value(problem.Inputs()), $"{loss}");
            AreClose(costs.Sum(), loss.Value(problem.Inputs(), Reduction.Sum), $"{loss}, sum");
        }
        foreach (var swap in new[] { false, true })
        foreach (var soft in new[] { false, true })
            GradientIsTheSlope(
                new TripletLoss
                {
                    Margin = 0.3,
                    Swap = swap,
                    SoftMargin = soft,
                },
                problem
            );
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void OthersAreTheirLoops(bool references)
    {
        using var scope = NewDisposeScope();
        var problem = Problem.Draw(references, n: 11, m: 9);
        var all = Enumerable.Range(0, problem.N).ToArray();
        double Sum(IEnumerable<int> partners, Func<int, double> exponent) => partners.Sum(j => Math.Exp(exponent(j)));

        AreClose(
            all.Average(a =>
                Math.Log(1 + Sum(problem.Positives(a), p => -3 * (problem.Cosine(a, p) - 0.4))) / 3
                + Math.Log(1 + Sum(problem.Negatives(a), n => 20 * (problem.Cosine(a, n) - 0.4))) / 20
            ),
            new MultiSimilarityLoss
            {
                Alpha = 3,
                Beta = 20,
                Base = 0.4,
            }.Value(problem.Inputs()),
            "MultiSimilarity"
        );
        AreClose(
            all.Average(a =>
                -problem
                    .Positives(a)
                    .Average(p =>
                        problem.Cosine(a, p) / 0.3
                        - Math.Log(Sum(problem.Positives(a).Concat(problem.Negatives(a)), k => problem.Cosine(a, k) / 0.3))
                    )
            ),
            new SupervisedContrastiveLoss { Temperature = 0.3 }.Value(problem.Inputs()),
            "SupervisedContrastive"
        );
        AreClose(
            all.Average(a =>
                Softplus(
                    Math.Log(Sum(problem.Positives(a), p => -16 * Hinge(1.25 - problem.Cosine(a, p)) * (problem.Cosine(a, p) - 0.75)))
                        + Math.Log(Sum(problem.Negatives(a), n => 16 * Hinge(problem.Cosine(a, n) + 0.25) * (problem.Cosine(a, n) - 0.25)))
                )
            ),
            new CircleLoss { Margin = 0.25, Scale = 16 }.Value(problem.Inputs()),
            "Circle"
        );
        AreClose(
            problem
                .PositivePairs()
                .Average(t =>
                    Math.Log(
                        1
                            + Sum(
                                problem.Negatives(t.A),
                                n => 8 * (problem.Cosine(t.A, n) - Math.Cos(Math.Acos(problem.Cosine(t.A, t.P)) - 0.2))
                            )
                    )
                ),
            new TupletMarginLoss { Margin = 0.2, Scale = 8 }.Value(problem.Inputs()),
            "TupletMargin"
        );
        var plain = new EuclideanDistance();
        AreClose(
            all.Average(a =>
                Hinge(
                    Math.Log(Sum(problem.Positives(a), p => problem.D(plain, a, p)))
                        + Math.Log(Sum(problem.Negatives(a), n => 0.7 - problem.D(plain, a, n)))
                )
            ),
            new LiftedStructureLoss { Margin = 0.7, Generalized = true }.Value(problem.Inputs()),
            "LiftedStructure"
        );
        foreach (var distance in Distances.Take(4))
        {
            var loss = new MarginLoss { Distance = distance, Beta = distance.IsSimilarity ? -0.2 : 0.9 };
            var costs = problem
                .Triplets()
                .SelectMany(t =>
                    new[] { Hinge(problem.D(distance, t.A, t.P) - loss.Beta + 0.2), Hinge(loss.Beta - problem.D(distance, t.A, t.N) + 0.2) }
                );
            AreClose(Mean(costs, nonZero: true), loss.Value(problem.Inputs()), $"{loss}");
        }
        foreach (var loss in All.Where(l => l is not (CircleLoss or LiftedStructureLoss { Generalized: false }) || !references))
            if (loss is not CircleLoss)
                GradientIsTheSlope(loss, problem);
    }

    [TestMethod]
    public void GivenPairsReplaceAllPairs()
    {
        using var scope = NewDisposeScope();
        var problem = Problem.Draw(references: true);
        var positive = problem.PositivePairs().Where((_, i) => i % 2 == 0).ToArray();
        var negative = problem.NegativePairs().Where((_, i) => i % 3 == 0).ToArray();
        var distance = new EuclideanDistance();
        Tensor List(IEnumerable<(int, int)> pairs) =>
            tensor(pairs.SelectMany(t => new long[] { t.Item1, t.Item2 }).ToArray()).reshape(-1, 2);
        LossInputs Given(IEnumerable<(int, int)> p, IEnumerable<(int, int)> n) =>
            problem.Inputs().With(("positivePairs", List(p)), ("negativePairs", List(n)));

        double Contrastive(IEnumerable<(int A, int P)> p, IEnumerable<(int A, int N)> n) =>
            Mean(p.Select(t => problem.D(distance, t.A, t.P)), true)
            + Mean(n.Select(t => Hinge(1.2 - problem.D(distance, t.A, t.N))), true);
        var contrastive = new ContrastiveLoss { NegativeMargin = 1.2 };
        AreClose(Contrastive(positive, negative), contrastive.Value(Given(positive, negative)), "Contrastive");
        // A pair that is named twice counts twice.
        var repeated = positive.Append(positive[0]).ToArray();
        AreClose(Contrastive(repeated, negative), contrastive.Value(Given(repeated, negative)), "Contrastive, repeated");

        // A loss on triplets takes every triplet of pairs that share their anchor.
        var triplet = new TripletLoss { Margin = 0.3, AverageNonZero = false };
        var triplets = from p in positive from n in negative where p.A == n.A select (p.A, p.P, n.N);
        AreClose(triplets.Average(t => TripletCost(problem, triplet, t.A, t.P, t.N)), triplet.Value(Given(positive, negative)), "Triplet");
        // Giving all pairs changes nothing, for any loss.
        foreach (
            var loss in All.Where(l => l is not LiftedStructureLoss { Generalized: false } and not TripletLoss { Miner: BatchHardMiner })
        )
            AreClose(loss.Value(problem.Inputs()), loss.Value(Given(problem.PositivePairs(), problem.NegativePairs())), $"{loss}");
        Assert.AreEqual(0, contrastive.Value(Given([], [])));
    }

    [TestMethod]
    public void GivenTripletsReplaceAllTriplets()
    {
        using var scope = NewDisposeScope();
        foreach (var references in new[] { false, true })
        {
            var problem = Problem.Draw(references);
            var triplets = problem.Triplets().Where((_, i) => i % 5 == 0).ToArray();
            var list = tensor(triplets.SelectMany(t => new long[] { t.A, t.P, t.N }).ToArray()).reshape(-1, 3);
            var inputs = problem.Inputs().With(("triplets", list));
            foreach (var swap in new[] { false, true })
            {
                var loss = new TripletLoss { Margin = 0.3, Swap = swap };
                AreClose(Mean(triplets.Select(t => TripletCost(problem, loss, t.A, t.P, t.N)), true), loss.Value(inputs), $"{loss}");
            }
            // A loss on pairs takes both pairs of each, with repeats.
            var distance = new EuclideanDistance();
            AreClose(
                Mean(triplets.Select(t => problem.D(distance, t.A, t.P)), false)
                    + Mean(triplets.Select(t => Hinge(1 - problem.D(distance, t.A, t.N))), false),
                new ContrastiveLoss { AverageNonZero = false }.Value(inputs),
                "Contrastive"
            );
            var margin = new MarginLoss { Beta = 0.9 };
            AreClose(
                Mean(
                    triplets.SelectMany(t =>
                        new[] { Hinge(problem.D(distance, t.A, t.P) - 0.7), Hinge(1.1 - problem.D(distance, t.A, t.N)) }
                    ),
                    true
                ),
                margin.Value(inputs),
                "Margin"
            );
        }
    }

    [TestMethod]
    public void OwnReferencesAndMaskedReferencesAreNoPartners()
    {
        using var scope = NewDisposeScope();
        var problem = Problem.Draw(references: false);
        var own = arange(problem.N, dtype: ScalarType.Int64);
        foreach (var loss in All.Where(l => l is not LiftedStructureLoss { Generalized: false }))
        {
            // The batch as its own references, with a row of noise that is masked out.
            var inputs = problem
                .Inputs()
                .With(
                    ("references", cat(new Tensor[] { problem.Embeddings, ones(1, 4, dtype: ScalarType.Float64) })),
                    ("referenceLabels", cat(new Tensor[] { problem.Labels, zeros(1, dtype: ScalarType.Int64) })),
                    ("ownReferences", own),
                    ("referenceMask", arange(problem.N + 1).lt(problem.N))
                );
            AreClose(loss.Value(problem.Inputs()), loss.Value(inputs), $"{loss}");
        }
    }

    [TestMethod]
    public void WithoutPairsTheValueIsZeroAndSoIsTheGradient()
    {
        using var scope = NewDisposeScope();
        foreach (var loss in All)
        {
            var embeddings = Problem.Draw(references: false).Embeddings;
            foreach (
                var labels in new[]
                {
                    arange(10, dtype: ScalarType.Int64), // no positive
                    zeros(10, dtype: ScalarType.Int64), // no negative
                }
            )
            {
                var x = embeddings.clone().requires_grad_();
                var value = loss.Compute(x, labels);
                value.backward();
                var (positive, negative) = (labels.max().item<long>() == 0, labels.max().item<long>() > 0);
                Assert.IsTrue(x.grad!.isfinite().all().item<bool>(), $"{loss}");
                // Some losses pull or push without the other kind.
                var alone =
                    loss is ContrastiveLoss or SignalToNoiseRatioContrastiveLoss or MultiSimilarityLoss
                    || (positive && loss is SupervisedContrastiveLoss or FastAPLoss);
                if (alone)
                    continue;
                Assert.AreEqual(0, value.item<double>(), $"{loss}, {(positive ? "one class" : "no positive")}");
                Assert.AreEqual(0, x.grad.abs().max().item<double>(), $"{loss}, {(positive ? "one class" : "no positive")}");
            }
            var none = zeros(0, 4).requires_grad_();
            var nothing = loss.Compute(none, zeros(0, dtype: ScalarType.Int64));
            nothing.backward();
            Assert.AreEqual(0f, nothing.item<float>(), $"{loss}, no sample");
        }
    }

    [TestMethod]
    public void EqualAndZeroEmbeddingsStayFinite()
    {
        using var scope = NewDisposeScope();
        var labels = tensor(new long[] { 0, 0, 1, 1, 0 });
        foreach (var loss in All)
        foreach (var precision in new[] { ScalarType.Float64, ScalarType.Float32 })
        foreach (var value in new[] { 1.0, 0.0 })
        {
            var x = full([5, 4], value, dtype: precision).requires_grad_();
            x.detach()[0, 0] = value * 1.5; // one differs where it is not 0
            var cost = loss.Compute(x, labels);
            cost.backward();
            Assert.IsTrue(cost.isfinite().item<bool>(), $"{loss} at {value}");
            Assert.IsTrue(x.grad!.isfinite().all().item<bool>(), $"{loss} at {value}: {x.grad!.jlstr()}");
        }
        var equal = ones(4, 3, dtype: ScalarType.Float64).requires_grad_();
        var triplet = new TripletLoss { Margin = 0.3 }.Compute(equal, tensor(new long[] { 0, 0, 1, 1 }));
        triplet.backward();
        Assert.AreEqual(0.3, triplet.item<double>(), 1e-12);
        Assert.AreEqual(0, equal.grad!.abs().max().item<double>());
    }

    [TestMethod]
    public void RowWeightsWeighAnchorsWhereTermsBelongToThem()
    {
        using var scope = NewDisposeScope();
        var problem = Problem.Draw(references: false);
        var weights = arange(10, dtype: ScalarType.Float64);
        foreach (var loss in new PairMetricLoss[] { new MultiSimilarityLoss(), new CircleLoss(), new SupervisedContrastiveLoss() })
        {
            var each = loss.Compute(problem.Inputs(), Reduction.None);
            AreClose((each * weights).sum().item<double>() / 45, loss.Value(problem.Inputs().With(("weights", weights))), $"{loss}");
        }
        var error = Assert.ThrowsExactly<ArgumentException>(() => new TripletLoss().Compute(problem.Inputs().With(("weights", weights))));
        Assert.AreEqual("weights", error.ParamName);
        var none = Assert.ThrowsExactly<NotSupportedException>(() => new TripletLoss().Compute(problem.Inputs(), Reduction.None));
        StringAssert.Contains(none.Message, "Triplet has terms that are not of samples");
    }

    [TestMethod]
    public void NPairIsTheSameFromPairsAndFromTheWholeBatch()
    {
        using var scope = NewDisposeScope();
        manual_seed(2);
        foreach (
            var loss in new[]
            {
                new NPairLoss(),
                new NPairLoss { Distance = new CosineSimilarity() },
            }
        )
        foreach (var labels in new long[][] { [4, 1, 4, 2, 1, 4, 2, 7, 1], [0, 1, 2] })
        {
            var rows = randn(labels.Length, 5, dtype: ScalarType.Float64).requires_grad_();
            var (pairs, batch) = (loss.OfPairs(rows, tensor(labels)), loss.OfBatch(rows, tensor(labels))); // the second: on other devices
            Assert.AreEqual(batch.Count.item<double>(), pairs.Count.item<double>());
            Assert.AreEqual(batch.Sum.item<double>(), pairs.Sum.item<double>(), 1e-12);
            var expected = autograd.grad([batch.Sum], [rows])[0];
            Assert.IsTrue(autograd.grad([pairs.Sum], [rows])[0].allclose(expected, 1e-12, 1e-13));
        }
    }

    [TestMethod]
    public void NPairTakesTheFirstTwoOfEachClass()
    {
        using var scope = NewDisposeScope();
        var problem = Problem.Draw(references: false);
        // classes 0 1 2 0 1 2 0 ...: anchors are rows 0..2, positives rows 3..5
        var distance = new DotProductSimilarity();
        double Score(int a, int p) => -problem.D(distance, a, p);
        var costs = new[] { 0, 1, 2 }.Select(a => Math.Log(new[] { 3, 4, 5 }.Sum(p => Math.Exp(Score(a, p)))) - Score(a, a + 3));
        AreClose(costs.Average(), new NPairLoss().Value(problem.Inputs()), "mean");
        var lengths = problem.Embeddings.square().sum(1).mean().item<double>();
        AreClose(
            costs.Sum() + 0.5 * lengths,
            new NPairLoss { EmbeddingRegularization = 0.5 }.Value(problem.Inputs(), Reduction.Sum),
            "regularised sum"
        );
        GradientIsTheSlope(new NPairLoss { EmbeddingRegularization = 0.1 }, problem);
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => new NPairLoss { Distance = new EuclideanDistance() }.Build()).Message,
            "DotProduct or Cosine"
        );
    }

    [TestMethod]
    public void WrongInputsAreRefused()
    {
        using var scope = NewDisposeScope();
        var loss = new TripletLoss();
        var (x, y) = (rand(4, 3), zeros(4, dtype: ScalarType.Int64));
        void Refused<T>(LossInputs inputs, string name, string message)
            where T : ArgumentException
        {
            var error = Assert.ThrowsExactly<T>(() => loss.Compute(inputs));
            Assert.AreEqual(name, error.ParamName);
            StringAssert.Contains(error.Message, message);
        }
        LossInputs With(params (string, Tensor)[] more) => new LossInputs { ["embeddings"] = x, ["labels"] = y }.With(more);
        Refused<ArgumentException>(new() { ["embeddings"] = x }, "labels", "'labels' is missing");
        Refused<ArgumentException>(With(("labels", zeros(3, dtype: ScalarType.Int64))), "labels", "int64 [4]");
        Refused<ArgumentException>(With(("labels", zeros(4))), "labels", "int64 [4]");
        Refused<ArgumentException>(With(("embeddings", rand(4))), "embeddings", "[N, D]");
        Refused<ArgumentException>(With(("embeddings", full(4, 3, double.NaN))), "embeddings", "NaN");
        Refused<ArgumentException>(With(("references", x)), "referenceLabels", "need 'referenceLabels'");
        Refused<ArgumentException>(With(("referenceLabels", y)), "referenceLabels", "without 'references'");
        Refused<ArgumentException>(With(("references", rand(2, 5)), ("referenceLabels", y[..2])), "references", "[M, 3]");
        Refused<ArgumentException>(With(("positivePairs", zeros(1, 2, dtype: ScalarType.Int64))), "negativePairs", "given alone");
        Refused<ArgumentException>(With(("triplets", zeros(1, 2, dtype: ScalarType.Int64))), "triplets", "int64 [K, 3]");
        Refused<ArgumentOutOfRangeException>(
            With(
                (
                    "triplets",
                    tensor(
                        new long[,]
                        {
                            { 0, 1, 4 },
                        }
                    )
                )
            ),
            "triplets",
            "row 4; there are 4 rows"
        );
        Assert.ThrowsExactly<ArgumentNullException>(() => new TripletLoss { Miner = null! });
        var lifted = Assert.ThrowsExactly<ArgumentException>(() =>
            new LiftedStructureLoss().Compute(With(("references", x), ("referenceLabels", y)))
        );
        StringAssert.Contains(lifted.Message, "set Generalized");
    }

    private static double TripletCost(Problem problem, TripletLoss loss, int a, int p, int n)
    {
        var toNegative = problem.D(loss.Distance, a, n);
        if (loss.Swap)
            toNegative = Math.Min(toNegative, problem.OfPartners(loss.Distance, p, n));
        var z = problem.D(loss.Distance, a, p) - toNegative + loss.Margin;
        return loss.SoftMargin ? Softplus(z) : Hinge(z);
    }
}
