using Microsoft.ML;
using MLNetLosses;
using MLNetLosses.Losses;
using MLNetLosses.Networks;
using MLNetLosses.Samples;
using MLNetLosses.Training;

return SampleOptions.Run(args, "Trains an image classifier whose loss is an option.", "ImageClassification", [], Run);

static void Run(SampleOptions options, System.CommandLine.ParseResult parsed, CancellationToken cancellation)
{
    var run = new RunFolder(options.Output);
    var (train, validation, test) = (options.Train, options.Validation, options.Test);
    if (train is null)
    {
        var drawn = DrawnCells.Draw(run.File("drawn"));
        (train, validation, test) = (drawn.Train, validation ?? drawn.Validation, test ?? drawn.Test);
        Console.WriteLine($"Drew blood cells into {run.File("drawn")}.");
    }

    // Train.
    var mlContext = new MLContext(options.Seed);
    mlContext.Log += (_, message) =>
    {
        if (
            message.Kind >= Microsoft.ML.Runtime.ChannelMessageKind.Info
            && message.Source.StartsWith("ImageClassification", StringComparison.Ordinal)
            && !LiveDisplay.Shows(message)
        )
            Console.WriteLine(message.RawMessage);
    };
    var data = ImageClassifier.LoadIDataViewFromFolder(mlContext, train);
    var model = LiveDisplay.Run(display => ImageClassifier.RetrainModel(mlContext, data, trainer => Apply(options, trainer, display)));
    var classifier = ((IEnumerable<ITransformer>)model).OfType<ImageClassificationTransformer>().Single();
    var summary = classifier.Summary;
    Console.WriteLine($"{summary.Reason}: {summary.Epochs} epochs, {summary.Seconds:0.0} s, {summary.ImagesPerSecond:0} images/s.");

    // Save, and load as another process would.
    ImageClassifier.SaveModel(mlContext, model, data, run.File("model.zip"));
    ImageClassifier.MLNetModelPath = run.File("model.zip");

    // Evaluate on images that the training has not seen.
    var evaluation = test is null ? null : ImageClassifier.Evaluate(mlContext, mlContext.Model.Load(run.File("model.zip"), out _), test);
    run.WriteMetrics(
        new
        {
            Task = "imageClassification",
            classifier.Loss,
            Backbone = classifier.Backbone.ToString(),
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
        Plots.Confusion(evaluation.Metrics.ConfusionMatrix.Counts, evaluation.Classes, run.File("confusion.png"));
        Console.WriteLine(evaluation.Metrics.ConfusionMatrix.GetFormattedConfusionTable());
        Console.WriteLine(
            $"Test: accuracy {evaluation.Metrics.MicroAccuracy:0.0000} (mean of classes {evaluation.Metrics.MacroAccuracy:0.0000}), log-loss {evaluation.Metrics.LogLoss:0.0000}, top-{evaluation.TopK} {evaluation.Metrics.TopKAccuracy:0.0000}"
        );
        var image = ImageFolder.Read(test)[0];
        var best = ImageClassifier.PredictAllLabels(new() { ImagePath = image.Path }).Take(3).Select(p => $"{p.Key} {p.Value:0.000}");
        Console.WriteLine($"{Path.GetFileName(image.Path)} ({image.Class}) is predicted as {string.Join(", ", best)}");
    }
    Console.WriteLine($"Model and reports: {run.Folder}");

    void Apply(SampleOptions given, ImageClassificationTrainer.Options trainer, IProgress<TrainingProgress> display)
    {
        trainer.Loss = given.Loss is null ? trainer.Loss : SampleOptions.Read("--loss", given.Loss, Loss.Parse<ClassificationLoss>);
        trainer.Backbone = given.Backbone is null ? trainer.Backbone : SampleOptions.Named<Backbone>("--backbone", given.Backbone);
        trainer.ImageSize = given.ImageSize?.Width ?? (given.Backbone is null ? trainer.ImageSize : null);
        trainer.Weights = given.Weights;
        trainer.Epoch = given.Epochs ?? trainer.Epoch;
        trainer.BatchSize = given.BatchSize ?? trainer.BatchSize;
        trainer.LearningRate = given.LearningRate;
        trainer.Device = given.Device;
        trainer.ValidationSet = validation is null ? null : ImageClassifier.LoadIDataViewFromFolder(mlContext, validation);
        run.Keep(trainer, given.Resume);
        trainer.Progress = display;
        trainer.CancellationToken = cancellation;
    }
}
