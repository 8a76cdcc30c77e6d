using MLNetLosses.Training;

namespace MLNetLosses.UnitTests.Monitoring;

/// <summary>What is measured stays within its share of the time, on a clock that the tests turn.</summary>
[TestClass]
public sealed class SamplingBudgetTests
{
    [TestMethod]
    [DataRow(0.015)]
    [DataRow(0.3)]
    [DataRow(1.0)]
    public void ShareIsKeptOverManyMeasurementsAndUsed(double share)
    {
        var clock = new Clock();
        var budget = new SamplingBudget(share, clock);
        var random = new Random(4);
        var (spent, count) = (0.0, 0);
        for (var step = 0; step < 20_000; step++)
        {
            if (budget.Allows)
            {
                var cost = 0.05 + 0.1 * random.NextDouble();
                budget.Run(() => clock.Pass(cost));
                (spent, count) = (spent + cost, count + 1);
                // One measurement may cost more than the one before it, by which it was allowed; the first is free.
                if (count > 1)
                    Assert.IsLessThanOrEqualTo(share * clock.Seconds + 0.1, spent);
            }
            clock.Pass(0.1);
        }
        Assert.IsGreaterThan(20, count);
        Assert.AreEqual(Math.Min(share, 0.5), spent / clock.Seconds, 0.02 * share + 0.001); // at 1 every step is measured
    }

    [TestMethod]
    public void FirstIsAllowedAtOnceAndTheNextWhenItIsEarned()
    {
        var clock = new Clock();
        var budget = new SamplingBudget(0.1, clock);
        Assert.IsTrue(budget.Allows);
        budget.Run(() => clock.Pass(1));
        clock.Pass(18.9);
        Assert.IsFalse(budget.Allows, "1 s spent, 1 s to come, 10 % of 19.9 s.");
        clock.Pass(0.2);
        Assert.IsTrue(budget.Allows);
    }

    [TestMethod]
    public void AllOfTheTimeIsNoLimit()
    {
        var clock = new Clock();
        var budget = new SamplingBudget(1, clock);
        budget.Run(() => clock.Pass(1));
        Assert.IsTrue(budget.Allows, "Twice the last measurement is longer than the training has run.");
    }

    [TestMethod]
    public void NothingIsAllowedOfNoShare()
    {
        var clock = new Clock();
        var budget = new SamplingBudget(0, clock);
        clock.Pass(1e6);
        Assert.IsFalse(budget.Allows);
    }

    private sealed class Clock : TimeProvider
    {
        private long microseconds;

        public double Seconds => microseconds * 1e-6;

        public override long TimestampFrequency => 1_000_000;

        public void Pass(double seconds) => microseconds += (long)Math.Round(seconds * 1e6);

        public override long GetTimestamp() => microseconds;
    }
}
