using MLNetLosses.Losses;
using MLNetLosses.UnitTests.Training;

namespace MLNetLosses.UnitTests.SemanticSegmentation;

/// <summary>A weighting of the terms is an option of the segmentation trainer: learned, and on gradients.</summary>
[TestClass]
public sealed class LossWeightingTests
{
    [TestMethod]
    [DataRow("HomoscedasticUncertainty", true)]
    [DataRow("GradNorm", true)]
    [DataRow("ProjectConflictingGradients", false)]
    [DataRow("ConflictAverseGradient", true)]
    public void ItTrainsIsReportedAndResumes(string weighting, bool moves)
    {
        var data = DrawnShapes.Data(8);
        WeightedTraining.Check(
            weighting,
            moves,
            ["crossEntropy", "dice"],
            change =>
            {
                var options = Segmenting.Small(o => (o.Loss, o.Epoch) = (new CrossEntropyLoss() + 0.5 * new DiceLoss(), 2));
                change(options);
                using var model = Segmenting.Fit(data, options);
                return (Segmenting.Weights(model), model.Summary);
            }
        );
    }

    [TestMethod]
    public void OneTermHasNothingToWeigh()
    {
        var options = Segmenting.Small(o => o.LossWeighting = new HomoscedasticUncertaintyLoss());
        StringAssert.Contains(
            Assert.Throws<ArgumentException>(() => Segmenting.Fit(DrawnShapes.Data(4), options)).Message,
            "LossWeighting"
        );
    }
}
