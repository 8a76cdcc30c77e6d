using MLNetLosses.Losses;

namespace MLNetLosses.Training;

/// <summary>Reads definitions of training from their text or JSON forms.</summary>
internal static class Definitions
{
    public static T Parse<T>(string text)
        where T : Definition
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(text);
        return (T)(text.TrimStart().StartsWith('{') ? DefinitionJson.Deserialize(text, typeof(T)) : DefinitionText.Parse(text, typeof(T)));
    }
}
