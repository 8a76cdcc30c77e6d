using System.Globalization;

namespace MLNetLosses.Training;

/// <summary>Rows with their pictures.</summary>
internal static class RowSection
{
    private const int LargestFile = 256 << 10;

    public static void Write(
        Html html,
        string title,
        string explanation,
        IReadOnlyList<RowFinding>? rows,
        bool areValidation,
        Func<RowReference, byte[]?>? picture,
        PictureLegend? legend
    )
    {
        if (rows is not { Count: > 0 })
            return;
        html.Section(
            title,
            h =>
            {
                h.Raw($"<p class=\"soft\">{Html.Escape(explanation)}{(legend is null ? "" : " " + Html.Escape(legend.OnRows))}</p>");
                legend?.WriteColors(h);
                h.Raw("<div class=\"rows\">");
                foreach (var row in rows)
                    Row(h, row, Content(row, areValidation, picture));
                h.Raw("</div>");
            }
        );
    }

    private static void Row(Html html, RowFinding row, byte[]? content)
    {
        var source = row.Source is { } path ? Path.GetFileName(path) : null;
        html.Raw($"<figure title=\"{Html.Escape(row.Source ?? $"row {row.Row}")}\">");
        if (content is not null && PictureFormat.Of(content) is { } format)
            html.Raw($"<img alt=\"row {row.Row}\" src=\"data:{format.MediaType};base64,{Convert.ToBase64String(content)}\">");
        var sure = row.Confidence is { } confidence ? $" {confidence.ToString("0.00", CultureInfo.InvariantCulture)}" : "";
        // A class is set against another; counts of objects speak for themselves.
        string?[] lines =
        [
            row.Label is null ? null
            : row.Confidence is null ? Html.Escape(row.Label)
            : $"label <b>{Html.Escape(row.Label)}</b>",
            row.Predicted is null ? null
            : row.Confidence is null ? Html.Escape(row.Predicted)
            : $"says <b>{Html.Escape(row.Predicted)}</b>{sure}",
            $"{Html.Escape(row.Measure ?? "loss")} {Html.Number(row.Loss)}",
            $"<span class=\"soft\">{Html.Escape(source ?? $"row {row.Row}")}</span>",
        ];
        html.Raw($"<figcaption>{string.Join("<br>", lines.OfType<string>())}</figcaption></figure>");
    }

    private static byte[]? Content(RowFinding row, bool isValidation, Func<RowReference, byte[]?>? picture)
    {
        if (picture is not null)
            return picture(new(row.Row, isValidation));
        try
        {
            return row.Source is { } path && new FileInfo(path) is { Exists: true, Length: <= LargestFile }
                ? File.ReadAllBytes(path)
                : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            return null; // the report goes without
        }
    }
}
