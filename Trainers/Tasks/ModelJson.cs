using System.Text.Json;
using System.Text.Json.Serialization;
using MLNetLosses.Scoring;

namespace MLNetLosses;

/// <summary>What saved models say of themselves beside the weights of their networks.</summary>
internal static class ModelJson
{
    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        RespectRequiredConstructorParameters = true,
        RespectNullableAnnotations = true,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter(), new DefinitionJsonConverter() },
    };

    public static string Write<TModel>(TModel model) => JsonSerializer.Serialize(model, Options);

    /// <exception cref="InvalidDataException">The text is no such description.</exception>
    public static TModel Read<TModel>(string json, Predicate<TModel> isWhole)
        where TModel : class
    {
        try
        {
            return JsonSerializer.Deserialize<TModel>(json, Options) is { } model && isWhole(model)
                ? model
                : throw new InvalidDataException("the description of the model is empty or has too few classes");
        }
        catch (Exception e) when (e is JsonException or ArgumentException or FormatException or NotSupportedException)
        {
            throw new InvalidDataException($"the description of the model cannot be read: {e.Message}", e);
        }
    }
}
