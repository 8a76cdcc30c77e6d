using System.Diagnostics;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetLosses.Losses;
using MLNetLosses.Networks;
using MLNetLosses.Samples;
using MLNetLosses.Training;

namespace MLNetLosses.Benchmarks;

/// <summary>One training and scoring in a process of its own, so that its peak memory is its own: what baselines/classification.py does.</summary>
internal static class ClassifierRun
{
    /// <summary>What a run measured.</summary>
    /// <param name="TrainImagesPerSecond">From files to step, epochs after the first.</param>
    /// <param name="ScoreImagesPerSecond">From files to scores, through Transform, first pass.</param>
    /// <param name="Accuracy">On the validation images.</param>
    /// <param name="PeakMegabytes">The process's peak of resident memory.</param>
    public sealed record Result(double TrainImagesPerSecond, double ScoreImagesPerSecond, double Accuracy, long PeakMegabytes);

    public static Result Measure(string data, Backbone backbone, int size, int epochs, int batch, int seed, int threads)
    {
        var mlContext = new MLContext(seed);
        var train = ImageClassifierData.Load(mlContext, Path.Combine(data, "train"));
        var held = ImageClassifierData.Load(mlContext, Path.Combine(data, "val"));
        var pipeline = mlContext
            .Transforms.Conversion.MapValueToKey("Label")
            .Append(
                mlContext.MulticlassClassification.Trainers.ImageClassification(
                    new()
                    {
                        FeatureColumnName = nameof(ImageClassifierData.Row.ImagePath),
                        Loss = new CrossEntropyLoss(),
                        Backbone = backbone,
                        ImageSize = size,
                        BatchSize = batch,
                        Epoch = epochs,
                        Optimizer = new Sgd
                        {
                            LearningRate = 0.05,
                            Momentum = 0.9,
                            Nesterov = true,
                            WeightDecay = 5e-4,
                        },
                        Schedule = new CosineSchedule { WarmupFraction = 0 },
                        Threads = threads,
                    }
                )
            );
        var model = pipeline.Fit(train);
        var measured = model.LastTransformer.Summary.History.Skip(1).ToArray();
        var start = Stopwatch.GetTimestamp();
        var scored = model.Transform(held);
        var scores = scored.GetColumn<float[]>("Score").Count();
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return new(
            measured.Sum(e => e.Images) / measured.Sum(e => e.Seconds),
            scores / seconds,
            mlContext.MulticlassClassification.Evaluate(scored).MicroAccuracy,
            RunFolder.PeakMemoryMegabytes()
        );
    }
}

/// <summary>Folders of images as ML.NET data.</summary>
internal static class ImageClassifierData
{
    public static IDataView Load(MLContext mlContext, string folder) =>
        mlContext.Data.LoadFromEnumerable(
            ImageFolder.Read(folder).Select(image => new Row { ImagePath = image.Path, Label = image.Class }).ToArray()
        );

    public sealed class Row
    {
        public string ImagePath { get; set; } = "";
        public string Label { get; set; } = "";
    }
}
