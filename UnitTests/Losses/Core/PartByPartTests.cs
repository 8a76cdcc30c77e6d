using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.Core;

[TestClass]
public class PartByPartTests
{
    [TestMethod]
    [DataRow("CenterlineDice", false)]
    [DataRow("SensitivitySpecificity", false)]
    [DataRow("CenterlineDice", true)]
    [DataRow("SensitivitySpecificity", true)]
    [DataRow("Dice", true)]
    public void ALossOverPartsHasTheValueAndGradientOfItsImagesOneByOne(string text, bool softLabels)
    {
        // Large enough that the batch is cut into parts and an image is not.
        using var scope = NewDisposeScope();
        using var random = new Generator(3);
        var logits = randn([3, 3, 300, 300], dtype: ScalarType.Float64, generator: random);
        var targets = softLabels
            ? rand([3, 3, 300, 300], dtype: ScalarType.Float64, generator: random)
            : randint(0, 3, [3, 300, 300], dtype: ScalarType.Int64, generator: random);
        using var loss = (Loss.Parse<RegionLoss>(text) with { PerImage = true }).Build(new() { ClassCount = 3 });
        (Tensor Value, Tensor Gradient) Of(Tensor x, Tensor y)
        {
            var leaf = x.clone().requires_grad_();
            var value = loss.Evaluate(new LossInputs { ["logits"] = leaf, ["targets"] = y });
            value.backward();
            return (value.detach(), leaf.grad!);
        }
        var (whole, gradient) = Of(logits, targets);
        var single = Enumerable.Range(0, 3).Select(i => Of(logits.narrow(0, i, 1), targets.narrow(0, i, 1))).ToArray();
        Assert.AreEqual(single.Average(s => s.Value.item<double>()), whole.item<double>(), 1e-12);
        var expected = cat([.. single.Select(s => s.Gradient)]) / 3;
        Assert.IsTrue(allclose(expected, gradient, rtol: 1e-9, atol: 1e-15), $"{(expected - gradient).abs().max().item<double>()}");
        Assert.IsTrue(gradient.abs().amax([1, 2, 3]).gt(0).all().item<bool>());
    }

    [TestMethod]
    public void TheGradientOfPartsIsThatOfTheWholeAndMayBeDifferentiatedAgain()
    {
        using var scope = NewDisposeScope();
        var x = arange(1, 7, ScalarType.Float64).reshape(3, 2).requires_grad_();
        var scale = tensor(new double[] { 1, 2, 3 });
        var y = PartByPart.Of(x, 1, (part, others) => part.pow(3).sum(1) * others[0], scale);
        var gradient = autograd.grad([y.sum()], [x], create_graph: true)[0];
        Assert.IsTrue(allclose(3 * x.detach().square() * scale.unsqueeze(1), gradient.detach()));
        var second = autograd.grad([gradient.sum()], [x])[0];
        Assert.IsTrue(allclose(6 * x.detach() * scale.unsqueeze(1), second));
    }
}
