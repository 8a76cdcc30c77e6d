using System.Globalization;
using MLNetLosses.Data;
using MLNetLosses.Interop;
using MLNetLosses.Losses;
using MLNetLosses.Networks;
using MLNetLosses.Training;

namespace MLNetLosses;

/// <summary>What a saved detector says of itself beside the weights of its network: what inference needs, and how it came to be.</summary>
internal sealed record DetectionModel
{
    public required Backbone Backbone { get; init; }
    public required DetectionHead Head { get; init; }
    public required int ClassCount { get; init; }
    public required bool HasBackground { get; init; }
    public required ImagePreprocessing Preprocessing { get; init; }
    public required int ShorterSide { get; init; }
    public required int LongerSide { get; init; }
    public required string ImageColumnName { get; init; }
    public required string PredictedLabelColumnName { get; init; }
    public required string ScoreColumnName { get; init; }
    public required string PredictedBoundingBoxColumnName { get; init; }
    public required bool SkipUndecodableImages { get; init; }

    /// <summary>How detections are chosen.</summary>
    public required DetectionSettings Settings { get; init; }

    /// <summary>The loss on classes that trained the network, as text.</summary>
    public required string ClassificationLoss { get; init; }

    /// <summary>The loss on boxes that trained it, as text.</summary>
    public required string BoxLoss { get; init; }

    /// <summary>The loss on distributions that trained it, as text; null: its head tells none.</summary>
    public string? DistributionLoss { get; init; }

    /// <summary>What else decided the loss of its training.</summary>
    public required DetectionLossFacts LossFacts { get; init; }

    /// <summary>How the training went.</summary>
    public required TrainingResult Summary { get; init; }

    [System.Text.Json.Serialization.JsonIgnore]
    public DetectionNetworkShape Shape => new(Backbone, Head, ClassCount, HasBackground, Preprocessing.Channels);

    [System.Text.Json.Serialization.JsonIgnore]
    public DetectionSizing Sizing => new(ShorterSide, LongerSide);

    /// <summary>Names of classes, or their numbers.</summary>
    public static IReadOnlyList<string> NamesOf(KeyValues? values, int count) =>
        values?.Names ?? [.. Enumerable.Range(0, count).Select(i => i.ToString(CultureInfo.InvariantCulture))];

    /// <summary>Options whose loss is the one that trained the network.</summary>
    public ObjectDetectionTrainer.Options LossOptions() =>
        new()
        {
            Head = Head,
            ClassificationLoss = DetectorClassificationLoss.Parse(ClassificationLoss),
            ClassificationLossWeight = LossFacts.ClassificationWeight,
            BoxLoss = DetectorBoxLoss.Parse(BoxLoss),
            BoxLossWeight = LossFacts.BoxWeight,
            DistributionLoss = DistributionLoss is { } loss ? Loss.Parse(loss) : null,
            DistributionLossWeight = LossFacts.DistributionWeight,
            QualityLossWeight = LossFacts.QualityWeight,
            Matching = LossFacts.Matching,
        };

    public string ToJson() => ModelJson.Write(this);

    /// <exception cref="InvalidDataException">The text is no such description.</exception>
    public static DetectionModel FromJson(string json) => ModelJson.Read<DetectionModel>(json, model => model.ClassCount > 0);
}

/// <summary>What decided the loss of a detector's training, besides the losses.</summary>
/// <param name="ClassificationWeight">Multiplies the loss on classes.</param>
/// <param name="BoxWeight">Multiplies the loss on boxes.</param>
/// <param name="QualityWeight">Multiplies the loss on the quality.</param>
/// <param name="Matching">Which anchors learn which object.</param>
/// <param name="SkipInvalidBoxes">Whether objects whose boxes cannot be used were left out.</param>
/// <param name="ClassCounts">Objects of each class; none where the training was stopped before they were counted.</param>
/// <param name="DistributionWeight">Multiplies the loss on distributions.</param>
internal sealed record DetectionLossFacts(
    double ClassificationWeight,
    double BoxWeight,
    double QualityWeight,
    AnchorMatching Matching,
    bool SkipInvalidBoxes,
    long[] ClassCounts,
    double DistributionWeight = 0
);
