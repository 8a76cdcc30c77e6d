using System.CommandLine;
using Microsoft.ML;
using MLNetLosses;
using MLNetLosses.Losses;
using MLNetLosses.Networks;
using MLNetLosses.Samples;
using MLNetLosses.Training;

Option<int?> ignoreIndex = new("--ignore-index") { Description = "A class index that counts nowhere, such as 11 or 255." };
Option<string?> architecture = new("--architecture") { Description = "UNet, FPN or DeepLabV3Plus." };
Option<string?> classWeights = new("--class-weights") { Description = "balanced, or one number a class: 1,2,5." };
Option<double> tolerance = new("--boundary-tolerance")
{
    Description = "Up to how many pixels apart borders count as the same in boundary F1.",
    DefaultValueFactory = _ => 2,
};
Option<int> overlays = new("--overlays")
{
    Description = "How many of the best and of the worst test images are drawn.",
    DefaultValueFactory = _ => 6,
};

return SampleOptions.Run(
    args,
    "Trains a segmentation network whose loss is an option. Folders hold images/ and masks/ of equal names, and perhaps classes.txt.",
    "SemanticSegmentation",
    [ignoreIndex, architecture, classWeights, tolerance, overlays],
    Run
);

void Run(SampleOptions options, ParseResult parsed, CancellationToken cancellation)
{
    var run = new RunFolder(options.Output);
    var (train, validation, test) = (options.Train, options.Validation, options.Test);
    if (train is null)
    {
        var drawn = DrawnMasks.Draw(run.File("drawn"));
        (train, validation, test) = (drawn.Train, validation ?? drawn.Validation, test ?? drawn.Test);
        Console.WriteLine($"Drew blood smears into {run.File("drawn")}.");
    }

    var ignored = parsed.GetValue(ignoreIndex);

    // Train.
    var mlContext = new MLContext(options.Seed);
    mlContext.Log += (_, message) =>
    {
        if (
            message.Kind >= Microsoft.ML.Runtime.ChannelMessageKind.Info
            && message.Source.StartsWith("SemanticSegmentation", StringComparison.Ordinal)
            && !LiveDisplay.Shows(message)
        )
            Console.WriteLine(message.RawMessage);
    };
    var data = SemanticSegmenter.LoadIDataViewFromFolder(mlContext, train, ignored);
    var model = LiveDisplay.Run(display => SemanticSegmenter.RetrainModel(mlContext, data, trainer => Apply(options, trainer, display)));
    var segmenter = (SemanticSegmentationTransformer)model;
    var summary = segmenter.Summary;
    Console.WriteLine($"{summary.Reason}: {summary.Epochs} epochs, {summary.Seconds:0.0} s, {summary.ImagesPerSecond:0} images/s.");

    // Save, and load as another process would.
    SemanticSegmenter.SaveModel(mlContext, model, data, run.File("model.zip"));
    SemanticSegmenter.MLNetModelPath = run.File("model.zip");

    // Evaluate on images that the training has not seen.
    var loaded = mlContext.Model.Load(run.File("model.zip"), out _);
    var evaluation = test is null ? null : SemanticSegmenter.Evaluate(mlContext, loaded, test, ignored, parsed.GetValue(tolerance));
    run.WriteMetrics(
        new
        {
            Task = "semanticSegmentation",
            segmenter.Loss,
            Backbone = segmenter.Backbone.ToString(),
            Architecture = segmenter.Architecture.ToString(),
            summary.Epochs,
            summary.Seconds,
            summary.ImagesPerSecond,
            PeakMemoryMB = RunFolder.PeakMemoryMegabytes(),
            TrainLoss = summary.History.Count > 0 ? summary.History[^1].Loss : (double?)null,
            Validation = summary.BestMetrics?.Values,
            Test = evaluation?.ToJson(),
        }
    );
    if (summary.History.Count > 0)
        Plots.Training(summary.History, run.File("curves.png"));
    if (evaluation is not null && test is not null)
    {
        if (evaluation.Metrics.ConfusionMatrix is { } confusion)
            Plots.Confusion(
                [
                    .. Enumerable
                        .Range(0, confusion.ClassCount)
                        .Select(t => Enumerable.Range(0, confusion.ClassCount).Select(p => (double)confusion[t, p]).ToArray()),
                ],
                evaluation.Classes,
                run.File("confusion.png")
            );
        SemanticSegmenter.DrawOverlays(mlContext, loaded, test, ignored, parsed.GetValue(overlays), run.File("overlays"));
        Report(evaluation);
        var image = Directory.EnumerateFiles(Path.Combine(test, "images")).Order(StringComparer.Ordinal).First();
        var shares = SemanticSegmenter.PredictShares(new() { ImagePath = image }).Take(3).Select(p => $"{p.Key} {p.Value:P0}");
        Console.WriteLine($"{Path.GetFileName(image)} is predicted as {string.Join(", ", shares)}");
    }
    Console.WriteLine($"Model and reports: {run.Folder}");

    void Apply(SampleOptions given, SemanticSegmentationTrainer.Options trainer, IProgress<TrainingProgress> display)
    {
        trainer.Loss = given.Loss is null ? trainer.Loss : SampleOptions.Read("--loss", given.Loss, Loss.Parse<SegmentationLoss>);
        trainer.Backbone = given.Backbone is null ? trainer.Backbone : SampleOptions.Named<Backbone>("--backbone", given.Backbone);
        trainer.Architecture = parsed.GetValue(architecture) is { } name
            ? SampleOptions.Named<SegmentationArchitecture>("--architecture", name)
            : trainer.Architecture;
        trainer.ClassWeights = parsed.GetValue(classWeights) is { } weights
            ? SampleOptions.Read("--class-weights", weights, ClassWeights.Parse)
            : null;
        trainer.IgnoreIndex = ignored;
        (trainer.ImageWidth, trainer.ImageHeight) = given.ImageSize ?? (trainer.ImageWidth!.Value, trainer.ImageHeight!.Value);
        trainer.Weights = given.Weights;
        trainer.Epoch = given.Epochs ?? trainer.Epoch;
        trainer.BatchSize = given.BatchSize ?? trainer.BatchSize;
        trainer.LearningRate = given.LearningRate;
        trainer.Device = given.Device;
        trainer.ValidationSet = validation is null ? null : SemanticSegmenter.LoadIDataViewFromFolder(mlContext, validation, ignored);
        run.Keep(trainer, given.Resume);
        trainer.Progress = display;
        trainer.CancellationToken = cancellation;
    }
}

static void Report(SemanticSegmenter.Evaluation evaluation)
{
    var metrics = evaluation.Metrics;
    var width = evaluation.Classes.Max(name => name.Length);
    Console.WriteLine($"{"class".PadRight(width)}     IoU    Dice  recall  boundary F1");
    for (var i = 0; i < evaluation.Classes.Count; i++)
        Console.WriteLine(
            $"{evaluation.Classes[i].PadRight(width)}  {Cell(metrics.IntersectionOverUnion[i])}  {Cell(metrics.Dice[i])}  {Cell(metrics.Recall[i])}  {Cell(metrics.Surfaces!.BoundaryF1[i])}"
        );
    Console.WriteLine(
        $"Test: mean IoU {metrics.MeanIntersectionOverUnion:0.0000}, mean Dice {metrics.MeanDice:0.0000}, pixel accuracy {metrics.PixelAccuracy:0.0000}, boundary F1 {metrics.Surfaces!.MeanBoundaryF1:0.0000}"
    );

    static string Cell(double value) => (double.IsNaN(value) ? "-" : $"{value:0.0000}").PadLeft(6);
}
