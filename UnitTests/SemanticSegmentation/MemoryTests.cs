using System.Globalization;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using MLNetLosses.Networks;
using MLNetLosses.UnitTests.ImageClassification;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.SemanticSegmentation;

/// <summary>Memory of the process, in one of its own.</summary>
[TestClass]
public class MemoryTests
{
    private const int Steps = 400;

    [TestMethod]
    public void TheProcessDoesNotGrowWhileItTrains() => ProcessMemory.DoesNotGrow(TrainAndMeasure);

    /// <summary>Of an image that is predicted at once, and of one in tiles.</summary>
    [TestMethod]
    public void ProbabilitiesAreHeldOnce()
    {
        foreach (var line in PeakMemory.Lines(PredictProbabilities))
        {
            var share = double.Parse(line, CultureInfo.InvariantCulture);
            Assert.IsLessThan(1.3, share, $"Predicting held {share:0.00} times the probabilities.");
        }
    }

    private static int PredictProbabilities(string[] arguments)
    {
        PeakMemory.Prepare();
        const int width = 2000;
        const int height = 1500;
        foreach (var (shown, pixels) in new[] { (64, 1 << 20), (512, 96 * 96) })
        {
            var model = PredictionTests.Model(ownSize: false) with
            {
                Classes = [.. Enumerable.Range(0, 8).Select(i => $"class {i}")],
                PredictionPixels = pixels,
                TileOverlap = 16,
            };
            using var network = SegmentationNetwork.Create(model.Shape, seed: 3);
            using var classifier = PixelClassifier.Of(network, model, CPU);
            var bytes = new byte[3 * shown * shown];
            classifier.Predict([new(bytes, shown, shown, shown, shown)]); // what every prediction needs is there
            var peak = PeakMemory.Bytes(() => classifier.Predict([new(bytes, shown, shown, width, height)]));
            Console.WriteLine(FormattableString.Invariant($"{peak / (8.0 * width * height * sizeof(float))}"));
        }
        return 0;
    }

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
