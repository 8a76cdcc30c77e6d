using System.Globalization;

namespace MLNetLosses;

public sealed partial class ImageClassificationTrainer
{
    /// <summary>How training or validation went in an epoch, in the form of ML.NET's own image classification trainer.</summary>
    public sealed class ImageClassificationMetrics
    {
        /// <summary>The data that were measured.</summary>
        public enum Dataset
        {
            /// <summary>The data that the network learns from, while it learns.</summary>
            Train,

            /// <summary>The validation set.</summary>
            Validation,
        }

        internal ImageClassificationMetrics(TrainMetrics train) => Train = train;

        /// <summary>The figures.</summary>
        public TrainMetrics Train { get; }

        /// <summary>The figures in a line.</summary>
        public override string ToString() => Train.ToString();
    }

    /// <summary>The figures of an epoch.</summary>
    public sealed class TrainMetrics
    {
        internal TrainMetrics() { }

        /// <summary>The data that were measured.</summary>
        public ImageClassificationMetrics.Dataset DatasetUsed { get; internal init; }

        /// <summary>Batches of the epoch.</summary>
        public int BatchProcessedCount { get; internal init; }

        /// <summary>The epoch, from 1.</summary>
        public int Epoch { get; internal init; }

        /// <summary>
        /// The share of images that were classified right. For the training data: as they were when they were learned from, augmented.
        /// </summary>
        public float Accuracy { get; internal init; }

        /// <summary>
        /// For the training data the mean of the loss that was trained, for the validation set the mean of -log of the right class's
        /// probability.
        /// </summary>
        public float CrossEntropy { get; internal init; }

        /// <summary>The learning rate of the epoch's last step.</summary>
        public float LearningRate { get; internal init; }

        /// <summary>The figures in a line.</summary>
        public override string ToString() =>
            string.Create(
                CultureInfo.InvariantCulture,
                $"Phase: Training, Dataset used: {DatasetUsed, 10}, Batch Processed Count: {BatchProcessedCount, 3}, Epoch: {Epoch, 3}, Accuracy: {Accuracy, 10}, Cross-Entropy: {CrossEntropy, 10}, Learning Rate: {LearningRate, 10}"
            );
    }
}
