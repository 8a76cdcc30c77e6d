using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Scoring;

namespace MLNetLosses.UnitTests.Scoring;

[TestClass]
public class BlockWorkTests
{
    /// <summary>The later one fails at once, the earlier one after a while.</summary>
    [TestMethod]
    public void OfSeveralFailuresTheFirstIsThrown()
    {
        for (var round = 0; round < 20; round++)
        {
            using var later = new ManualResetEventSlim();
            var error = Assert.ThrowsExactly<InvalidOperationException>(() =>
                BlockWork.For(
                    40,
                    i =>
                    {
                        if (i == 17)
                            later.Wait(100);
                        if (i == 23)
                            later.Set();
                        if (i is 17 or 23)
                            throw new InvalidOperationException($"{i}");
                    },
                    threads: 4
                )
            );
            Assert.AreEqual("17", error.Message);
        }
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    [DataRow(50)]
    public void EveryItemIsWorkedOnOnce(int count)
    {
        var times = new int[count];
        BlockWork.For(count, i => Interlocked.Increment(ref times[i]));
        Assert.IsTrue(times.All(each => each == 1));
    }
}
