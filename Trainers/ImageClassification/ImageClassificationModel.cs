using System.Text.Json;
using System.Text.Json.Serialization;
using MLNetLosses.Data;
using MLNetLosses.Networks;
using MLNetLosses.Scoring;
using MLNetLosses.Training;

namespace MLNetLosses;

/// <summary>What a saved model says of itself beside the weights of its network: what inference needs, and how it came to be.</summary>
internal sealed record ImageClassificationModel
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        RespectRequiredConstructorParameters = true,
        RespectNullableAnnotations = true,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter(), new DefinitionJsonConverter() },
    };

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

    public string ToJson() => JsonSerializer.Serialize(this, Json);

    /// <exception cref="InvalidDataException">The text is no such description.</exception>
    public static ImageClassificationModel FromJson(string json)
    {
        try
        {
            return JsonSerializer.Deserialize<ImageClassificationModel>(json, Json) is { ClassCount: > 1 } model
                ? model
                : throw new InvalidDataException("the description of the model is empty or has too few classes");
        }
        catch (Exception e) when (e is JsonException or ArgumentException or FormatException or NotSupportedException)
        {
            throw new InvalidDataException($"the description of the model cannot be read: {e.Message}", e);
        }
    }
}
