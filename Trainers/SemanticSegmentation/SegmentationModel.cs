using MLNetLosses.Data;
using MLNetLosses.Losses;
using MLNetLosses.Networks;
using MLNetLosses.Training;

namespace MLNetLosses;

/// <summary>What a saved segmentation model says of itself beside the weights of its network.</summary>
internal sealed record SegmentationModel
{
    public required SegmentationArchitecture Architecture { get; init; }
    public required Backbone Backbone { get; init; }
    public required SegmentationMode Mode { get; init; }

    /// <summary>The names of the classes.</summary>
    public required string[] Classes { get; init; }

    /// <summary>The class index that did not count in the training, besides <see cref="SegmentationMask.Ignored"/>; models saved before it was kept have none.</summary>
    public int? IgnoreIndex { get; init; }

    /// <summary>Colours and normalisation; and the size that images are brought to, unless they keep their own.</summary>
    public required ImagePreprocessing Preprocessing { get; init; }

    public required bool OwnSize { get; init; }
    public required int PredictionPixels { get; init; }
    public required int TileOverlap { get; init; }
    public required string ImageColumnName { get; init; }
    public required string PredictedLabelColumnName { get; init; }
    public required string? AreasColumnName { get; init; }
    public required string? ProbabilitiesColumnName { get; init; }

    /// <summary>Whether rows without a readable image get no mask, instead of an error.</summary>
    public required bool SkipUndecodableImages { get; init; }

    /// <summary>The loss that trained the network, as text.</summary>
    public required string Loss { get; init; }

    /// <summary>How the training went.</summary>
    public required TrainingResult Summary { get; init; }

    /// <summary>How many numbers the network gives of a pixel.</summary>
    internal int Outputs => Mode == SegmentationMode.Binary ? 1 : Classes.Length;

    internal SegmentationShape Shape => new(Architecture, Backbone, Outputs, Preprocessing.Channels);

    public string ToJson() => ModelJson.Write(this);

    /// <exception cref="InvalidDataException">The text is no such description.</exception>
    public static SegmentationModel FromJson(string json) =>
        ModelJson.Read<SegmentationModel>(
            json,
            model =>
                model.Classes.Length > 0 && model.Mode != SegmentationMode.Auto && model is { PredictionPixels: > 0, TileOverlap: >= 0 }
        );
}
