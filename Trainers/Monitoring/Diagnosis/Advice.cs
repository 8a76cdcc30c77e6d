using System.Text.Json.Nodes;

namespace MLNetLosses.Training;

/// <summary>Advice that fits the run: what it does already is not advised again.</summary>
/// <param name="run">What the run was told.</param>
internal sealed class Advice(RunRecord run)
{
    private const string NotSet = "not set"; // as a trainer's settings say it

    /// <summary>To clip the gradient, or to clip it harder.</summary>
    public string ClipGradient =>
        Given("GradientClipNorm", "clipNorm") is { } norm ? $"clip the gradient harder (GradientClipNorm is {norm})"
        : Given("GradientClipValue", "clipValue") is { } value ? $"clip the gradient harder (GradientClipValue is {value})"
        : "clip the gradient (GradientClipNorm = 1)";

    /// <summary>The rule by which terms are put together; null: their weighted sum.</summary>
    public string? LossWeighting => Given("LossWeighting", "lossWeighting");

    /// <summary>Advice, or null where the loss already is one of these.</summary>
    /// <param name="advice">What to try.</param>
    /// <param name="losses">Parts of the text of the losses that follow it.</param>
    public string? UnlessLossIs(string advice, params ReadOnlySpan<string> losses)
    {
        foreach (var loss in losses)
            if (run.Loss.Contains(loss, StringComparison.OrdinalIgnoreCase))
                return null;
        return advice;
    }

    /// <summary>Advice, or null where an option is set.</summary>
    /// <param name="advice">What to try.</param>
    /// <param name="option">The trainer's option.</param>
    /// <param name="ofLoop">Its name among the options of the loop, where it is one of these.</param>
    public string? UnlessSet(string advice, string option, string? ofLoop = null) => Given(option, ofLoop) is null ? advice : null;

    /// <summary>Advice, or null where an option has this value.</summary>
    public string? UnlessIs(string advice, string option, string value) => Given(option, null) == value ? null : advice;

    /// <summary>What is not null, as a sentence: <c>Do this, do that, or do something else.</c></summary>
    public static string AnyOf(params string?[] choices)
    {
        string[] left = [.. choices.OfType<string>()];
        var text = left.Length switch
        {
            0 => "",
            1 => left[0],
            2 => $"{left[0]} or {left[1]}",
            _ => $"{string.Join(", ", left[..^1])}, or {left[^1]}",
        };
        return text.Length == 0 ? "" : $"{char.ToUpperInvariant(text[0])}{text[1..]}.";
    }

    // A trainer's settings hold every option as text; a loop of one's own tells its options only.
    private string? Given(string option, string? ofLoop) =>
        run.Settings.TryGetValue(option, out var text)
            ? text is NotSet or ""
                ? null
                : text
            : ofLoop is not null && (run.Options as JsonObject)?[ofLoop] is { } value
                ? $"{value}"
                : null;
}
