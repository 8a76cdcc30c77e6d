using System.Globalization;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.Segmentation;

/// <summary>One forward and backward of a loss on pixels holds at most three times its logits at once, the gradient included.</summary>
[TestClass]
public class PeakMemoryTests
{
    private const int Images = 2;
    private const int Classes = 18;
    private const int Side = 384;

    [TestMethod]
    public void PixelLossesHoldAtMostThreeTimesTheirLogits()
    {
        var lines = PeakMemory.Lines(Measure);
        Assert.AreEqual(PixelLosses.Count(), lines.Length);
        foreach (var line in lines)
        {
            Console.WriteLine(line);
            var multiple = double.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture);
            Assert.IsTrue(multiple < 3, $"{line} times the logits");
            Assert.IsTrue(multiple > 0.5, $"{line} times the logits: at least their gradient must show");
        }
    }

    private static IEnumerable<string> PixelLosses =>
        from info in LossCatalog.For<SegmentationLoss>()
        where info.Family == "Segmentation" || info.Name is "CrossEntropy" or "Focal"
        where !info.Type.IsDefined(typeof(DefinitionExampleAttribute), false) // losses around another
        select info.Name;

    private static int Measure(string[] arguments)
    {
        PeakMemory.Prepare();
        foreach (var name in PixelLosses)
        {
            using var function = Loss.Parse(name).Build(new() { ClassCount = Classes });
            Step(function, 16); // code and constants
            Console.WriteLine(FormattableString.Invariant($"{name} {Step(function, Side):0.00}"));
        }
        return 0;
    }

    private static double Step(LossFunction function, int side)
    {
        using var scope = NewDisposeScope();
        var logits = randn(Images, Classes, side, side).requires_grad_();
        var targets = arange(side * side, ScalarType.Int64).div(side * 32, RoundingMode.floor).remainder(Classes).to(ScalarType.Int64);
        var inputs = new LossInputs { ["logits"] = logits, ["targets"] = targets.reshape(1, side, side).repeat(Images, 1, 1) };
        function.CheckValues = false; // as in a training after its first step
        return PeakMemory.Bytes(() => function.Evaluate(inputs).backward()) / (logits.numel() * 4);
    }
}
