using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.Core;

[TestClass]
public class TorchThreadsTests
{
    [TestInitialize]
    public void TorchIsThere()
    {
        using var scope = NewDisposeScope();
        _ = randn(64, 64).mm(randn(64, 64)); // its libraries are loaded
        if (!TorchThreads.TryRun(1, _ => { }))
            Assert.Inconclusive("Torch's threads are not GNU OpenMP's here; jobs run on threads of .NET.");
    }

    [TestMethod]
    public void EveryJobIsDoneOnce()
    {
        foreach (var count in new[] { 0, 1, 2, 1000 })
        {
            var done = new int[count];
            Assert.IsTrue(TorchThreads.TryRun(count, i => Interlocked.Increment(ref done[i])));
            Assert.IsTrue(done.All(times => times == 1), $"{count}");
        }
    }

    [TestMethod]
    public void WhatAJobThrowsReachesTheCaller()
    {
        var error = Assert.ThrowsExactly<InvalidOperationException>(() =>
            TorchThreads.TryRun(
                50,
                i =>
                {
                    if (i == 37)
                        throw new InvalidOperationException("job 37");
                }
            )
        );
        Assert.AreEqual("job 37", error.Message);
        Assert.IsTrue(TorchThreads.TryRun(2, _ => { })); // and the threads work on
    }

    [TestMethod]
    public void JobsMayCallTorchAndOtherJobs()
    {
        var sums = new double[40];
        TorchThreads.TryRun(
            sums.Length,
            i =>
            {
                using var scope = NewDisposeScope();
                var inner = new double[3];
                TorchThreads.TryRun(inner.Length, k => inner[k] = i);
                sums[i] = full(100_000, (double)i, float64).sum().item<double>() + inner.Sum();
            }
        );
        for (var i = 0; i < sums.Length; i++)
            Assert.AreEqual(100_003.0 * i, sums[i]);
    }

    [TestMethod]
    public void SeveralThreadsMayCallAtOnce()
    {
        var total = 0L;
        var callers = Enumerable
            .Range(0, 4)
            .Select(_ => new Thread(() =>
            {
                for (var round = 0; round < 20; round++)
                    TorchThreads.TryRun(100, i => Interlocked.Add(ref total, i));
            }))
            .ToArray();
        foreach (var caller in callers)
            caller.Start();
        foreach (var caller in callers)
            caller.Join();
        Assert.AreEqual(4 * 20 * 4950, total);
    }
}
