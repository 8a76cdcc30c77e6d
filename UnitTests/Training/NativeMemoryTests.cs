using System.Globalization;
using MLNetLosses.Training;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Training;

/// <summary>Memory that a training used, in a process of its own.</summary>
[TestClass]
public sealed class NativeMemoryTests
{
    private const int Tensors = 40;
    private const int Megabytes = 8;

    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    public void WhatIsFreeGoesBackToTheSystem()
    {
        var sizes = ChildProcess.Run(UseAndFree).Split(' ').Select(size => double.Parse(size, CultureInfo.InvariantCulture)).ToArray();
        Assert.IsGreaterThan(Tensors * Megabytes / 2.0, sizes[0], "MB stayed with the process, for the next step");
        Assert.IsLessThan(Tensors * Megabytes / 8.0, sizes[1], "MB stayed when all was done");
    }

    private static int UseAndFree(string[] arguments)
    {
        NativeMemory.KeepLargeBlocks();
        using (ones(1))
        {
            var before = Environment.WorkingSet;
            using (NewDisposeScope())
                for (var i = 0; i < Tensors; i++)
                    ones(Megabytes << 18);
            var kept = Environment.WorkingSet - before;
            NativeMemory.ReleaseFree();
            Console.WriteLine(FormattableString.Invariant($"{kept >> 20} {(Environment.WorkingSet - before) >> 20}"));
        }
        return 0;
    }
}
