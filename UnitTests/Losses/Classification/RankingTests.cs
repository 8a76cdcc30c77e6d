using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.Classification;

/// <summary>The ranking losses against loops over pairs.</summary>
[TestClass]
public class RankingTests
{
    [TestMethod]
    [DataRow(1.0)]
    [DataRow(0.05)]
    public void AveragePrecisionCountsPairs(double temperature)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(5, CPU);
        var x = randn(9, 3, dtype: float64, generator: generator);
        var y = tensor(
            new long[,]
            {
                { 1, 0, 0 },
                { 0, 0, -100 },
                { 1, 0, 1 },
                { 0, 0, 0 },
                { -100, 0, 1 },
                { 0, 0, 1 },
                { 1, 0, 0 },
                { 0, 0, 0 },
                { 0, 0, 1 },
            }
        );
        var values = new AveragePrecisionLoss { Temperature = temperature }.Compute(x, y, reduction: Reduction.None);
        CollectionAssert.AreEqual(new long[] { 3 }, values.shape);
        for (var c = 0; c < 3; c++)
        {
            var known = Enumerable.Range(0, 9).Where(i => y[i, c].item<long>() >= 0).ToArray();
            var positives = known.Where(i => y[i, c].item<long>() == 1).ToArray();
            double S(int i, int j) => 1 / (1 + Math.Exp((x[i, c].item<double>() - x[j, c].item<double>()) / temperature));
            var expected =
                positives.Length == 0
                    ? 0
                    : 1
                        - positives.Average(i =>
                            (1 + positives.Where(j => j != i).Sum(j => S(i, j))) / (1 + known.Where(j => j != i).Sum(j => S(i, j)))
                        );
            Assert.AreEqual(expected, values[c].item<double>(), 1e-12, $"column {c}");
        }
        var mean = new AveragePrecisionLoss { Temperature = temperature }
            .Compute(x, y)
            .item<double>();
        Assert.AreEqual((values[0] + values[2]).item<double>() / 2, mean, 1e-12, "a column without positives does not count");
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(5)]
    public void AveragePrecisionOfEveryPlaceIsThatOfListedPositives(int columnsAtOnce)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(6, CPU);
        var loss = new AveragePrecisionLoss { Temperature = 0.7 };
        var positive = rand(11, 5, generator: generator).lt(0.3);
        positive.select(1, 2).fill_(false); // a class that is absent
        var known = rand(11, 5, generator: generator).lt(0.8).logical_or(positive);
        var outer = rand(5, 2, dtype: float64, generator: generator);
        var listed = randn(11, 5, dtype: float64, generator: generator).requires_grad_();
        var everywhere = listed.detach().clone().requires_grad_();
        foreach (var may in new[] { known, null })
        {
            var expected = loss.OfColumns(listed, positive, may, listed: true, length: 5);
            var actual = loss.OfColumns(everywhere, positive, may, listed: false, length: columnsAtOnce);
            Assert.IsTrue(expected.allclose(actual, 1e-12, 1e-12));
            (expected * outer).sum().backward();
            (actual * outer).sum().backward();
            Assert.IsTrue(listed.grad!.allclose(everywhere.grad!, 1e-12, 1e-12));
            Assert.IsFalse(listed.grad!.eq(0).all().item<bool>());
        }
    }

    [TestMethod]
    public void AveragePrecisionKnowsItsEnds()
    {
        using var scope = NewDisposeScope();
        var loss = new AveragePrecisionLoss();
        var x = tensor(
            new double[,]
            {
                { 400 },
                { 200 },
                { -200 },
                { -400 },
            }
        );
        double At(params long[] labels) => loss.Compute(x, tensor(labels).unsqueeze(1)).item<double>();
        Assert.AreEqual(0, At(1, 1, 0, 0), 1e-12);
        Assert.AreEqual(0.75, At(0, 0, 0, 1), 1e-12);
        Assert.AreEqual(0, At(0, 0, 0, 0));
    }

    [TestMethod]
    [DataRow(0.5)]
    [DataRow(2.0)]
    public void RankSortIsItsUpdateRule(double delta)
    {
        using var scope = NewDisposeScope();
        var scores = new[] { 0.4, -0.6, 1.3, 0.9, -2, 0.1, 0.35, 2.2, -0.1, 0.7 };
        var qualities = new[] { 0.8, 0, 0.3, 0, 0.9, 0, -1, 0, 0.3, 0 };
        var (value, gradient) = Reference(scores, qualities, delta);
        var x = tensor(scores).requires_grad_();
        var loss = new RankSortLoss { Delta = delta }.Compute(x, tensor(qualities));
        loss.backward();
        Assert.AreEqual(value, loss.item<double>(), 1e-12);
        for (var i = 0; i < scores.Length; i++)
            Assert.AreEqual(gradient[i], x.grad![i].item<double>(), 1e-12, $"place {i}");
        var grid = tensor(scores).reshape(1, 5, 2);
        Assert.AreEqual(
            value,
            new RankSortLoss { Delta = delta }
                .Compute(grid, tensor(qualities).reshape(1, 5, 2))
                .item<double>(),
            1e-12
        );
    }

    [TestMethod]
    public void RankSortStaysFiniteWithoutPairs()
    {
        using var scope = NewDisposeScope();
        foreach (var quality in new[] { 0.0, 1.0, -1.0 })
        {
            var x = tensor(new[] { 1e4, -1e4 }).requires_grad_();
            var value = new RankSortLoss().Compute(x, full(2, quality, float64));
            value.backward();
            Assert.AreEqual(0, value.item<double>());
            Assert.AreEqual(0, x.grad!.abs().sum().item<double>());
        }
    }

    private static (double Value, double[] Gradient) Reference(double[] x, double[] y, double delta)
    {
        var places = Enumerable.Range(0, x.Length).ToArray();
        var (positives, negatives) = (places.Where(i => y[i] > 0).ToArray(), places.Where(i => y[i] == 0).ToArray());
        double H(int i, int j) => Math.Clamp((x[j] - x[i]) / (2 * delta) + 0.5, 0, 1);
        var (value, gradient) = (0.0, new double[x.Length]);
        foreach (var i in positives)
        {
            var (f, r) = (negatives.Sum(j => H(i, j)), positives.Sum(j => H(i, j)));
            var ranking = f / (r + f);
            var better = positives.Where(j => y[j] >= y[i]).ToArray();
            var worse = positives.Where(j => y[j] < y[i]).ToArray();
            var sorting = positives.Sum(j => H(i, j) * (1 - y[j])) / r - better.Sum(j => H(i, j) * (1 - y[j])) / better.Sum(j => H(i, j));
            value += ranking + sorting;
            if (f > 0)
            {
                gradient[i] -= ranking;
                foreach (var j in negatives)
                    gradient[j] += ranking * H(i, j) / f;
            }
            if (worse.Sum(j => H(i, j)) is var m and > 0)
            {
                gradient[i] -= sorting;
                foreach (var j in worse)
                    gradient[j] += sorting * H(i, j) / m;
            }
        }
        return (value / positives.Length, [.. gradient.Select(g => g / positives.Length)]);
    }
}
