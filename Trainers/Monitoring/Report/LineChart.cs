using System.Globalization;
using System.Text;

namespace MLNetLosses.Training;

/// <summary>A curve.</summary>
/// <param name="Name">For the legend.</param>
/// <param name="Points">In the order of x; a y that is no number leaves a gap.</param>
internal sealed record Series(string Name, IReadOnlyList<(double X, double Y)> Points)
{
    /// <summary>The index of its colour; null: its place among the series.</summary>
    public int? Color { get; init; }

    /// <summary>Drawn thin behind the others and left out of the legend.</summary>
    public bool IsFaint { get; init; }

    /// <summary>Drawn with dashes.</summary>
    public bool IsDashed { get; init; }

    /// <summary>Whether each point is marked: few points that count one by one.</summary>
    public bool HasMarks { get; init; }
}

/// <summary>Curves over an axis, as inline SVG.</summary>
internal sealed record LineChart(string Title, IReadOnlyList<Series> Series)
{
    private const int Width = 480;
    private const int Height = 250;
    private const int Left = 58;
    private const int Right = 10;
    private const int Top = 10;
    private const int Bottom = 36;
    private const int MostPoints = 300;

    public string XName { get; init; } = "step";
    public bool IsLogarithmic { get; init; }
    public double? Low { get; init; }
    public double? High { get; init; }
    public double? XLow { get; init; }
    public double? XHigh { get; init; }
    public string? Note { get; init; }

    public bool IsEmpty => Series.All(s => s.Points.All(p => !double.IsFinite(p.Y)));

    public void Write(Html html)
    {
        if (IsEmpty)
            return;
        var x = new AxisScale(Series.SelectMany(s => s.Points).Select(p => p.X), low: XLow, high: XHigh);
        var y = new AxisScale(Series.SelectMany(s => s.Points).Select(p => p.Y), IsLogarithmic, Low, High);
        var svg = new StringBuilder();
        svg.Append(
            CultureInfo.InvariantCulture,
            $"<svg viewBox=\"0 0 {Width} {Height}\" role=\"img\" aria-label=\"{Html.Escape(Title)}\">"
        );
        foreach (var tick in y.Ticks())
        {
            var at = Y(y, tick);
            svg.Append(CultureInfo.InvariantCulture, $"<path class=\"axis\" d=\"M{Left} {at:0.#}H{Width - Right}\"/>");
            svg.Append(
                CultureInfo.InvariantCulture,
                $"<text x=\"{Left - 6}\" y=\"{at + 4:0.#}\" text-anchor=\"end\">{AxisScale.Label(tick)}</text>"
            );
        }
        foreach (var tick in x.Ticks().Where(t => x.At(t) is >= 0 and <= 1))
            svg.Append(
                CultureInfo.InvariantCulture,
                $"<text x=\"{X(x, tick):0.#}\" y=\"{Height - Bottom + 17}\" text-anchor=\"middle\">{AxisScale.Label(tick)}</text>"
            );
        svg.Append(
            CultureInfo.InvariantCulture,
            $"<text x=\"{(Left + Width - Right) / 2}\" y=\"{Height - 3}\" text-anchor=\"middle\">{Html.Escape(XName)}</text>"
        );
        foreach (var (series, index) in Series.Select((s, i) => (s, i)).OrderBy(s => !s.s.IsFaint))
            Draw(svg, series, series.Color ?? index, x, y);
        svg.Append("</svg>");
        html.Raw("<div class=\"card chart\">").Element("h3", Title).Raw(svg.ToString());
        if (Series.Count(s => !s.IsFaint) > 1 || Series.Any(s => s.IsDashed))
            html.Raw(
                $"<div class=\"legend\">{string.Concat(Series.Select((s, i) => s.IsFaint ? "" : $"<span><i{(s.IsDashed ? " class=\"dashed\"" : "")} style=\"background-color:var(--c{(s.Color ?? i) % ReportStyle.Colors})\"></i>{Html.Escape(s.Name)}</span>"))}</div>"
            );
        if (Note is not null)
            html.Raw($"<p class=\"soft\">{Html.Escape(Note)}</p>");
        html.Raw("</div>");
    }

    private static void Draw(StringBuilder svg, Series series, int color, AxisScale x, AxisScale y)
    {
        var points = Thin(series.Points);
        var path = new StringBuilder();
        var pen = false;
        foreach (var (px, py) in points)
        {
            if (!y.Takes(py))
            {
                pen = false;
                continue;
            }
            path.Append(CultureInfo.InvariantCulture, $"{(pen ? 'L' : 'M')}{X(x, px):0.#} {Y(y, py):0.#}");
            pen = true;
        }
        var style = $"stroke:var(--c{color % ReportStyle.Colors}){(series.IsDashed ? ";stroke-dasharray:6 4" : "")}";
        svg.Append(
            $"<path class=\"series{(series.IsFaint ? " faint" : "")}\" style=\"{style}\" d=\"{path}\"><title>{Html.Escape(series.Name)}</title></path>"
        );
        if (series.IsFaint)
            return;
        // Numbers to read by pointing at them; visible where there are few.
        var every = Math.Max(1, points.Count / 60);
        var marks =
            series.HasMarks && points.Count <= 60 ? 3
            : points.Count == 1 ? 4
            : 0;
        for (var i = points.Count - 1; i >= 0; i -= every)
            if (y.Takes(points[i].Y))
                svg.Append(
                    CultureInfo.InvariantCulture,
                    $"<circle cx=\"{X(x, points[i].X):0.#}\" cy=\"{Y(y, points[i].Y):0.#}\" r=\"{(marks > 0 ? marks : 5)}\" {(marks > 0 ? $"style=\"fill:var(--c{color % ReportStyle.Colors})\"" : "fill-opacity=\"0\"")}><title>{Html.Escape(series.Name)} {Html.Number(points[i].Y)} at {Html.Number(points[i].X)}</title></circle>"
                );
    }

    // Of each stretch the least and the greatest, so that spikes stay.
    private static IReadOnlyList<(double X, double Y)> Thin(IReadOnlyList<(double X, double Y)> points)
    {
        if (points.Count <= MostPoints)
            return points;
        var kept = new List<(double, double)> { points[0] };
        var size = 2.0 * points.Count / MostPoints;
        for (var part = 0; part < MostPoints / 2; part++)
        {
            var stretch = points
                .Skip((int)(part * size))
                .Take((int)((part + 1) * size) - (int)(part * size))
                .Where(p => double.IsFinite(p.Y))
                .ToList();
            if (stretch.Count > 0)
                kept.AddRange(new[] { stretch.MinBy(p => p.Y), stretch.MaxBy(p => p.Y) }.OrderBy(p => p.X));
        }
        kept.Add(points[^1]);
        return kept;
    }

    private static double X(AxisScale scale, double value) => Left + scale.At(value) * (Width - Left - Right);

    private static double Y(AxisScale scale, double value) =>
        Height - Bottom - Math.Clamp(scale.At(value), -0.02, 1.02) * (Height - Top - Bottom);
}
