using Microsoft.ML;
using MLNetLosses.Data;
using MLNetLosses.Losses;
using MLNetLosses.Networks;
using MLNetLosses.Training;

namespace MLNetLosses;

public sealed partial class ImageClassificationTrainer
{
    /// <summary>
    /// What an image classifier is trained with. The trainer takes a copy when it is made, checks all of it at once, and never writes to
    /// it: one object may serve many trainers.
    /// </summary>
    public sealed class Options : TrainerOptions
    {
        /// <summary>The column to make of probabilities, one a class. Default <c>Score</c>.</summary>
        public string ScoreColumnName { get; set; } = "Score";

        /// <summary>The column to make of the most probable class, a key. Default <c>PredictedLabel</c>.</summary>
        public string PredictedLabelColumnName { get; set; } = "PredictedLabel";

        /// <summary>A column of type Single: how much each row counts, 0 or more. Null (the default): all the same.</summary>
        public string? ExampleWeightColumnName { get; set; }

        /// <summary>
        /// The loss. Default <see cref="CrossEntropyLoss"/>. Losses add up:
        /// <c>new CrossEntropyLoss() + 0.5 * new FocalLoss { Gamma = 2 }</c>.
        /// </summary>
        public ClassificationLoss Loss { get; set; } = new CrossEntropyLoss();

        /// <summary>
        /// How much images count by their class: <c>"balanced"</c>,
        /// <see cref="MLNetLosses.ClassWeights.Of(ReadOnlySpan{double})">numbers</see> or a
        /// <see cref="MLNetLosses.ClassWeights.FromColumn">column</see>. Multiplied with the weight of the row. Null (the default): all the
        /// same.
        /// </summary>
        public ClassWeights? ClassWeights { get; set; }

        /// <summary>
        /// The order in which an epoch goes through the images, and whether rare classes come up more often. Default
        /// <see cref="SampleOrder.Shuffled"/>.
        /// </summary>
        public SampleOrder SampleOrder { get; set; } = SampleOrder.Shuffled;

        /// <summary>
        /// The width and height that images are brought to, in pixels. Null (the default): what the network was made for. Excludes
        /// <see cref="Preprocessing"/>.
        /// </summary>
        public int? ImageSize { get; set; }

        /// <summary>
        /// Size, resize rule, colours and normalisation. Null (the default): what the network was made for, with <see cref="ImageSize"/>.
        /// </summary>
        public ImagePreprocessing? Preprocessing { get; set; }

        /// <summary>
        /// What is changed at random in the training images. Default <see cref="Augmentation.Light"/>: a shifted crop and a horizontal
        /// flip.
        /// </summary>
        public Augmentation Augmentation { get; set; } = Augmentation.Light;

        /// <summary>The metric that tells which epoch was the best. Default <see cref="ClassificationMetric.Accuracy"/>.</summary>
        public ClassificationMetric MonitoredMetric { get; set; } = ClassificationMetric.Accuracy;

        /// <summary>Told after each epoch how the training and the validation set did, in the manner of ML.NET's own trainer.</summary>
        public Action<ImageClassificationMetrics>? MetricsCallback { get; set; }

        internal override Loss? TrainedLoss => Loss;

        internal Options Copy() => Copy<Options>();
    }
}
