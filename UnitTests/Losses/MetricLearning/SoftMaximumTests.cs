using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.MetricLearning;

[TestClass]
public class SoftMaximumTests
{
    [TestMethod]
    [DataRow(0.1)]
    [DataRow(0.001)]
    [DataRow(50.0)]
    public void ValuesAndDerivativesAreThoseOfTheFormula(double temperature)
    {
        using var scope = NewDisposeScope();
        manual_seed(3);
        foreach (var (rows, groups, size) in new[] { (1, 1, 1), (3, 5, 1), (2, 7, 10), (70, 401, 3) }) // the last: several runs
        {
            var scores = (rand(rows, groups, size, dtype: float64) * 2 - 1).requires_grad_();
            var outer = randn(rows, groups, dtype: float64);
            var expected = (nn.functional.softmax(scores / temperature, 2) * scores).sum([2]);
            Assert.IsTrue(SoftMaximum.Of(scores, temperature).allclose(expected, 1e-12, 1e-13));
            Tensor First(Tensor of, bool again) => autograd.grad([of], [scores], [outer], retain_graph: again, create_graph: again)[0];
            var slopes = First(expected, again: true);
            Assert.IsTrue(First(SoftMaximum.Of(scores, temperature), again: false).allclose(slopes, 1e-9, 1e-10));
            var again = First(SoftMaximum.Of(scores, temperature), again: true);
            var (second, secondExpected) = (
                autograd.grad([again.square().sum()], [scores])[0],
                autograd.grad([slopes.square().sum()], [scores])[0]
            );
            Assert.IsTrue(second.allclose(secondExpected, 1e-9, 1e-9));
            var single = scores.detach().to(float32).requires_grad_();
            Assert.IsTrue(SoftMaximum.Of(single, temperature).to(float64).allclose(expected, 1e-5, 1e-6));
        }
    }

    [TestMethod]
    public void TheNearestAloneCountsAtALowTemperatureHoweverLowAllScoresAre()
    {
        using var scope = NewDisposeScope();
        var scores = tensor(
                new float[,,]
                {
                    {
                        { -1e4f, -2e4f, -3e4f },
                        { 1e4f, 1e4f, -1e4f },
                    },
                }
            )
            .requires_grad_();
        var values = SoftMaximum.Of(scores, 0.1);
        CollectionAssert.AreEqual(new[] { -1e4f, 1e4f }, values.data<float>().ToArray());
        values.sum().backward();
        CollectionAssert.AreEqual(new[] { 1f, 0, 0, 0.5f, 0.5f, 0 }, scores.grad!.data<float>().ToArray());
    }
}
