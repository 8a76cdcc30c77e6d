using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.MetricLearning;

[TestClass]
public class DistanceTests
{
    private static readonly Distance[] All =
    [
        new EuclideanDistance(),
        new EuclideanDistance { Normalize = false },
        new EuclideanDistance { Normalize = false, Power = 2 },
        new EuclideanDistance { Power = 0.5 },
        new CosineSimilarity(),
        new DotProductSimilarity(),
        new SignalToNoiseRatioDistance(),
    ];

    [TestMethod]
    public void RowsAreTheDiagonalOfTheMatrix()
    {
        using var scope = NewDisposeScope();
        var (x, y) = (randn(5, 6, dtype: ScalarType.Float64), randn(5, 6, dtype: ScalarType.Float64));
        foreach (var distance in All)
            Assert.IsTrue(distance.Rows(x, y).allclose(distance.Matrix(x, y).diagonal(), 1e-9, 1e-12), $"{distance}");
    }

    [TestMethod]
    public void LargeSinglePrecisionBatchesKeepTheirDigits()
    {
        using var scope = NewDisposeScope();
        // Rows 0 and 1 are equal, row 2 is close to them.
        var exact = randn(100, 96, dtype: ScalarType.Float64).to(ScalarType.Float32).to(ScalarType.Float64);
        exact[1] = exact[0];
        exact[2] = (exact[0] * (1 + 1e-3 * randn(96, dtype: ScalarType.Float64))).to(ScalarType.Float32).to(ScalarType.Float64);
        var weights = rand(100, 100, dtype: ScalarType.Float64);
        var unit = new EuclideanDistance();
        foreach (
            var (distance, measure) in new (Distance, Func<Tensor, Tensor>)[]
            {
                (new EuclideanDistance { Normalize = false }, x => new EuclideanDistance { Normalize = false }.Matrix(x, x)),
                (unit, x => unit.Matrix(x, x)),
                (new EuclideanDistance { Normalize = false }, x => ProductLengths.Of(x, x)), // on other devices
            }
        )
        {
            var (x, y) = (exact.clone().requires_grad_(), exact.to(ScalarType.Float32).requires_grad_());
            var exactLengths = (distance.Prepare(x).unsqueeze(1) - distance.Prepare(x).unsqueeze(0)).norm(2);
            var (expected, actual) = (exactLengths, measure(y));
            Assert.AreEqual(ScalarType.Float32, actual.dtype);
            Assert.IsTrue(actual.to(ScalarType.Float64).allclose(expected, 2e-4, 1e-7), $"{distance}");
            Assert.AreEqual(0f, actual[0, 1].item<float>());
            (expected * weights).sum().backward();
            (actual * weights).sum().backward();
            Assert.IsTrue(y.grad!.to(ScalarType.Float64).allclose(x.grad!, 1e-3, 1e-4), $"{distance}: gradient");
        }
    }

    [TestMethod]
    public void LargeSinglePrecisionBatchesAgainstReferencesHaveAllDerivatives()
    {
        using var scope = NewDisposeScope();
        var distance = new EuclideanDistance { Normalize = false };
        var (a, b) = (randn(80, 96, dtype: ScalarType.Float64), randn(90, 96, dtype: ScalarType.Float64));
        var weights = rand(80, 90, dtype: ScalarType.Float64);
        Tensor[] Derivatives(ScalarType type, bool again)
        {
            var (x, y) = (a.to(type, copy: true).requires_grad_(), b.to(type, copy: true).requires_grad_());
            var lengths = type == ScalarType.Float32 ? distance.Matrix(x, y) : (x.unsqueeze(1) - y.unsqueeze(0)).square().sum([2]).sqrt();
            var value = (lengths * weights).sum();
            if (!again)
            {
                value.backward();
                return [x.grad!, y.grad!];
            }
            var first = autograd.grad([value], [x, y], retain_graph: true, create_graph: true);
            (first[0].square().sum() + first[1].square().sum()).backward();
            return [x.grad!, y.grad!];
        }
        foreach (var again in new[] { false, true })
        foreach (var (single, exact) in Derivatives(ScalarType.Float32, again).Zip(Derivatives(ScalarType.Float64, again)))
            Assert.IsTrue(single.to(ScalarType.Float64).allclose(exact, 1e-4, 1e-4), $"second: {again}");
        var (learning, fixedRows) = (a.to(ScalarType.Float32).requires_grad_(), b.to(ScalarType.Float32));
        distance.Matrix(learning, fixedRows).sum().backward();
        Assert.IsNull(fixedRows.grad);
        Assert.IsNotNull(learning.grad);
    }

    [TestMethod]
    public void LengthsOfAnyNumberOfRowsAreThoseOfTheDifferences()
    {
        using var scope = NewDisposeScope();
        manual_seed(3);
        foreach (var (n, m, size) in new[] { (1, 1, 1), (5, 3, 7), (45, 22, 37), (310, 301, 101) }) // the last: several runs
        foreach (var itself in new[] { false, true })
        {
            var x = randn(n, size, dtype: float64).requires_grad_();
            var y = itself ? x : (randn(m, size, dtype: float64) * 0.3).requires_grad_();
            Tensor[] leaves = itself ? [x] : [x, y];
            var outer = randn(n, y.shape[0], dtype: float64);
            if (itself)
                outer.diagonal().zero_(); // the root of 0 has no slope
            var apart = (x.unsqueeze(1) - y.unsqueeze(0)).square().sum([2]);
            var expected = (itself ? apart + eye(n, dtype: float64) : apart).sqrt();
            var actual = PairLengths.Of(x, y);
            Assert.IsTrue(
                actual.allclose(itself ? expected - eye(n, dtype: float64) : expected, 1e-13, 1e-13),
                $"{n}, {m}, {size}, {itself}"
            );
            var slopes = autograd.grad([expected], leaves, [outer], retain_graph: true);
            foreach (var (slope, found) in slopes.Zip(autograd.grad([actual], leaves, [outer])))
                Assert.IsTrue(found.allclose(slope, 1e-10, 1e-11), $"{n}, {m}, {size}, {itself}: gradient");
        }
    }

    [TestMethod]
    public void EqualEmbeddingsHaveNoGradient()
    {
        using var scope = NewDisposeScope();
        foreach (var distance in All.OfType<EuclideanDistance>())
        {
            var x = ones(3, 4, dtype: ScalarType.Float64).requires_grad_();
            var (matrix, rows) = (distance.Matrix(x, x), distance.Rows(x, x));
            (matrix.sum() + rows.sum()).backward();
            Assert.AreEqual(0, matrix.abs().max().item<double>(), $"{distance}");
            Assert.AreEqual(0, x.grad!.abs().max().item<double>(), $"{distance}");
        }
    }

    [TestMethod]
    public void ASingleFeatureHasNoVariance()
    {
        using var scope = NewDisposeScope();
        var error = Assert.ThrowsExactly<ArgumentException>(() => new SignalToNoiseRatioDistance().Matrix(rand(3, 1), rand(3, 1)));
        StringAssert.Contains(error.Message, "at least 2 features");
    }
}
