using MLNetLosses.Losses;

namespace MLNetLosses;

/// <summary>
/// The loss on the class scores of a detector's anchors. Assign a <see cref="DenseDetectionLoss"/> (one sigmoid a class: <see cref="SigmoidFocalLoss"/>,
/// <see cref="VariFocalLoss"/>, <see cref="QualityFocalLoss"/>, ...) or a <see cref="MLNetLosses.Losses.ClassificationLoss"/>: one that takes labels
/// (<see cref="BinaryCrossEntropyLoss"/>, ...) gets one sigmoid a class, one that takes indices only (<see cref="CrossEntropyLoss"/>, ...) a softmax with
/// background as a further class. Compared by value.
/// </summary>
public sealed record DetectorClassificationLoss
{
    private DetectorClassificationLoss(Loss loss) => Loss = loss;

    /// <summary>The loss.</summary>
    public Loss Loss { get; }

    /// <summary>A loss on dense scores.</summary>
    /// <param name="loss">The loss or sum.</param>
    public static implicit operator DetectorClassificationLoss(DenseDetectionLoss loss) => new((Loss)loss);

    /// <summary>A loss on classes.</summary>
    /// <param name="loss">The loss or sum.</param>
    public static implicit operator DetectorClassificationLoss(ClassificationLoss loss) => new((Loss)loss);

    /// <summary>Reads a loss of either family from its text form or JSON.</summary>
    /// <param name="text">Such as <c>SigmoidFocal(alpha: 0.5)</c> or <c>BinaryCrossEntropy()</c>.</param>
    /// <exception cref="FormatException">The text is no loss of these families.</exception>
    public static DetectorClassificationLoss Parse(string text) =>
        Losses.Loss.Parse(text) switch
        {
            DenseDetectionLoss loss => loss,
            ClassificationLoss loss => loss,
            var other => throw new FormatException(
                $"'{other}' is no loss on the class scores of a detector: give a DenseDetectionLoss or a ClassificationLoss.{OfDistributions(other)}"
            ),
        };

    /// <summary>The loss's text form.</summary>
    public override string ToString() => Loss.ToString();

    /// <summary>Whether scores are a softmax over the classes and background.</summary>
    internal bool HasBackground =>
        Loss is ClassificationLoss && Terms(Loss).Any(term => !((ClassificationLoss)term.Loss).TargetForms.HasFlag(TargetForms.Labels));

    /// <summary>What to do with a loss that is one on distributions.</summary>
    internal static string OfDistributions(Loss loss) =>
        loss is DistributionFocalLoss
            ? " It is one on the distributions of box sides: assign it to DistributionLoss, with a head that tells them, such as Fcos(distributionBins: 17)."
            : "";

    internal static IReadOnlyList<WeightedLoss> Terms(Loss loss) => loss is ISumLoss sum ? sum.Terms : [new WeightedLoss { Loss = loss }];
}

/// <summary>
/// The loss on the boxes of a detector's anchors. Assign a <see cref="MLNetLosses.Losses.BoxLoss"/> (on decoded boxes: <see cref="GeneralizedIoULoss"/>, ...) or a
/// <see cref="RegressionLoss"/> (on encoded offsets: <see cref="SmoothL1Loss"/>, ...). Compared by value.
/// </summary>
public sealed record DetectorBoxLoss
{
    private DetectorBoxLoss(Loss loss) => Loss = loss;

    /// <summary>The loss.</summary>
    public Loss Loss { get; }

    /// <summary>A loss on decoded boxes, in pixels.</summary>
    /// <param name="loss">The loss or sum.</param>
    public static implicit operator DetectorBoxLoss(BoxLoss loss) => new((Loss)loss);

    /// <summary>A loss on encoded offsets.</summary>
    /// <param name="loss">The loss or sum.</param>
    public static implicit operator DetectorBoxLoss(RegressionLoss loss) => new((Loss)loss);

    /// <summary>Reads a loss of either family from its text form or JSON.</summary>
    /// <param name="text">Such as <c>GeneralizedIoU()</c> or <c>SmoothL1(beta: 0.1)</c>.</param>
    /// <exception cref="FormatException">The text is no loss of these families.</exception>
    public static DetectorBoxLoss Parse(string text) =>
        Losses.Loss.Parse(text) switch
        {
            BoxLoss loss => loss,
            RegressionLoss loss => loss,
            var other => throw new FormatException(
                $"'{other}' is no loss on the boxes of a detector: give a BoxLoss or a RegressionLoss.{DetectorClassificationLoss.OfDistributions(other)}"
            ),
        };

    /// <summary>The loss's text form.</summary>
    public override string ToString() => Loss.ToString();
}

/// <summary>What the sum of a detector's loss over its anchors is divided by.</summary>
public enum DetectionNormalization
{
    /// <summary>The number of anchors with objects in the batch, at least 1: every object counts the same. An image without objects does not swamp the others.</summary>
    Batch,

    /// <summary>
    /// For each image the number of its anchors with objects, at least 1; then the mean over images, as in torchvision: every image counts the same. Not for losses that rank the
    /// anchors of the whole batch, such as <see cref="RankSortLoss"/>.
    /// </summary>
    Image,
}
