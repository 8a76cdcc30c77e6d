using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.ML;
using Microsoft.ML.Data;
using ScottPlot;

namespace MLNetLosses.Benchmarks;

/// <summary>One network, one recipe, equal cost: what other losses and class weights do to the classes that have few pixels.</summary>
internal static class RareClasses
{
    private static readonly (string Name, string Loss, string Weights)[] Rows =
    [
        ("CE", "CrossEntropy()", ""),
        ("CE, balanced weights", "CrossEntropy()", "balanced"),
        ("CE + Dice", "CrossEntropy() + Dice(perImage: false, presentClassesOnly: true)", ""),
        ("Focal", "Focal()", ""),
        ("CE + Focal", "CrossEntropy() + Focal()", ""),
        ("CE + Tversky", "CrossEntropy() + Tversky(alpha: 0.3, beta: 0.7, perImage: false, presentClassesOnly: true)", ""),
        ("CE + Lovasz", "CrossEntropy() + Lovasz()", ""),
    ];

    public static void Run(SegmentationRun.Setting setting, string only, int seeds, int rare, string[]? names, string output)
    {
        var rows = Rows.Where(row => row.Name.Contains(only, StringComparison.OrdinalIgnoreCase)).ToArray();
        if (rows.Length == 0)
            throw new ArgumentException($"--only {only}: none of {string.Join(", ", Rows.Select(row => row.Name))}.");
        var results = rows.ToDictionary(row => row.Name, _ => new List<SegmentationRun.Result>());
        // Seed by seed, so that a run that is stopped leaves every loss with as many.
        for (var seed = 1; seed <= seeds; seed++)
            foreach (var (name, loss, weights) in rows)
            {
                var one = setting with { Loss = loss, ClassWeights = weights, Seed = seed };
                results[name].Add(FinishedRuns.Of(Path.Combine(output, "runs.jsonl"), one, run => run.RunInOwnProcess()));
                Console.Error.WriteLine($"{name}, seed {seed}: {JsonSerializer.Serialize(results[name][^1])}");
            }
        var classes = results[rows[0].Name][0].Classes;
        if (names is not null)
            classes =
                names.Length == classes.Length
                    ? names
                    : throw new ArgumentException($"--class-names gives {names.Length} names for {classes.Length} classes.");
        var shares = PixelShares(setting, classes.Length);
        int[] shown = [.. Enumerable.Range(0, classes.Length).Where(c => shares[c] > 0).OrderBy(c => shares[c]).Take(rare)];
        var part = setting.Test.Length > 0 ? "test" : "val";
        var means = rows.Select(row =>
                (
                    row.Name,
                    Figures: results[row.Name].Select(result => result.Test ?? result.Validation).ToArray(),
                    Seconds: results[row.Name].Average(result => result.TrainSeconds)
                )
            )
            .ToArray();
        Directory.CreateDirectory(output);
        var table = Table(setting, seeds, part, classes, shares, shown, means);
        Console.WriteLine(table);
        File.WriteAllText(Path.Combine(output, "rare-classes.md"), table);
        var plot = Path.Combine(output, "rare-classes.png");
        Draw(part, classes, shares, shown, means, plot);
        Console.WriteLine($"Plot: {plot}");
    }

    private static double[] PixelShares(SegmentationRun.Setting setting, int classes)
    {
        var mlContext = new MLContext();
        var areas = new long[classes];
        var data = mlContext.Data.LoadSegmentationFolder(Path.Combine(setting.Data, "train"));
        foreach (var mask in data.GetColumn<SegmentationMask>("Mask"))
        {
            var more = mask.Areas(classes);
            for (var c = 0; c < classes; c++)
                areas[c] += c == setting.Ignored ? 0 : more[c];
        }
        return [.. areas.Select(area => (double)area / areas.Sum())];
    }

    private static double Mean(IEnumerable<SegmentationRun.Figures> figures, int index) =>
        figures.Select(f => f.IoU[index]).OfType<double>().DefaultIfEmpty(double.NaN).Average();

    private static string Table(
        SegmentationRun.Setting setting,
        int seeds,
        string part,
        string[] classes,
        double[] shares,
        int[] shown,
        IReadOnlyList<(string Name, SegmentationRun.Figures[] Figures, double Seconds)> rows
    )
    {
        var text = new StringBuilder();
        text.Append(
            CultureInfo.InvariantCulture,
            $"| {part}, {seeds} seeds, {setting.Epochs} epochs, {setting.Size} | mean IoU | lowest to highest | pixel accuracy |"
        );
        foreach (var c in shown)
            text.Append(CultureInfo.InvariantCulture, $" {classes[c]} ({100 * shares[c]:0.0} %) |");
        text.AppendLine(" s |");
        text.AppendLine("| --- | ---: | ---: | ---: |" + string.Concat(Enumerable.Repeat(" ---: |", shown.Length + 1)));
        foreach (var (name, figures, seconds) in rows)
        {
            var means = figures.Select(f => f.MeanIoU).ToArray();
            text.Append(
                CultureInfo.InvariantCulture,
                $"| {name} | {means.Average():0.0000} | {means.Min():0.0000} to {means.Max():0.0000} | {figures.Average(f => f.PixelAccuracy):0.0000} |"
            );
            foreach (var c in shown)
                text.Append(CultureInfo.InvariantCulture, $" {Mean(figures, c):0.000} |");
            text.AppendLine(CultureInfo.InvariantCulture, $" {seconds:0} |");
        }
        return text.ToString();
    }

    /// <summary>A panel for the mean and for each rare class: bars of the means over the seeds, a dot a seed.</summary>
    private static void Draw(
        string part,
        string[] classes,
        double[] shares,
        int[] shown,
        IReadOnlyList<(string Name, SegmentationRun.Figures[] Figures, double Seconds)> rows,
        string file
    )
    {
        (string Title, Func<SegmentationRun.Figures, double> Figure)[] panels =
        [
            ($"mean IoU, {part}", f => f.MeanIoU),
            .. shown.Select(c =>
                (
                    string.Create(CultureInfo.InvariantCulture, $"IoU of {classes[c]} ({100 * shares[c]:0.0} % of pixels)"),
                    (Func<SegmentationRun.Figures, double>)(f => f.IoU[c] ?? double.NaN)
                )
            ),
        ];
        var all = new Multiplot();
        all.AddPlots(panels.Length);
        all.Layout = new ScottPlot.MultiplotLayouts.Columns();
        for (var panel = 0; panel < panels.Length; panel++)
        {
            var (plot, (title, figure)) = (all.GetPlot(panel), panels[panel]);
            for (var i = 0; i < rows.Count; i++)
            {
                var values = rows[i].Figures.Select(figure).Where(double.IsFinite).ToArray();
                if (values.Length == 0)
                    continue;
                plot.Add.Bar(i, values.Average()).Color = i == 0 ? Colors.LightGray : Colors.LightSteelBlue;
                plot.Add.ScatterPoints(values.Select(_ => (double)i).ToArray(), values, Colors.DarkSlateBlue);
            }
            plot.Axes.Bottom.SetTicks([.. Enumerable.Range(0, rows.Count).Select(i => (double)i)], [.. rows.Select(row => row.Name)]);
            plot.Axes.Bottom.TickLabelStyle.Rotation = 40;
            plot.Axes.Bottom.TickLabelStyle.Alignment = Alignment.MiddleLeft;
            plot.Axes.Bottom.MinimumSize = 150;
            plot.Axes.Right.MinimumSize = 90;
            plot.Axes.Margins(bottom: 0);
            plot.Title(title);
        }
        all.SavePng(file, 460 * panels.Length, 480);
    }
}
