using System.Globalization;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using MLNetLosses.UnitTests.ImageClassification;

namespace MLNetLosses.UnitTests.SemanticSegmentation;

/// <summary>Memory of the process, in one of its own.</summary>
[TestClass]
public class MemoryTests
{
    private const int Steps = 400;

    [TestMethod]
    public void TheProcessDoesNotGrowWhileItTrains() => ProcessMemory.DoesNotGrow(TrainAndMeasure);

    private static int TrainAndMeasure(string[] arguments)
    {
        var sizes = new Dictionary<long, long>();
        var options = Segmenting.Small(o =>
        {
            (o.ImageWidth, o.ImageHeight, o.BatchSize, o.Epoch, o.ProgressInterval) = (16, 16, 2, Steps / 20, 20);
            (o.ValidationSet, o.Loss) = (DrawnShapes.Data(3, seed: 2), (SegmentationLoss)new CrossEntropyLoss() + new BoundaryLoss());
            o.Augmentation = new() { HorizontalFlip = 0.5, CropPadding = 0.1 };
            o.Progress = new Recorder { OnReport = progress => sizes[progress.Step] = ProcessMemory.Resident() };
        });
        Segmenting.Fit(DrawnShapes.Data(40), options).Dispose();
        Console.WriteLine(FormattableString.Invariant($"{sizes[Steps / 5]} {sizes[Steps]}"));
        return 0;
    }
}
