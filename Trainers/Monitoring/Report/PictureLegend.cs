namespace MLNetLosses.Training;

/// <summary>What a task draws on the pictures of a report.</summary>
/// <param name="OnRows">What is drawn on those of rows, in a sentence.</param>
/// <param name="Colors">The colour of each class as 0xRRGGBB, where colours mean classes.</param>
internal sealed record PictureLegend(string OnRows, IReadOnlyList<(string Class, uint Color)> Colors)
{
    private const int Most = 60;

    public void WriteColors(Html html)
    {
        if (Colors.Count > 0)
            html.Raw(
                $"<div class=\"legend\" style=\"margin-bottom:8px\">{string.Concat(Colors.Take(Most).Select(c => $"<span><i class=\"area\" style=\"background-color:#{c.Color:X6}\"></i>{Html.Escape(c.Class)}</span>"))}</div>"
            );
    }
}
