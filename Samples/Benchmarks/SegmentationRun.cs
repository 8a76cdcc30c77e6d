using System.Diagnostics;
using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetLosses.Losses;
using MLNetLosses.Networks;
using MLNetLosses.Samples;
using MLNetLosses.Training;

namespace MLNetLosses.Benchmarks;

/// <summary>One training and scoring in a process of its own, so that its peak memory is its own: what baselines/segmentation.py does.</summary>
internal static class SegmentationRun
{
    public const string Command = "segmentation-run";

    /// <summary>What is run.</summary>
    /// <param name="Data">A folder with train/ and val/, each with images/ and masks/.</param>
    /// <param name="Test">A folder with images/ and masks/, or empty.</param>
    /// <param name="Loss">The loss as text.</param>
    /// <param name="ClassWeights">As text, or empty.</param>
    /// <param name="Width">Width that images are brought to.</param>
    /// <param name="Height">Height that images are brought to.</param>
    /// <param name="IgnoreIndex">A class index that does not count, or below 0.</param>
    /// <param name="Epochs">Epochs; the first warms up.</param>
    /// <param name="Batch">Images a step.</param>
    /// <param name="Seed">The seed.</param>
    /// <param name="Threads">Threads.</param>
    public sealed record Setting(
        string Data,
        string Test,
        string Loss,
        string ClassWeights,
        int Width,
        int Height,
        int IgnoreIndex,
        int Epochs,
        int Batch,
        int Seed,
        int Threads
    )
    {
        public int? Ignored => IgnoreIndex < 0 ? null : IgnoreIndex;

        public string Size => $"{Width}x{Height}";

        public Result RunInOwnProcess() =>
            OwnProcess.Run<Result>(
                Command,
                "--data",
                Data,
                "--test",
                Test,
                "--loss",
                Loss,
                "--class-weights",
                ClassWeights,
                "--image-size",
                Size,
                "--ignore-index",
                Text(IgnoreIndex),
                "--epochs",
                Text(Epochs),
                "--batch-size",
                Text(Batch),
                "--seed",
                Text(Seed),
                "--threads",
                Text(Threads)
            );

        private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>What a part of the data gave, at the size of its masks.</summary>
    /// <param name="MeanIoU">Mean intersection over union.</param>
    /// <param name="PixelAccuracy">The share of right pixels.</param>
    /// <param name="IoU">Of each class; null where it is not defined.</param>
    public sealed record Figures(double MeanIoU, double PixelAccuracy, double?[] IoU);

    /// <summary>What a run measured.</summary>
    /// <param name="TrainImagesPerSecond">From files to step, epochs after the first.</param>
    /// <param name="ScoreImagesPerSecond">From files to masks of the images' own size, through Transform, first pass.</param>
    /// <param name="PeakMegabytes">The process's peak of resident memory.</param>
    /// <param name="TrainSeconds">The whole training.</param>
    /// <param name="Classes">Names of the classes.</param>
    /// <param name="Validation">Figures of val/.</param>
    /// <param name="Test">Figures of the test folder, where one is given.</param>
    public sealed record Result(
        double TrainImagesPerSecond,
        double ScoreImagesPerSecond,
        long PeakMegabytes,
        double TrainSeconds,
        string[] Classes,
        Figures Validation,
        Figures? Test
    );

    public static Result Measure(Setting setting)
    {
        var mlContext = new MLContext(setting.Seed);
        var train = mlContext.Data.LoadSegmentationFolder(Path.Combine(setting.Data, "train"));
        var trainer = mlContext.ImageSegmentation.Trainers.SemanticSegmentation(
            new()
            {
                Loss = Loss.Parse<SegmentationLoss>(setting.Loss),
                ClassWeights = setting.ClassWeights.Length == 0 ? null : ClassWeights.Parse(setting.ClassWeights),
                IgnoreIndex = setting.Ignored,
                Architecture = SegmentationArchitecture.UNet,
                Backbone = Backbone.ResNet18,
                ImageWidth = setting.Width,
                ImageHeight = setting.Height,
                BatchSize = setting.Batch,
                Epoch = setting.Epochs,
                Augmentation = new() { HorizontalFlip = 0.5 },
                Optimizer = new AdamW { LearningRate = 1e-3, WeightDecay = 1e-4 },
                Schedule = new CosineSchedule { WarmupFraction = 0 },
                Seed = setting.Seed,
                Threads = setting.Threads,
            }
        );
        var model = trainer.Fit(train);
        var measured = model.Summary.History.Skip(model.Summary.History.Count > 1 ? 1 : 0).ToArray();
        var held = mlContext.Data.LoadSegmentationFolder(Path.Combine(setting.Data, "val"));
        var start = Stopwatch.GetTimestamp();
        var images = model.Transform(held).GetColumn<SegmentationMask>("PredictedLabel").Count();
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return new(
            measured.Sum(e => e.Images) / measured.Sum(e => e.Seconds),
            images / seconds,
            RunFolder.PeakMemoryMegabytes(),
            model.Summary.Seconds,
            [.. model.Classes],
            Evaluate(held),
            setting.Test.Length == 0 ? null : Evaluate(mlContext.Data.LoadSegmentationFolder(setting.Test))
        );

        Figures Evaluate(IDataView data)
        {
            var metrics = mlContext.ImageSegmentation.Evaluate(model.Transform(data), ignoreIndex: setting.Ignored);
            return new(
                metrics.MeanIntersectionOverUnion,
                metrics.PixelAccuracy,
                [.. metrics.IntersectionOverUnion.Select(iou => double.IsNaN(iou) ? null : (double?)iou)]
            );
        }
    }
}
