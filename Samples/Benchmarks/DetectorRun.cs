using System.Diagnostics;
using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;
using MLNetLosses.Data;
using MLNetLosses.Samples;
using MLNetLosses.Training;

namespace MLNetLosses.Benchmarks;

/// <summary>One training and scoring of a detector in a process of its own: what baselines/detection.py does, with the same recipe.</summary>
internal static class DetectorRun
{
    /// <summary>What is trained.</summary>
    /// <param name="Data">Annotated images with a part for validation.</param>
    /// <param name="Test">Annotated images to test on; empty: none.</param>
    /// <param name="Classification">The loss on classes.</param>
    /// <param name="Box">The loss on boxes.</param>
    /// <param name="Size">The shorter side of images.</param>
    /// <param name="Epochs">Epochs.</param>
    /// <param name="Batch">Images a step.</param>
    /// <param name="Seed">Seed.</param>
    /// <param name="Threads">Threads.</param>
    public sealed record Setting(
        string Data,
        string Test,
        string Classification,
        string Box,
        int Size,
        int Epochs,
        int Batch,
        int Seed,
        int Threads
    )
    {
        /// <summary>Trains in a process of its own.</summary>
        public Result RunInOwnProcess() =>
            OwnProcess.Run<Result>(
                "detector-run",
                [
                    "--data",
                    Data,
                    "--test",
                    Test,
                    "--loss",
                    Classification,
                    "--box-loss",
                    Box,
                    "--image-size",
                    Text(Size),
                    "--epochs",
                    Text(Epochs),
                    "--batch-size",
                    Text(Batch),
                    "--seed",
                    Text(Seed),
                    "--threads",
                    Text(Threads),
                ]
            );

        private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>What a run measured.</summary>
    /// <param name="TrainImagesPerSecond">From files to step, epochs after the first (all, where there is one).</param>
    /// <param name="ScoreImagesPerSecond">From files to detections, through Transform.</param>
    /// <param name="PeakMegabytes">The process's peak of resident memory.</param>
    /// <param name="TrainSeconds">The whole training.</param>
    /// <param name="Validation">On the validation images, after the last epoch.</param>
    /// <param name="Test">On the test images.</param>
    public sealed record Result(
        double TrainImagesPerSecond,
        double ScoreImagesPerSecond,
        long PeakMegabytes,
        double TrainSeconds,
        Figures Validation,
        Figures? Test
    );

    /// <summary>Metrics by COCO's rules.</summary>
    public sealed record Figures(double Map, double Ap50, double Ap75, Dictionary<string, double> Ap50ByClass);

    public static Result Measure(Setting setting)
    {
        var mlContext = new MLContext(setting.Seed);
        var train = Load(mlContext, setting.Data, AnnotatedImages.Part.Train);
        var held = Load(mlContext, setting.Data, AnnotatedImages.Part.Validation);
        var pipeline = mlContext
            .Transforms.Conversion.MapValueToKey("Label", keyOrdinality: ValueToKeyMappingEstimator.KeyOrdinality.ByValue)
            .Append(
                mlContext.MulticlassClassification.Trainers.ObjectDetection(
                    new ObjectDetectionTrainer.Options
                    {
                        ImageColumnName = "ImagePath",
                        IgnoredColumnName = "Ignored",
                        ClassificationLoss = DetectorClassificationLoss.Parse(setting.Classification),
                        BoxLoss = DetectorBoxLoss.Parse(setting.Box),
                        LossNormalization = DetectionNormalization.Image,
                        ImageSize = setting.Size,
                        BatchSize = setting.Batch,
                        Epoch = setting.Epochs,
                        Optimizer = new AdamW { LearningRate = 5e-4, WeightDecay = 1e-4 },
                        Schedule = new CosineSchedule { WarmupFraction = 0 },
                        GradientClipNorm = 10,
                        ScoreThreshold = 0.05,
                        Threads = setting.Threads,
                    }
                )
            );
        var model = pipeline.Fit(train);
        var summary = model.LastTransformer.Summary;
        var measured = summary.History.Count > 1 ? summary.History.Skip(1).ToArray() : [.. summary.History];
        var start = Stopwatch.GetTimestamp();
        var scored = mlContext.Data.Cache(model.Transform(held));
        var images = scored.GetColumn<float[]>("Score").Count();
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return new(
            measured.Sum(e => e.Images) / measured.Sum(e => e.Seconds),
            images / seconds,
            RunFolder.PeakMemoryMegabytes(),
            summary.Seconds,
            Evaluate(mlContext, scored),
            setting.Test.Length == 0 ? null : Evaluate(mlContext, model.Transform(Load(mlContext, setting.Test, AnnotatedImages.Part.Test)))
        );
    }

    private static IDataView Load(MLContext mlContext, string path, AnnotatedImages.Part part) =>
        AnnotatedImages.Load(mlContext, path, part, new() { Repairs = AnnotationRepairs.ClipBoxes | AnnotationRepairs.SkipEmptyBoxes });

    private static Figures Evaluate(MLContext mlContext, IDataView scored)
    {
        var metrics = mlContext.MulticlassClassification.EvaluateObjectDetection(scored);
        return new(
            metrics.AveragePrecision,
            metrics.AveragePrecision50,
            metrics.AveragePrecision75,
            metrics.PerClass.Where(one => one.TargetCount > 0).ToDictionary(one => one.Name, one => one.AveragePrecision50)
        );
    }
}
