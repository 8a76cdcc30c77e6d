using System.Globalization;
using System.Text.Json;
using ScottPlot;

namespace MLNetLosses.Benchmarks;

/// <summary>One detector, one recipe, other losses: smooth L1 against the overlap losses, focal against binary cross-entropy and cross-entropy.</summary>
internal static class DetectorLossTable
{
    private const string Focal = "SigmoidFocal()";
    private const string Smooth = "SmoothL1(beta: 0.1)";

    private static readonly (string Name, string Classification, string Box)[] Rows =
    [
        ("focal + smooth L1", Focal, Smooth),
        ("focal + IoU", Focal, "IoU()"),
        ("focal + GIoU", Focal, "GeneralizedIoU()"),
        ("focal + DIoU", Focal, "DistanceIoU()"),
        ("focal + CIoU", Focal, "CompleteIoU()"),
        ("BCE + smooth L1", "BinaryCrossEntropy()", Smooth),
        ("CE + smooth L1", "CrossEntropy()", Smooth),
    ];

    public static void Run(DetectorRun.Setting setting, string only, int seeds, string output)
    {
        var rows = Rows.Where(row => row.Name.Contains(only, StringComparison.OrdinalIgnoreCase)).ToArray();
        var results = rows.ToDictionary(row => row.Name, _ => new List<DetectorRun.Result>());
        // Seed by seed, so that a run that is stopped leaves every loss with as many.
        for (var seed = 1; seed <= seeds; seed++)
            foreach (var (name, classification, box) in rows)
            {
                var one = setting with { Classification = classification, Box = box, Seed = seed };
                results[name].Add(FinishedRuns.Of(Path.Combine(output, "runs.jsonl"), one, run => run.RunInOwnProcess()));
                Console.Error.WriteLine($"{name}, seed {seed}: {JsonSerializer.Serialize(results[name][^1])}");
            }
        var part = setting.Test.Length > 0 ? "test" : "val";
        Console.WriteLine(
            $"| losses ({seeds} seeds, {setting.Epochs} epochs, {setting.Size} pixels, {part}) | mAP | AP50 | AP75 | mAP, lowest to highest | s |"
        );
        Console.WriteLine("| --- | ---: | ---: | ---: | ---: | ---: |");
        foreach (var (name, _, _) in rows)
        {
            var figures = results[name].Select(result => result.Test ?? result.Validation).ToArray();
            var maps = figures.Select(f => f.Map).ToArray();
            Console.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"| {name} | {maps.Average():0.0000} | {figures.Average(f => f.Ap50):0.0000} | {figures.Average(f => f.Ap75):0.0000} | {maps.Min():0.0000} to {maps.Max():0.0000} | {results[name].Average(r => r.TrainSeconds):0} |"
                )
            );
        }
        Directory.CreateDirectory(output);
        var file = Path.Combine(output, "box-losses.png");
        Draw(
            [.. rows.Select(row => (row.Name, results[row.Name].Select(result => result.Test ?? result.Validation).ToArray()))],
            part,
            file
        );
        Console.WriteLine($"\nPlot: {file}");
    }

    /// <summary>Bars of the means, a dot a seed.</summary>
    private static void Draw(IReadOnlyList<(string Name, DetectorRun.Figures[] Figures)> rows, string part, string file)
    {
        var all = new Multiplot();
        (string Title, Func<DetectorRun.Figures, double> Figure)[] panels =
        [
            ($"mAP, {part}", f => f.Map),
            ($"AP50, {part}", f => f.Ap50),
            ($"AP75, {part}", f => f.Ap75),
        ];
        all.AddPlots(panels.Length);
        all.Layout = new ScottPlot.MultiplotLayouts.Columns();
        for (var panel = 0; panel < panels.Length; panel++)
        {
            var (plot, (title, figure)) = (all.GetPlot(panel), panels[panel]);
            for (var i = 0; i < rows.Count; i++)
            {
                var values = rows[i].Figures.Select(figure).ToArray();
                var bar = plot.Add.Bar(i, values.Average());
                bar.Color = Colors.LightSteelBlue;
                plot.Add.ScatterPoints(values.Select(_ => (double)i).ToArray(), values, Colors.DarkSlateBlue);
            }
            plot.Axes.Bottom.SetTicks([.. Enumerable.Range(0, rows.Count).Select(i => (double)i)], [.. rows.Select(row => row.Name)]);
            plot.Axes.Bottom.TickLabelStyle.Rotation = 40;
            plot.Axes.Bottom.TickLabelStyle.Alignment = Alignment.MiddleLeft;
            plot.Axes.Bottom.MinimumSize = 130;
            plot.Axes.Right.MinimumSize = 70;
            plot.Axes.Margins(bottom: 0);
            plot.Title(title);
        }
        all.SavePng(file, 480 * panels.Length, 480);
    }
}
