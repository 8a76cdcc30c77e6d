using System.Globalization;
using System.Text.Json.Nodes;
using MLNetLosses.Data;
using MLNetLosses.Losses;
using MLNetLosses.Networks;
using MLNetLosses.Training;

namespace MLNetLosses;

public sealed partial class ObjectDetectionTrainer
{
    /// <summary>What an object detector is trained with, besides what all trainers share.</summary>
    public sealed class Options : TrainerOptions
    {
        /// <summary>AdamW at a rate of 0.0005, 4 images a batch, gradients no longer than 10: what a detector of random weights learns with.</summary>
        public Options()
        {
            BatchSize = 4;
            Optimizer = new AdamW { LearningRate = 5e-4, WeightDecay = 1e-4 };
            GradientClipNorm = 10;
        }

        internal override Loss? TrainedLoss =>
            ClassificationLoss is null || BoxLoss is null || Head is null ? null : DetectionObjective.Of(this);

        internal override LossDescription AskedLoss
        {
            get
            {
                var text =
                    $"{Weighted(ClassificationLossWeight, ClassificationLoss.Loss)} on classes, {Weighted(BoxLossWeight, BoxLoss.Loss)} on boxes";
                var json = new JsonObject
                {
                    [nameof(ClassificationLoss)] = ClassificationLoss.Loss.ToJsonNode(),
                    [nameof(ClassificationLossWeight)] = ClassificationLossWeight,
                    [nameof(BoxLoss)] = BoxLoss.Loss.ToJsonNode(),
                    [nameof(BoxLossWeight)] = BoxLossWeight,
                };
                if (UsedDistributionLoss is not { } loss)
                    return new(text, json);
                json[nameof(DistributionLoss)] = loss.ToJsonNode();
                json[nameof(DistributionLossWeight)] = DistributionLossWeight;
                return new($"{text}, {Weighted(DistributionLossWeight, loss)} on distributions", json);
            }
        }

        private static string Weighted(double weight, Loss loss) =>
            weight == 1 ? $"{loss}"
            : loss is ISumLoss ? string.Create(CultureInfo.InvariantCulture, $"{weight} * ({loss})")
            : string.Create(CultureInfo.InvariantCulture, $"{weight} * {loss}");

        /// <summary>
        /// The column of boxes: a vector of Single, four numbers an object in the order of the labels, x0 y0 x1 y1 in pixels of the image as it is seen (EXIF
        /// orientation applied), right and bottom edges exclusive. Default <c>BoundingBoxes</c>.
        /// </summary>
        public string BoundingBoxColumnName { get; set; } = "BoundingBoxes";

        /// <summary>
        /// A column of flags, a vector of Boolean, one an object: those that are true (crowds, difficult ones) are not learned, and neither is background where they
        /// are. Default <c>Ignored</c>, as the loaders name it, where the data have such a column. Null: none.
        /// </summary>
        public string? IgnoredColumnName { get; set; } = DefaultIgnored;

        internal const string DefaultIgnored = "Ignored";

        /// <summary>The column to make of predicted classes: a vector of keys, best first. Default <c>PredictedLabel</c>.</summary>
        public string PredictedLabelColumnName { get; set; } = "PredictedLabel";

        /// <summary>The column to make of their scores: a vector of Single between 0 and 1, falling. Default <c>Score</c>.</summary>
        public string ScoreColumnName { get; set; } = "Score";

        /// <summary>The column to make of their boxes: a vector of Single, four numbers a detection, in pixels of the image. Default <c>PredictedBoundingBoxes</c>.</summary>
        public string PredictedBoundingBoxColumnName { get; set; } = "PredictedBoundingBoxes";

        /// <summary>Detections that score less are left out: 0 to 1. Default 0.5. The model can change it; validation uses 0.05.</summary>
        public double ScoreThreshold { get; set; } = 0.5;

        /// <summary>Of two detections of a class that overlap by more than this (intersection over union) one goes: 0 to 1. Default 0.5. The model can change it.</summary>
        public double IOUThreshold { get; set; } = 0.5;

        /// <summary>What happens to the weaker of two overlapping detections. Default: it is removed. The model can change it.</summary>
        public BoxSuppression Suppression { get; set; } = BoxSuppression.Hard;

        /// <summary>The sigma of <see cref="BoxSuppression.Gaussian"/>, a finite number above 0: the smaller, the more overlapping detections lose. Default 0.5, as in Bodla et al. 2017. The model can change it.</summary>
        public double SuppressionSigma { get; set; } = 0.5;

        /// <summary>The most detections of an image, 1 or more. Default 100. The model can change it.</summary>
        public int MaximumDetections { get; set; } = 100;

        /// <summary>The head: <see cref="RetinaNetHead"/> (the default) with anchors, <see cref="FcosHead"/> without, which may tell sides as distributions.</summary>
        public DetectionHead Head { get; set; } = new RetinaNetHead();

        /// <summary>
        /// Which anchors learn which object: <see cref="IoUMatching"/>, <see cref="AdaptiveMatching"/> (ATSS), <see cref="CenterMatching"/>. Null (the default): as published
        /// for the head.
        /// </summary>
        public AnchorMatching? Matching { get; set; }

        /// <summary>Learns from a random part of the anchors only. Null (the default): from all.</summary>
        public AnchorSampling? Sampling { get; set; }

        /// <summary>The loss on class scores. Default <see cref="SigmoidFocalLoss"/>. Losses of a family add up: <c>new SigmoidFocalLoss() + 0.5 * new QualityFocalLoss()</c>.</summary>
        public DetectorClassificationLoss ClassificationLoss { get; set; } = new SigmoidFocalLoss();

        /// <summary>Multiplies <see cref="ClassificationLoss"/>, 0 or more. Default 1.</summary>
        public double ClassificationLossWeight { get; set; } = 1;

        /// <summary>
        /// The loss on boxes: a <see cref="RegressionLoss"/> compares encoded offsets, a <see cref="Losses.BoxLoss"/> decoded boxes. Default <see cref="SmoothL1Loss"/> with
        /// Beta 0.1.
        /// </summary>
        public DetectorBoxLoss BoxLoss { get; set; } = new SmoothL1Loss { Beta = 0.1 };

        /// <summary>Multiplies <see cref="BoxLoss"/>, 0 or more. Default 1.</summary>
        public double BoxLossWeight { get; set; } = 1;

        /// <summary>
        /// The loss on the distributions of a head with <see cref="FcosHead.DistributionBins"/>: on <c>logits</c> [P, 4, bins] and <c>targets</c> [P, 4], the distances of the
        /// sides in strides, of the anchors with objects. Null (the default): <see cref="DistributionFocalLoss"/> where the head tells distributions.
        /// </summary>
        public Loss? DistributionLoss { get; set; }

        /// <summary>
        /// Multiplies <see cref="DistributionLoss"/>, the sum over the sides of a box; 0 or more. Default 0.25, which makes it their mean, as in Li et al. 2020.
        /// </summary>
        public double DistributionLossWeight { get; set; } = 0.25;

        /// <summary>Multiplies the binary cross-entropy of the head's <see cref="DetectionHead.Quality"/>, where it tells one; 0 or more. Default 1.</summary>
        public double QualityLossWeight { get; set; } = 1;

        /// <summary>What losses are divided by. Default: the anchors with objects in the batch.</summary>
        public DetectionNormalization LossNormalization { get; set; } = DetectionNormalization.Batch;

        /// <summary>
        /// The length in pixels that the shorter side of images is brought to, keeping their proportions: 16 to 4096. Default 480. Larger finds smaller objects and takes
        /// time by its square.
        /// </summary>
        public int ImageSize { get; set; } = 480;

        /// <summary>The length in pixels that the longer side does not exceed: the shorter one then stays below <see cref="ImageSize"/>. Null (the default): 5/3 of it.</summary>
        public int? MaxImageSize { get; set; }

        /// <summary>
        /// Multi-scale training: each batch draws the length of the shorter side from this list; predictions are made at <see cref="ImageSize"/>. 16 to 4096 each. Null (the
        /// default): always <see cref="ImageSize"/>.
        /// </summary>
        public ValueList<int>? TrainingImageSizes { get; set; }

        /// <summary>
        /// What is changed at random in the training images; boxes move with them, and those of which nothing is left are dropped. Mixup and CutMix are not possible. Default:
        /// half of the images are mirrored.
        /// </summary>
        public Augmentation Augmentation { get; set; } = new() { HorizontalFlip = 0.5 };

        /// <summary>
        /// The share of the training images that become mosaics: four images, each changed as <see cref="Augmentation"/> says, at half size around the middle. 0 to 1. Default
        /// 0.
        /// </summary>
        public double MosaicProbability { get; set; }

        /// <summary>Whether objects whose box cannot be used (not finite, without area, outside the image) are left out and counted, instead of being an error that names row and object. Default false.</summary>
        public bool SkipInvalidBoxes { get; set; }

        /// <summary>The learning rate; another name of <see cref="TrainerOptions.LearningRate"/>.</summary>
        public double InitLearningRate
        {
            get => LearningRate ?? Optimizer.LearningRate;
            set => LearningRate = value;
        }

        /// <summary>
        /// After how many epochs the learning rate is divided by 10, such as 6 and 9. Takes the place of <see cref="TrainerOptions.Schedule"/>. Empty (the default):
        /// not.
        /// </summary>
        public List<int> Steps { get; set; } = [];

        /// <summary>The weight decay of the <see cref="TrainerOptions.Optimizer"/>.</summary>
        public double WeightDecay
        {
            get => Optimizer.WeightDecay;
            set => Optimizer = Optimizer with { WeightDecay = value };
        }

        /// <summary>Every how many steps progress is told; another name of <see cref="TrainerOptions.ProgressInterval"/>.</summary>
        public int LogEveryNStep
        {
            get => ProgressInterval;
            set => ProgressInterval = value;
        }

        internal int LongestSide => MaxImageSize ?? ImageSize * 5 / 3;

        internal Loss? UsedDistributionLoss => Head.Coder is DistributionCoder ? DistributionLoss ?? new DistributionFocalLoss() : null;

        internal AnchorMatching UsedMatching => Matching ?? Head.DefaultMatching;

        internal Options Copy()
        {
            var copy = Copy<Options>();
            if (Steps is { Count: > 0 })
                copy.Schedule = new EpochStepSchedule { Steps = [.. Steps], Epochs = Math.Max(1, Epoch) };
            return copy;
        }
    }
}
