using MLNetLosses.Data;
using MLNetLosses.Networks;
using MLNetLosses.Training;

namespace MLNetLosses;

/// <summary>What a saved model says of itself beside the weights of its network: what inference needs, and how it came to be.</summary>
internal sealed record ImageClassificationModel
{
    public required Backbone Backbone { get; init; }
    public required int ClassCount { get; init; }
    public required ImagePreprocessing Preprocessing { get; init; }
    public required string ImageColumnName { get; init; }
    public required string ScoreColumnName { get; init; }
    public required string PredictedLabelColumnName { get; init; }

    /// <summary>Whether rows without a readable image get NaN scores and no predicted label, instead of an error.</summary>
    public required bool SkipUndecodableImages { get; init; }

    /// <summary>The loss that trained the network, as text.</summary>
    public required string Loss { get; init; }

    /// <summary>How the training went.</summary>
    public required TrainingResult Summary { get; init; }

    public string ToJson() => ModelJson.Write(this);

    /// <exception cref="InvalidDataException">The text is no such description.</exception>
    public static ImageClassificationModel FromJson(string json) =>
        ModelJson.Read<ImageClassificationModel>(json, model => model.ClassCount > 1);
}
