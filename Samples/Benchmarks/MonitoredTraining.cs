using Microsoft.ML;
using Microsoft.ML.Transforms;
using MLNetLosses.Data;
using MLNetLosses.Losses;
using MLNetLosses.Networks;
using MLNetLosses.Samples;
using MLNetLosses.Training;

namespace MLNetLosses.Benchmarks;

/// <summary>A training of a task that is run with and without monitoring: data are read and options filled in before the clock starts.</summary>
/// <param name="Title">What is trained, in words.</param>
/// <param name="Prepare">Takes what sets epochs and monitoring, gives what fits.</param>
internal sealed record MonitoredTraining(string Title, Func<Action<TrainerOptions>, Func<IDisposable>> Prepare)
{
    /// <summary>A classifier of the images of a folder with train/ and val/.</summary>
    public static MonitoredTraining Classifier(string data, Backbone backbone, int size, int batch, int threads) =>
        new(
            $"{backbone}, {size} pixels, batches of {batch}, {threads} threads",
            adjust =>
            {
                var mlContext = new MLContext(1);
                var train = ImageClassifierData.Load(mlContext, Path.Combine(data, "train"));
                var keys = mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(train);
                var options = new ImageClassificationTrainer.Options
                {
                    FeatureColumnName = nameof(ImageClassifierData.Row.ImagePath),
                    Loss = new CrossEntropyLoss() + 0.5 * new FocalLoss(),
                    Backbone = backbone,
                    ImageSize = size,
                    BatchSize = batch,
                    Optimizer = new Sgd { LearningRate = 0.05, Nesterov = true },
                    ValidationSet = keys.Transform(ImageClassifierData.Load(mlContext, Path.Combine(data, "val"))),
                    Threads = threads,
                };
                adjust(options);
                var keyed = keys.Transform(train);
                return () => mlContext.MulticlassClassification.Trainers.ImageClassification(options).Fit(keyed);
            }
        );

    /// <summary>A segmentation network; images and masks of two folders.</summary>
    public static MonitoredTraining Segmentation(string train, string validation, int size, int batch, int threads) =>
        new(
            $"U-Net ResNet18, {size} pixels wide, batches of {batch}, {threads} threads",
            adjust =>
            {
                var mlContext = new MLContext(1);
                var images = mlContext.Data.LoadSegmentationFolder(train);
                var options = new SemanticSegmentationTrainer.Options
                {
                    Loss = new DiceLoss() + new CrossEntropyLoss(),
                    Architecture = SegmentationArchitecture.UNet,
                    Backbone = Backbone.ResNet18,
                    ImageWidth = size,
                    ImageHeight = size * 3 / 4 / 32 * 32,
                    BatchSize = batch,
                    ValidationSet = mlContext.Data.LoadSegmentationFolder(validation),
                    Threads = threads,
                };
                adjust(options);
                return () => mlContext.ImageSegmentation.Trainers.SemanticSegmentation(options).Fit(images);
            }
        );

    /// <summary>A detector; annotated images with a part to validate on.</summary>
    public static MonitoredTraining Detector(string data, int size, int batch, int threads) =>
        new(
            $"RetinaNet ResNet18, {size} pixels, batches of {batch}, {threads} threads",
            adjust =>
            {
                var mlContext = new MLContext(1);
                var repairs = new AnnotationOptions { Repairs = AnnotationRepairs.ClipBoxes | AnnotationRepairs.SkipEmptyBoxes };
                var train = AnnotatedImages.Load(mlContext, data, AnnotatedImages.Part.Train, repairs);
                var keys = mlContext
                    .Transforms.Conversion.MapValueToKey("Label", keyOrdinality: ValueToKeyMappingEstimator.KeyOrdinality.ByValue)
                    .Fit(train);
                var options = new ObjectDetectionTrainer.Options
                {
                    ImageColumnName = "ImagePath",
                    IgnoredColumnName = "Ignored",
                    ImageSize = size,
                    BatchSize = batch,
                    ValidationSet = keys.Transform(AnnotatedImages.Load(mlContext, data, AnnotatedImages.Part.Validation, repairs)),
                    Threads = threads,
                };
                adjust(options);
                var keyed = keys.Transform(train);
                return () => mlContext.MulticlassClassification.Trainers.ObjectDetection(options).Fit(keyed);
            }
        );
}
