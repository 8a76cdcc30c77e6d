using System.Globalization;
using Microsoft.VisualStudio.TestTools.UnitTesting;

namespace MLNetLosses.UnitTests.ImageClassification;

/// <summary>Memory of the process, in one of its own.</summary>
[TestClass]
public class MemoryTests
{
    // The first steps fill the pools that later ones use again. With tiered compilation the runtime would still be compiling the loops anew: some 9 MB
    // in these steps of a few milliseconds.
    private const int First = 200;
    private const int Steps = 2000;

    [TestMethod]
    public void TheProcessDoesNotGrowWhileItTrains() => ProcessMemory.DoesNotGrow(TrainAndMeasure);

    private static int TrainAndMeasure(string[] arguments)
    {
        var sizes = new Dictionary<long, long>();
        var options = Training.Small(o =>
        {
            (o.ImageSize, o.BatchSize, o.Epoch, o.ProgressInterval) = (8, 2, Steps / 20, 20);
            (o.ValidationSet, o.CheckpointEveryEpochs) = (Training.Data(3, seed: 2), Steps);
            o.MetricsCallback = _ => { };
            o.Progress = new Recorder { OnReport = progress => sizes[progress.Step] = ProcessMemory.Resident() };
        });
        Training.Fit(Training.Data(40), options).Dispose();
        Console.WriteLine(FormattableString.Invariant($"{sizes[First]} {sizes[Steps]}"));
        return 0;
    }
}
