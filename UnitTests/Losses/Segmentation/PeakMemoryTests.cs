using System.Globalization;
using System.Runtime.InteropServices;
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
        if (!OperatingSystem.IsLinux() || !NativeLibrary.TryLoad("libc.so.6", out _))
            Assert.Inconclusive("Only Linux lets a process forget its peak, and glibc choose what it gives back.");
        var lines = ChildProcess.RunCompiledOnce(Measure).Split('\n', StringSplitOptions.RemoveEmptyEntries);
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
        set_num_threads(1);
        Assert.AreEqual(1, SetAllocator(-3, 1 << 16)); // M_MMAP_THRESHOLD: what is freed goes back to the system and is not held at the next start
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
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        File.WriteAllText("/proc/self/clear_refs", "5"); // the peak is what is held now
        var before = Kilobytes("VmRSS");
        function.Evaluate(inputs).backward();
        return (Kilobytes("VmHWM") - before) * 1024 / (logits.numel() * 4);
    }

    [DllImport("libc.so.6", EntryPoint = "mallopt")]
    private static extern int SetAllocator(int parameter, int value);

    private static double Kilobytes(string what) =>
        double.Parse(
            File.ReadLines("/proc/self/status").Single(line => line.StartsWith(what, StringComparison.Ordinal)).Split()[^2],
            CultureInfo.InvariantCulture
        );
}
