using System.Text.Json.Nodes;
using MLNetLosses.Losses;

namespace MLNetLosses.Training;

/// <summary>A loss, or several that a task puts together, for those who read a log or a report.</summary>
/// <param name="Text">A line, as the user wrote it.</param>
/// <param name="Json">What can be read back.</param>
internal sealed record LossDescription(string Text, JsonNode Json)
{
    public static LossDescription Of(Loss loss) => new($"{loss}", loss.ToJsonNode());
}
