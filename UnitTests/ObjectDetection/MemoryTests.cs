using System.Globalization;
using MLNetLosses.Losses;
using MLNetLosses.Training;
using MLNetLosses.UnitTests.ImageClassification;

namespace MLNetLosses.UnitTests.ObjectDetection;

/// <summary>Memory of the process, in one of its own.</summary>
[TestClass]
public class MemoryTests
{
    private const int First = 160;
    private const int Steps = 400;

    [TestMethod]
    public void TheProcessDoesNotGrowWhileItTrains() => ProcessMemory.DoesNotGrow(TrainAndMeasure);

    private static int TrainAndMeasure(string[] arguments)
    {
        var sizes = new Dictionary<long, long>();
        var options = Detecting.Small(o =>
        {
            (o.ImageSize, o.BatchSize, o.Epoch, o.ProgressInterval) = (32, 2, Steps / 20, 20);
            (o.ValidationSet, o.BoxLoss) = (DrawnObjects.Data(3, seed: 2), new GeneralizedIoULoss());
            o.Augmentation = new() { HorizontalFlip = 0.5 };
            o.Progress = new Recorder { OnReport = progress => sizes[progress.Step] = ProcessMemory.Resident() };
        });
        Detecting.Fit(DrawnObjects.Data(40), options).Dispose();
        Console.WriteLine(FormattableString.Invariant($"{sizes[First]} {sizes[Steps]}"));
        return 0;
    }
}
