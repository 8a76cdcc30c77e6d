using Microsoft.VisualStudio.TestTools.UnitTesting;

namespace MLNetLosses.UnitTests.ImageClassification;

[TestClass]
public class ClassWeightsTests
{
    private static readonly string[] Classes = ["a", "b", "c"];

    [TestMethod]
    public void BalancedClassesCountTheSame()
    {
        long[] counts = [80, 20, 0];
        var weights = ClassWeights.Balanced.For(Classes, counts);
        Assert.AreEqual(weights[0] * 80, weights[1] * 20, 1e-12);
        Assert.AreEqual(100, weights[0] * 80 + weights[1] * 20, 1e-9);
    }

    [TestMethod]
    [DataRow("balanced")]
    [DataRow("1, 2.5, 1")]
    [DataRow("cat: 2, dog: 0.5")]
    public void TextAndBackIsTheSame(string text)
    {
        ClassWeights weights = text;
        Assert.AreEqual(text, weights.ToString());
        Assert.AreEqual(weights, ClassWeights.Parse(weights.ToString()));
    }

    [TestMethod]
    public void NamesLeaveTheOthersAtOne()
    {
        var weights = ClassWeights.Of(new Dictionary<string, double> { ["b"] = 4 }).For(Classes, [1, 1, 1]);
        CollectionAssert.AreEqual(new[] { 0.5, 2, 0.5 }, weights);
    }

    [TestMethod]
    public void ACountThatDoesNotFitNamesTheClasses()
    {
        var error = Assert.ThrowsExactly<ArgumentException>(() => ClassWeights.Of(1, 2).For(Classes, [1, 1, 1]));
        StringAssert.Contains(error.Message, "2 weights");
        StringAssert.Contains(error.Message, "3 classes: 'a', 'b', 'c'");
    }

    [TestMethod]
    public void AnUnknownNameIsRefused() =>
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => ClassWeights.Parse("z: 2").For(Classes, [1, 1, 1])).Message,
            "'z'"
        );

    [TestMethod]
    [DataRow(-1.0)]
    [DataRow(double.NaN)]
    [DataRow(double.PositiveInfinity)]
    public void AWeightThatIsNoneIsRefused(double weight) =>
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => ClassWeights.Of(1, weight));

    [TestMethod]
    public void NothingToLearnIsRefused()
    {
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => ClassWeights.Of(0, 0));
        Assert.ThrowsExactly<ArgumentException>(() => ClassWeights.Of(0, 0, 1).For(Classes, [5, 5, 0]));
        Assert.ThrowsExactly<FormatException>(() => ClassWeights.Parse("much"));
    }

    [TestMethod]
    public void AColumnGivesTheWeightOfEachClass()
    {
        var rows = DrawnImages.Bytes(12);
        foreach (var row in rows)
            row.Weight = row.Label == "disc" ? 3 : 1;
        var data = DrawnImages.Keyed(Training.Context(), rows);
        var byColumn = Training.Weights(data, Training.Small(o => o.ClassWeights = ClassWeights.FromColumn("Weight")));
        var byNumbers = Training.Weights(data, Training.Small(o => o.ClassWeights = ClassWeights.Of(3, 1, 1)));
        CollectionAssert.AreEqual(byNumbers, byColumn);
        rows[0].Weight = 7;
        var error = Assert.Throws<ArgumentException>(() =>
            Training.Fit(
                DrawnImages.Keyed(Training.Context(), rows),
                Training.Small(o => o.ClassWeights = ClassWeights.FromColumn("Weight"))
            )
        );
        StringAssert.Contains(error.Message, "'disc'");
    }
}
