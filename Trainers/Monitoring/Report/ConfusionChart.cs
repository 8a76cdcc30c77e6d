using System.Globalization;
using System.Text;

namespace MLNetLosses.Training;

/// <summary>A confusion matrix: rows are the labels, columns the predictions; shades are shares of the row, numbers counts.</summary>
internal static class ConfusionChart
{
    private const int Most = 25;

    public static void Write(Html html, IReadOnlyList<IReadOnlyList<long>> counts, IReadOnlyList<string> names)
    {
        if (counts.Count > Most)
        {
            Confused(html, counts, names);
            return;
        }
        var n = counts.Count;
        var cell = n <= 12 ? 38 : 30;
        var label = Math.Min(16, names.Max(name => name.Length)) * 7 + 14;
        var (left, top) = (label, 8);
        var width = left + n * cell + 4;
        var height = top + n * cell + label + 14;
        // Pixels are too many to write out.
        var asShares = counts.Max(row => row.Max()) > 99_999;
        var svg = new StringBuilder();
        svg.Append(
            CultureInfo.InvariantCulture,
            $"<div class=\"scroll\"><svg viewBox=\"0 0 {width} {height}\" style=\"min-width:{Math.Min(width, 320)}px;max-width:{width * 3 / 2}px\" role=\"img\" aria-label=\"confusion matrix\">"
        );
        for (var row = 0; row < n; row++)
        {
            var total = Math.Max(1, counts[row].Sum());
            svg.Append(
                CultureInfo.InvariantCulture,
                $"<text x=\"{left - 6}\" y=\"{top + row * cell + cell / 2 + 4}\" text-anchor=\"end\">{Short(names[row])}</text>"
            );
            for (var column = 0; column < n; column++)
            {
                var share = (double)counts[row][column] / total;
                var (x, y) = (left + column * cell, top + row * cell);
                svg.Append(
                    CultureInfo.InvariantCulture,
                    $"<g><title>{Html.Escape(names[row])} predicted as {Html.Escape(names[column])}: {counts[row][column]} ({share:P1})</title><rect x=\"{x}\" y=\"{y}\" width=\"{cell - 1}\" height=\"{cell - 1}\" style=\"fill:var(--{(row == column ? "c0" : "c1")});fill-opacity:{Math.Sqrt(share):0.###}\" stroke=\"none\"/>"
                );
                if (counts[row][column] > 0)
                    svg.Append(
                        CultureInfo.InvariantCulture,
                        $"<text x=\"{x + cell / 2}\" y=\"{y + cell / 2 + 4}\" text-anchor=\"middle\" style=\"fill:var(--{(share > 0.4 ? "ground" : "ink")});font-size:{(!asShares && counts[row][column] > 9999 ? 9 : 11)}px\">{(asShares ? (100 * share).ToString(share < 0.0995 ? "0.0" : "0", CultureInfo.InvariantCulture) : $"{counts[row][column]}")}</text>"
                    );
                svg.Append("</g>");
            }
        }
        for (var column = 0; column < n; column++)
        {
            var (x, y) = (left + column * cell + cell / 2 + 4, top + n * cell + 8);
            svg.Append(
                CultureInfo.InvariantCulture,
                $"<text transform=\"rotate(-60 {x} {y})\" x=\"{x}\" y=\"{y}\" text-anchor=\"end\">{Short(names[column])}</text>"
            );
        }
        html.Raw("<div class=\"card chart\">")
            .Element("h3", "Confusion matrix")
            .Raw($"<p class=\"soft\">Rows: label. Columns: prediction.{(asShares ? " Percent of the row." : "")}</p>");
        html.Raw(svg.Append("</svg></div></div>").ToString());
    }

    private static void Confused(Html html, IReadOnlyList<IReadOnlyList<long>> counts, IReadOnlyList<string> names)
    {
        var pairs = counts
            .SelectMany(
                (row, label) => row.Select((count, predicted) => (label, predicted, count, share: (double)count / Math.Max(1, row.Sum())))
            )
            .Where(p => p.label != p.predicted && p.count > 0)
            .OrderByDescending(p => p.count)
            .Take(30);
        html.Raw("<div class=\"card\">").Element("h3", "Classes taken for each other");
        html.Table(
            ["label", "predicted", "rows", "share of the label"],
            pairs.Select(p =>
                (string[])[names[p.label], names[p.predicted], $"{p.count}", p.share.ToString("P1", CultureInfo.InvariantCulture)]
            )
        );
        html.Raw("</div>");
    }

    private static string Short(string name) => Html.Escape(name.Length <= 16 ? name : name[..15] + "\u2026");
}
