using System.Globalization;
using MLNetLosses.Losses;
using MLNetLosses.Networks;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.Core;

/// <summary>The last backward pass through a graph gives the gradients of any other, and frees what functions have saved as it goes.</summary>
[TestClass]
public sealed class FinalBackwardTests
{
    private const int Layers = 8;

    [TestMethod]
    public void GradientsAreThoseOfAnyPass()
    {
        using var scope = NewDisposeScope();
        var (weight, loss) = Step(side: 48);
        loss.backward(retain_graph: true);
        var once = weight.grad!.clone();
        weight.grad = null;
        loss.backward(retain_graph: true); // as weightings do, term by term
        Assert.IsTrue(weight.grad!.equal(once).all().item<bool>());
        weight.grad = null;
        FinalBackward.Run(loss);
        Assert.IsTrue(weight.grad!.equal(once).all().item<bool>());
        Assert.IsGreaterThan(0, once.abs().sum().item<float>());
    }

    [TestMethod]
    public void WhatFunctionsSavedIsFreedAsItGoes()
    {
        var lines = PeakMemory.Lines(Measure).Select(line => double.Parse(line, CultureInfo.InvariantCulture)).ToArray();
        Console.WriteLine(string.Join(", ", lines));
        Assert.IsLessThan(
            lines[0] - Layers / 2,
            lines[1],
            "maps held at once, by a pass that is not said to be the last and by one that is"
        );
    }

    private static int Measure(string[] arguments)
    {
        PeakMemory.Prepare();
        Bytes(64, final: true); // code
        foreach (var final in new[] { false, true })
            Console.WriteLine(FormattableString.Invariant($"{Bytes(96, final) / (2.0 * 192 * 96 * 96 * sizeof(float)):0.00}"));
        return 0;

        static double Bytes(int side, bool final)
        {
            using var scope = NewDisposeScope();
            return PeakMemory.Bytes(() =>
            {
                var (_, loss) = Step(side);
                if (final)
                    FinalBackward.Run(loss);
                else
                    loss.backward();
            });
        }
    }

    // Convolutions by functions of our own, and losses that are functions too. The gradient that is made last is the largest, as at a network's stem.
    private static (Tensor Weight, Tensor Loss) Step(int side)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1, CPU);
        var weight = randn([192, 192, 3, 3], generator: generator).mul_(0.02).requires_grad_();
        var wide = randn([2, 192, 4 * side, 4 * side], generator: generator).requires_grad_();
        var map = nn.functional.avg_pool2d(wide, 4);
        for (var i = 0; i < Layers; i++)
        {
            Assert.IsTrue(WinogradConvolution.Suits([map], weight));
            var next = WinogradConvolution.Of([map], weight, null)[0].relu_();
            map.Dispose();
            map = next;
        }
        var targets = zeros([2, side, side], ScalarType.Int64);
        var loss = new DiceLoss().Compute(map, targets) + new CrossEntropyLoss().Compute(map, targets);
        return (weight.MoveToOuterDisposeScope(), loss.MoveToOuterDisposeScope());
    }
}
