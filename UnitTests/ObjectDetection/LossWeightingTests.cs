using MLNetLosses.Losses;
using MLNetLosses.UnitTests.Training;

namespace MLNetLosses.UnitTests.ObjectDetection;

/// <summary>A weighting of the terms is an option of the detector: learned, and on gradients.</summary>
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
        var data = DrawnObjects.Data(4);
        WeightedTraining.Check(
            weighting,
            moves,
            ["classification", "boxes"],
            change =>
            {
                var options = Detecting.Small(o => (o.Epoch, o.BatchSize, o.ImageSize, o.BoxLossWeight) = (2, 2, 48, 0.5));
                change(options);
                using var model = Detecting.Fit(data, options);
                return (Detecting.Weights(model), model.Summary);
            }
        );
    }
}
