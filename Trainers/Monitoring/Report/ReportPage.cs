using System.Text.Json;

namespace MLNetLosses.Training;

/// <summary>The report of one training: a page that needs nothing else, no network and no script.</summary>
internal static class ReportPage
{
    /// <param name="run">The training.</param>
    /// <param name="picture">Gives pictures of rows; null: those whose source is a PNG or JPEG file that is still there.</param>
    /// <param name="pictures">Pictures that the validation gave.</param>
    /// <param name="legend">What is drawn on pictures; null: nothing.</param>
    public static string Make(
        TrainingHistory run,
        Func<RowReference, byte[]?>? picture = null,
        IReadOnlyList<ReportPicture>? pictures = null,
        PictureLegend? legend = null
    )
    {
        var html = new Html();
        Head(html, $"Training report{(run.Run.Task is { } task ? $": {task}" : "")}");
        Summary(html, run);
        Findings(html, run);
        html.Section(
            "Curves",
            h =>
            {
                h.Raw("<div class=\"grid\">");
                foreach (var chart in RunCharts.Of(run))
                    chart.Write(h);
                h.Raw("</div>");
            }
        );
        ClassificationSection.Write(html, run);
        if (pictures is { Count: > 0 })
            Pictures(html, pictures, legend);
        var (last, hardest) = (run.Epochs.LastOrDefault(), run.Best?.Validation?.HardestRows);
        RowSection.Write(
            html,
            "Hardest validation rows",
            $"The highest {(hardest is [{ Measure: { } measure }, ..] ? $"of the best epoch by {measure}" : "losses of the best epoch")}.",
            hardest,
            true,
            picture,
            legend
        );
        RowSection.Write(
            html,
            "Hardest training rows",
            "The highest mean losses of the last epoch.",
            last?.Train.HardestRows,
            false,
            picture,
            legend
        );
        RowSection.Write(
            html,
            "Suspicious labels",
            $"{Quantity.Of(last?.Train.SuspectCount ?? 0, "training row")} {SuspectRows.Of(run.Run).What}: look whether the label is right.",
            last?.Train.SuspectRows,
            false,
            picture,
            legend
        );
        Description(html, run);
        return Foot(html);
    }

    public static void Head(Html html, string title) =>
        html.Raw(
                $"<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\"><title>{Html.Escape(title)}</title><style>{ReportStyle.Css}</style></head><body>"
            )
            .Element("h1", title);

    public static string Foot(Html html) => html.Raw("</body></html>").ToString();

    public static string Status(TrainingHistory run) =>
        run.End switch
        {
            null => "running, or cut off",
            { Error: not null } => "failed",
            { Reason: "EarlyStopped" } => "stopped early",
            { Reason: "Canceled" } => "canceled",
            _ => "completed",
        };

    private static void Summary(Html html, TrainingHistory run)
    {
        var (last, best) = (run.Epochs.LastOrDefault(), run.Best);
        html.Raw($"<p class=\"soft\">{Html.Escape(run.Run.Loss)}</p><div class=\"facts\">");
        Fact("status", Status(run));
        Fact("epochs", $"{last?.Epoch ?? 0} of {run.Run.EpochCount}");
        if (best?.Validation is { } validation)
            Fact(
                $"best {validation.Primary}, epoch {best.Epoch}",
                Html.Number(validation.Metrics.GetValueOrDefault(validation.Primary, double.NaN))
            );
        if (last is not null)
            Fact("training loss", Html.Number(last.Train.Loss));
        Fact("time", Html.Duration(run.End?.Seconds ?? last?.Seconds ?? 0));
        if (run.Epochs.Count > 0)
            Fact("images a second", Html.Number(Math.Round(run.Epochs.Average(e => e.ImagesPerSecond))));
        html.Raw("</div>");
        if (run.End is null && last is null)
            html.Raw("<p class=\"soft\">The training runs; no epoch is done yet. This page is written anew from time to time.</p>");
        if (run.End?.Error is { } error)
            html.Raw($"<div class=\"finding\"><b>The training failed.</b> {Html.Escape(error)}</div>");

        void Fact(string name, string value) =>
            html.Raw($"<div class=\"card\"><span class=\"soft\">{Html.Escape(name)}</span><b>{Html.Escape(value)}</b></div>");
    }

    private static void Findings(Html html, TrainingHistory run) =>
        html.Section(
            "Diagnosis",
            h =>
            {
                if (run.Findings.Count == 0)
                    h.Raw(
                        Silence.Reason(run) is { } reason
                            ? $"<p class=\"card\">Nothing was found, but {Html.Escape(reason)}.</p>"
                            : "<p class=\"fine\">Nothing conspicuous.</p>"
                    );
                // What is over is history: it stands behind what asks for something.
                foreach (var finding in run.Findings.OrderBy(f => f.State == FindingState.Over))
                    Finding(h, finding);
            }
        );

    private static void Finding(Html html, Finding finding)
    {
        var isOver = finding.State == FindingState.Over;
        var time = string.Join(", ", new[] { finding.Time, $"step {finding.Step}" }.Where(part => part.Length > 0));
        html.Raw($"<div class=\"finding{(isOver ? " over" : "")}\">")
            .Raw($"<b>{Html.Escape(char.ToUpperInvariant(finding.Title[0]) + finding.Title[1..])}</b> <span class=\"soft\">{time}</span>")
            .Raw($"<p>{(isOver ? "It was: " : "")}{Html.Escape(finding.Evidence)}</p>");
        if (!isOver)
            html.Raw($"<p><b>Try:</b> {Html.Escape(finding.Advice)}</p>");
        html.Raw("</div>");
    }

    private static void Pictures(Html html, IReadOnlyList<ReportPicture> pictures, PictureLegend? legend) =>
        html.Section(
            "Pictures",
            h =>
            {
                legend?.WriteColors(h);
                h.Raw("<div class=\"pictures\">");
                foreach (var picture in pictures)
                    if (PictureFormat.Of(picture.Content) is { } format)
                        h.Raw(
                            $"<figure><img alt=\"{Html.Escape(picture.Title)}\" src=\"data:{format.MediaType};base64,{Convert.ToBase64String(picture.Content)}\"><figcaption>{Html.Escape(picture.Title)}</figcaption></figure>"
                        );
                h.Raw("</div>");
            }
        );

    private static void Description(Html html, TrainingHistory run)
    {
        html.Section(
            "Loss",
            h =>
            {
                h.Raw($"<pre>{Html.Escape(run.Run.Loss)}</pre>");
                if (run.Run.LossJson is { } json)
                    h.Raw("<details><summary>As JSON</summary>")
                        .Raw($"<pre>{Html.Escape(json.ToJsonString(new JsonSerializerOptions { WriteIndented = true }))}</pre></details>");
            }
        );
        Pairs("Settings", Settings.Of(run.Run));
        Pairs("Data", run.Run.Data);
        Pairs("Environment", run.Run.Environment);
        if (run.Run.Options is { } options)
            html.Raw("<details><summary>Options of the loop as JSON</summary>")
                .Raw($"<pre>{Html.Escape(options.ToJsonString(new JsonSerializerOptions { WriteIndented = true }))}</pre></details>");

        void Pairs(string title, IEnumerable<KeyValuePair<string, string>> pairs)
        {
            var rows = pairs.Select(p => (string[])[p.Key, p.Value]).ToList();
            if (rows.Count > 0)
                html.Section(title, h => h.Table([], rows, "pairs stack"));
        }
    }
}
