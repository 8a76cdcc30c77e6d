using MLNetLosses.Losses;
using MLNetLosses.Training;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Training;

[TestClass]
public sealed class LossMeterTests
{
    [TestMethod]
    public void ReadsManyBatchesAtOnce()
    {
        using var scope = NewDisposeScope();
        using var meter = new LossMeter(CPU, 3, () => "");
        Add(meter, 1, 1, 2);
        Add(meter, 2, 3, 4);
        Assert.AreEqual(0, meter.Epoch.Count);
        Add(meter, 3, 5, 9);
        Assert.AreEqual(3, meter.Epoch.Count);
        CollectionAssert.AreEqual(new[] { new TrainingTerm("a", 3, 1), new TrainingTerm("b", 5, 0.5) }, meter.Epoch.Terms.ToArray());
        Assert.AreEqual(5.5, meter.Epoch.Loss);
        meter.Interval.Clear();
        Add(meter, 4, 8, 0);
        meter.Read();
        Assert.AreEqual(8, meter.Interval.Loss);
        Assert.AreEqual(4, meter.Epoch.Count);
    }

    [TestMethod]
    public void FindsTheStepOfAValueThatIsNotFinite()
    {
        using var scope = NewDisposeScope();
        using var meter = new LossMeter(CPU, 4, () => "Advice.");
        Add(meter, 1, 1, 2);
        Add(meter, 2, 1, double.PositiveInfinity);
        Add(meter, 3, double.NaN, double.NaN);
        var error = Assert.ThrowsExactly<TrainingDivergedException>(meter.Read);
        Assert.AreEqual(("b", 2L, double.PositiveInfinity), (error.Term, error.Step, error.Value));
        CollectionAssert.AreEqual(new long[] { 20, 21 }, error.Rows.ToArray());
        StringAssert.EndsWith(error.Message, "Advice.");
        using var second = new LossMeter(CPU, 1, () => "");
        Assert.AreEqual(
            "total",
            Assert.ThrowsExactly<TrainingDivergedException>(() => Add(second, 1, 1e300, 2, total: 1e300 * 1e300)).Term
        );
    }

    [TestMethod]
    public void TakesTheWeightsOfACombiner()
    {
        using var scope = NewDisposeScope();
        using var meter = new LossMeter(CPU, 2, () => "");
        for (var step = 1; step <= 2; step++)
            meter.Add(Value(1, 2), new(tensor(7.0), [tensor(2.0f), tensor(4.0f * step)]), new(step, 1, step, []));
        CollectionAssert.AreEqual(new[] { new TrainingTerm("a", 1, 2), new TrainingTerm("b", 2, 6) }, meter.Epoch.Terms.ToArray());
        Assert.AreEqual(7, meter.Epoch.Loss);
        Assert.AreEqual(12, meter.Epoch.Terms[1].Weighted);
    }

    private static LossValue Value(double a, double b, double? total = null) =>
        new(tensor(total ?? (a + (0.5 * b))), [new("a", tensor(a), 1), new("b", tensor(b), 0.5)]);

    private static void Add(LossMeter meter, int step, double a, double b, double? total = null)
    {
        var value = Value(a, b, total);
        meter.Add(value, new(value.Total), new(step, 1, step, [10 * step, (10 * step) + 1]));
    }
}
