using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.MetricLearning;

[TestClass]
public class MaskedSumsTests
{
    [TestMethod]
    public void OnlyMembersCountHoweverFarApartTheyAre()
    {
        using var scope = NewDisposeScope();
        foreach (var type in new[] { ScalarType.Float32, ScalarType.Float64 })
        {
            var members = tensor(
                new bool[,]
                {
                    { true, true, false, true },
                    { false, true, true, false },
                    { false, false, false, false },
                }
            );
            var values = tensor(
                    new double[,]
                    {
                        { 0.25, -400, 900, 0.5 }, // the greatest is none of the sum, one member lies far below the others
                        { 1e6, -500, -500.5, -1e6 },
                        { 1, 2, 3, 4 },
                    }
                )
                .to(type)
                .requires_grad_();
            var sums = MaskedSums.LogSumExp(values, new(members, type));
            sums.narrow(0, 0, 2).sum().backward();
            var (first, second) = (Math.Log(Math.Exp(0.25) + Math.Exp(0.5)), -500 + Math.Log(1 + Math.Exp(-0.5)));
            var share = 1 / (1 + Math.Exp(-0.25));
            var near = 1 / (1 + Math.Exp(-0.5));
            double[,] slopes =
            {
                { 1 - share, 0, 0, share },
                { 0, near, 1 - near, 0 },
                { 0, 0, 0, 0 },
            };
            var tolerance = type == ScalarType.Float64 ? 1e-12 : 1e-4;
            Assert.AreEqual(first, sums[0].to(ScalarType.Float64).item<double>(), tolerance / 10);
            Assert.AreEqual(second, sums[1].to(ScalarType.Float64).item<double>(), tolerance);
            Assert.IsTrue(sums[2].to(ScalarType.Float64).item<double>() < -1e29);
            Assert.IsTrue(values.grad!.to(ScalarType.Float64).allclose(tensor(slopes), 0, tolerance), values.grad.jlstr());
            Assert.AreEqual(0, values.grad.masked_select(members.logical_not()).abs().max().to(ScalarType.Float64).item<double>());
        }
    }

    [TestMethod]
    public void RowsOfAnyNumberAreThoseOfTorch()
    {
        using var scope = NewDisposeScope();
        manual_seed(7);
        foreach (var (rows, columns) in new[] { (1, 1), (3, 5), (311, 611) }) // the last: several runs
        foreach (var scale in new[] { 1, -3.5 })
        foreach (var isAdded in new[] { false, true })
        {
            var values = (randn(rows, columns, dtype: float64) * 5).requires_grad_();
            var (added, outer) = (isAdded ? randn(rows, columns, dtype: float64) : null, randn(rows, dtype: float64));
            Tensor Expected(Tensor x) => (added is null ? x * scale : x * scale + added).logsumexp(1);
            Assert.IsTrue(RowLogSums.Of(values, added, scale).allclose(Expected(values), 1e-13, 1e-12));
            Tensor First(Tensor of, bool again) => autograd.grad([of], [values], [outer], retain_graph: again, create_graph: again)[0];
            var first = First(RowLogSums.Of(values, added, scale), again: true);
            Assert.IsTrue(First(RowLogSums.Of(values, added, scale), again: false).allclose(first, 1e-11, 1e-12));
            var expected = First(Expected(values), again: true);
            Assert.IsTrue(first.allclose(expected, 1e-11, 1e-12));
            var (second, secondExpected) = (
                autograd.grad([first.square().sum()], [values])[0],
                autograd.grad([expected.square().sum()], [values])[0]
            );
            Assert.IsTrue(second.allclose(secondExpected, 1e-9, 1e-11));
        }
    }
}
