namespace MLNetLosses;

/// <summary>A measure of a segmentation on a validation set; from counts over all its pixels; higher is better.</summary>
public enum SegmentationMetric
{
    /// <summary>The mean over the classes of intersection over union.</summary>
    MeanIntersectionOverUnion,

    /// <summary>The mean over the classes of 2 TP / (2 TP + FP + FN).</summary>
    MeanDice,

    /// <summary>The share of right pixels (of pixels and classes, where classes may overlap).</summary>
    PixelAccuracy,
}
