using System.CommandLine;
using Microsoft.ML;
using MLNetLosses;
using MLNetLosses.Data;
using MLNetLosses.Losses;
using MLNetLosses.Networks;
using MLNetLosses.Samples;
using MLNetLosses.Training;
using Part = MLNetLosses.Samples.AnnotatedImages.Part;

Option<string?> boxLoss = new("--box-loss") { Description = "The loss on boxes, such as \"CompleteIoU()\" or \"SmoothL1(beta: 0.1)\"." };
Option<string?> head = new("--head")
{
    Description = "The head: RetinaNet or Fcos, or with options, such as \"RetinaNet(channels: 64)\" or \"Fcos(distributionBins: 17)\".",
};
Option<string?> normalization = new("--loss-normalization")
{
    Description = "What losses are divided by: the objects of the Batch (default), or those of each Image, as torchvision does.",
};
return SampleOptions.Run(
    args,
    "Trains an object detector whose losses are options.",
    "ObjectDetection",
    [boxLoss, head, normalization],
    Run
);

void Run(SampleOptions options, ParseResult parsed, CancellationToken cancellation)
{
    var run = new RunFolder(options.Output);
    var isDrawn = options.Train is null;
    var train = options.Train ?? DrawnSmears.Draw(run.File("drawn"));
    if (isDrawn)
        Console.WriteLine($"Drew smears of blood into {run.File("drawn")}.");
    // A folder with lists or folders of its own for validation and test serves for them, too.
    var test = options.Test ?? (AnnotatedImages.HasPart(train, Part.Test) ? train : null);
    // One without a part to test on is tested on its part to validate on, which then does not choose the epoch as well.
    var testPart =
        test is not null && !AnnotatedImages.HasPart(test, Part.Test) && AnnotatedImages.HasPart(test, Part.Validation)
            ? Part.Validation
            : Part.Test;
    var validates = AnnotatedImages.HasPart(train, Part.Validation) && (testPart == Part.Test || test != train);
    var validation = options.Validation ?? (validates ? train : null);

    // Train.
    var mlContext = new MLContext(options.Seed);
    mlContext.Log += (_, message) =>
    {
        if (
            message.Kind >= Microsoft.ML.Runtime.ChannelMessageKind.Info
            && message.Source.StartsWith("ObjectDetection", StringComparison.Ordinal)
            && !LiveDisplay.Shows(message)
        )
            Console.WriteLine(message.RawMessage);
    };
    var data = Load(train, Part.Train, null);
    var held = test is null ? null : Load(test, testPart, data.ClassNames);
    var model = LiveDisplay.Run(display => ObjectDetector.RetrainModel(mlContext, data, trainer => Apply(options, trainer, display)));
    var detector = ((IEnumerable<ITransformer>)model).OfType<ObjectDetectionTransformer>().Single();
    var summary = detector.Summary;
    Console.WriteLine($"{summary.Reason}: {summary.Epochs} epochs, {summary.Seconds:0.0} s, {summary.ImagesPerSecond:0.0} images/s.");

    // Save, and load as another process would.
    ObjectDetector.SaveModel(mlContext, model, data, run.File("model.zip"));
    ObjectDetector.MLNetModelPath = run.File("model.zip");

    // Evaluate on images that the training has not seen.
    var evaluation = held is null ? null : ObjectDetector.Evaluate(mlContext, mlContext.Model.Load(run.File("model.zip"), out _), held);
    run.WriteMetrics(
        new
        {
            Task = "objectDetection",
            detector.ClassificationLoss,
            detector.BoxLoss,
            detector.DistributionLoss,
            Backbone = detector.Backbone.ToString(),
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
    if (evaluation is not null && held is not null)
    {
        Console.WriteLine(evaluation.Metrics.GetFormattedTable());
        DetectionPlots.PrecisionRecall(evaluation.Metrics, run.File("precision-recall.png"));
        ObjectDetector.DrawDetections(mlContext, evaluation, run.File("detections"));
        var image = mlContext.Data.CreateEnumerable<ObjectDetector.ModelInput>(held, reuseRowObject: false).First();
        var found = ObjectDetector.PredictBoxes(image);
        Console.WriteLine(
            $"{Path.GetFileName(image.ImagePath)} has {image.Label.Length} objects; {found.Count} are found with a score of at least 0.5."
        );
        foreach (var box in found.Take(3))
            Console.WriteLine($"  {box.Label} {box.Score:0.00} at ({box.Left:0}, {box.Top:0}) to ({box.Right:0}, {box.Bottom:0})");
    }
    Console.WriteLine($"Model and reports: {run.Folder}");

    ObjectDetectionDataView Load(string path, Part part, IReadOnlyList<string>? classes)
    {
        var loaded = ObjectDetector.LoadIDataView(mlContext, path, part, classes);
        Console.WriteLine($"{part}: {loaded.Report}");
        foreach (var example in loaded.Report.Examples.Take(3))
            Console.WriteLine($"  {example}");
        return loaded;
    }

    void Apply(SampleOptions given, ObjectDetectionTrainer.Options trainer, IProgress<TrainingProgress> display)
    {
        if (isDrawn)
        {
            // Small pictures of small things: a light head with small anchors learns them in a few minutes.
            trainer.Head = new RetinaNetHead
            {
                Channels = 64,
                Convolutions = 2,
                AnchorScale = 2,
            };
            trainer.ImageSize = 144;
        }
        if (given.Loss is not null)
            SampleOptions.Read("--loss", given.Loss, text => SetLoss(trainer, text));
        if (parsed.GetValue(boxLoss) is { } text)
            trainer.BoxLoss = SampleOptions.Read("--box-loss", text, DetectorBoxLoss.Parse);
        if (parsed.GetValue(head) is { } headText)
            trainer.Head = SampleOptions.Read("--head", headText, DetectionHead.Parse);
        if (parsed.GetValue(normalization) is { } divisor)
            trainer.LossNormalization = SampleOptions.Named<DetectionNormalization>("--loss-normalization", divisor);
        trainer.Backbone = given.Backbone is null ? trainer.Backbone : SampleOptions.Named<Backbone>("--backbone", given.Backbone);
        if (given.ImageSize is var (width, height))
        {
            trainer.ImageSize = Math.Min(width, height);
            trainer.MaxImageSize = width == height ? null : Math.Max(width, height);
        }
        trainer.Weights = given.Weights;
        trainer.Epoch = given.Epochs ?? trainer.Epoch;
        trainer.BatchSize = given.BatchSize ?? trainer.BatchSize;
        trainer.LearningRate = given.LearningRate;
        trainer.Device = given.Device;
        trainer.ValidationSet = validation is null ? null : Load(validation, Part.Validation, data.ClassNames);
        run.Keep(trainer, given.Resume);
        trainer.Progress = display;
        trainer.CancellationToken = cancellation;
    }
}

// A loss tells by its family whether it is one on classes or one on boxes.
static Loss SetLoss(ObjectDetectionTrainer.Options trainer, string text)
{
    var loss = Loss.Parse(text);
    if (loss is BoxLoss or RegressionLoss)
        trainer.BoxLoss = DetectorBoxLoss.Parse(text);
    else
        trainer.ClassificationLoss = DetectorClassificationLoss.Parse(text);
    return loss;
}
