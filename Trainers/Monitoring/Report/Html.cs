using System.Globalization;
using System.Net;
using System.Text;

namespace MLNetLosses.Training;

/// <summary>Writes a page. What is not markup is escaped.</summary>
internal sealed class Html
{
    private readonly StringBuilder text = new();

    /// <summary>Markup as it is.</summary>
    public Html Raw(string markup)
    {
        text.Append(markup).Append('\n');
        return this;
    }

    public Html Element(string name, string content) => Raw($"<{name}>{Escape(content)}</{name}>");

    public Html Section(string title, Action<Html> content)
    {
        Raw("<section>").Element("h2", title);
        content(this);
        return Raw("</section>");
    }

    /// <summary>A table; cells are text.</summary>
    public Html Table(IEnumerable<string> head, IEnumerable<IEnumerable<string>> rows, string style = "")
    {
        Raw($"<div class=\"scroll\"><table class=\"{style}\">");
        var titles = head.ToList();
        if (titles.Exists(t => t.Length > 0))
            Raw($"<thead><tr>{string.Concat(titles.Select(t => $"<th>{Escape(t)}</th>"))}</tr></thead>");
        Raw("<tbody>");
        foreach (var row in rows)
            Raw($"<tr>{string.Concat(row.Select(cell => $"<td>{Escape(cell)}</td>"))}</tr>");
        return Raw("</tbody></table></div>");
    }

    public override string ToString() => text.ToString();

    public static string Escape(string content) => WebUtility.HtmlEncode(content);

    /// <summary>Four digits.</summary>
    public static string Number(double value) =>
        !double.IsFinite(value)
            ? (
                double.IsNaN(value) ? "-"
                : value > 0 ? "infinite"
                : "-infinite"
            )
        : value == Math.Floor(value) && Math.Abs(value) < 1e9 ? value.ToString("#,0", CultureInfo.InvariantCulture)
        : value.ToString(Math.Abs(value) is >= 1e-4 and < 1e5 ? Digits(value) : "0.00e+0", CultureInfo.InvariantCulture);

    public static string Duration(double seconds) =>
        seconds < 60 ? $"{Number(Math.Round(seconds, 1))} s"
        : seconds < 3600 ? $"{(int)seconds / 60} min {(int)seconds % 60} s"
        : $"{(int)seconds / 3600} h {(int)seconds / 60 % 60} min";

    private static string Digits(double value) =>
        Math.Abs(value) switch
        {
            >= 1000 => "#,0",
            >= 100 => "0.0",
            >= 10 => "0.00",
            >= 1 => "0.000",
            >= 0.1 => "0.0000",
            >= 0.01 => "0.00000",
            _ => "0.000000",
        };
}
