using MLNetLosses.Data;
using MLNetLosses.Losses;
using MLNetLosses.Networks;

namespace MLNetLosses;

public sealed partial class SemanticSegmentationTrainer
{
    /// <summary>What a segmentation network is trained with.</summary>
    /// <inheritdoc path="/summary"/>
    public sealed class Options : TrainerOptions
    {
        /// <summary>
        /// Default columns: <see cref="TrainerOptions.LabelColumnName"/> is <c>Mask</c> (of <see cref="SegmentationMask"/>s, or text: paths of pictures of class
        /// indices), <see cref="TrainerOptions.FeatureColumnName"/> is <c>ImagePath</c>, as <c>mlContext.Data.LoadSegmentationFolder</c> names them.
        /// </summary>
        public Options() =>
            (LabelColumnName, FeatureColumnName, BatchSize, Augmentation) = ("Mask", "ImagePath", 8, new() { HorizontalFlip = 0.5 });

        /// <summary>The column to make of masks (<see cref="SegmentationMask"/>). Default <c>PredictedLabel</c>.</summary>
        public string PredictedLabelColumnName { get; set; } = "PredictedLabel";

        /// <summary>The column to make of the pixels of each class in the predicted mask (a vector of Int64). Null: none. Default <c>Areas</c>.</summary>
        public string? AreasColumnName { get; set; } = "Areas";

        /// <summary>
        /// The column to make of probabilities, a vector of [classes, height, width] numbers (of the one output where <see cref="Mode"/> is
        /// <see cref="SegmentationMode.Binary"/>). They are large: 4 bytes a class and pixel. Null (the default): none.
        /// </summary>
        public string? ProbabilitiesColumnName { get; set; }

        /// <summary>
        /// The loss. Default <see cref="CrossEntropyLoss"/>. Losses add up: <c>new CrossEntropyLoss() + new DiceLoss()</c>. What it ignores comes from
        /// <see cref="IgnoreIndex"/>. A <see cref="DeepSupervisionLoss"/> gets outputs at coarser scales too, from heads that serve training only; with
        /// weights [0, 1] it is an auxiliary loss on one such head: <c>CrossEntropy() + 0.4 * DeepSupervision(inner: CrossEntropy(), weights: [0, 1])</c>.
        /// </summary>
        public SegmentationLoss Loss { get; set; } = new CrossEntropyLoss();

        /// <summary>One of several classes a pixel, or of two, or classes that overlap. Default <see cref="SegmentationMode.Auto"/>.</summary>
        public SegmentationMode Mode { get; set; } = SegmentationMode.Auto;

        /// <summary>
        /// The names of the classes in the order of their indices or layers. Null (the default): those that the column of masks has; else as many
        /// classes as the highest index says.
        /// </summary>
        public IReadOnlyList<string>? ClassNames { get; set; }

        /// <summary>
        /// A class index that counts nowhere, in no loss and no metric, 0 to 255, besides <see cref="SegmentationMask.Ignored"/>, which never counts. The model
        /// keeps it, so that <see cref="Microsoft.ML.ImageSegmentationCatalog.Evaluate"/> leaves it out by itself. Null (the default): no other.
        /// </summary>
        public int? IgnoreIndex { get; set; }

        /// <summary>
        /// How much pixels count by their class, for the terms of <see cref="Loss"/> that take class weights and have none: <c>"balanced"</c>, n / (C n_c) with
        /// n_c of the n pixels of class c, or <see cref="MLNetLosses.ClassWeights.Of(ReadOnlySpan{double})">numbers</see>; with a mean of 1 over the pixels. In
        /// <see cref="SegmentationMode.Binary"/> the weights of background and foreground, so that balanced foreground counts n_0 / n_1 times as much as background; in
        /// <see cref="SegmentationMode.Multilabel"/> of whole layers, n_c the pixels where a layer is 1. Null (the default): all the same.
        /// </summary>
        public ClassWeights? ClassWeights { get; set; }

        /// <summary>How classes are made of the backbone's maps. Default <see cref="SegmentationArchitecture.UNet"/>.</summary>
        public SegmentationArchitecture Architecture { get; set; } = SegmentationArchitecture.UNet;

        /// <summary>
        /// The width that images are brought to for the network, in pixels; masks are predicted at the images' own size all the same. Null (the default), with
        /// <see cref="ImageHeight"/>: images keep their size.
        /// </summary>
        public int? ImageWidth { get; set; }

        /// <summary>The height that images are brought to; together with <see cref="ImageWidth"/>.</summary>
        public int? ImageHeight { get; set; }

        /// <summary>
        /// The width of the random part of an image that is learned from at a time. Null (the default), with <see cref="CropHeight"/>: the whole image where
        /// <see cref="ImageWidth"/> is set, else 256 by 256 pixels.
        /// </summary>
        public int? CropWidth { get; set; }

        /// <summary>The height of the random part; together with <see cref="CropWidth"/>.</summary>
        public int? CropHeight { get; set; }

        /// <summary>The channels of the images. Default <see cref="ImageColor.Rgb"/>.</summary>
        public ImageColor Color { get; set; } = ImageColor.Rgb;

        /// <summary>
        /// What is changed at random in the training images, and with it in their masks. Default: a horizontal flip. Mixup and CutMix are not for masks.
        /// </summary>
        public Augmentation Augmentation { get; set; }

        /// <summary>The metric that tells which epoch was the best. Default <see cref="SegmentationMetric.MeanIntersectionOverUnion"/>.</summary>
        public SegmentationMetric MonitoredMetric { get; set; } = SegmentationMetric.MeanIntersectionOverUnion;

        /// <summary>
        /// The most pixels that the network is given at once when it predicts, 4096 or more: it bounds the memory. A larger image is cut into overlapping
        /// tiles. Where <see cref="ImageWidth"/> is set, the outputs of a row of tiles are held besides. Default 1,048,576.
        /// </summary>
        public int PredictionPixels { get; set; } = 1 << 20;

        /// <summary>
        /// How many pixels around a tile are shown to the network besides, so that it sees beyond the tile's border, 0 or more. Default 64.
        /// </summary>
        public int TileOverlap { get; set; } = 64;

        internal override Loss? TrainedLoss => Loss;

        internal Options Copy()
        {
            var copy = Copy<Options>();
            copy.ClassNames = ClassNames is null ? null : [.. ClassNames];
            return copy;
        }
    }
}
