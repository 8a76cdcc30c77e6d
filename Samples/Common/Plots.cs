using ScottPlot;

namespace MLNetLosses.Samples;

/// <summary>The pictures that a run leaves in its output folder.</summary>
public static class Plots
{
    private static readonly Color Ink = Color.FromHex("#333333");

    /// <summary>Draws a confusion matrix: rows are true classes, columns predictions; shades are shares of the row, numbers are counts.</summary>
    /// <param name="counts">[true class][predicted class].</param>
    /// <param name="names">The classes' names.</param>
    /// <param name="path">The PNG to write.</param>
    public static void Confusion(IReadOnlyList<IReadOnlyList<double>> counts, IReadOnlyList<string> names, string path)
    {
        var n = names.Count;
        using var plot = new Plot();
        var shares = new double[n, n];
        for (var row = 0; row < n; row++)
        {
            var total = Math.Max(1, counts[row].Sum());
            for (var column = 0; column < n; column++)
                shares[row, column] = counts[row][column] / total;
        }
        var map = plot.Add.Heatmap(shares);
        map.Colormap = new ScottPlot.Colormaps.Blues().Reversed();
        map.ManualRange = new(0, 1);
        map.FlipVertically = false;
        for (var row = 0; row < n && n <= 25; row++)
        for (var column = 0; column < n; column++)
        {
            var text = plot.Add.Text($"{counts[row][column]:0}", column, n - 1 - row);
            text.LabelAlignment = Alignment.MiddleCenter;
            text.LabelFontSize = n <= 12 ? 14 : 9;
            text.LabelFontColor = shares[row, column] > 0.5 ? Colors.White : Ink;
        }
        var ticks = Enumerable.Range(0, n).Select(i => (double)i).ToArray();
        plot.Axes.Bottom.SetTicks(ticks, [.. names]);
        plot.Axes.Left.SetTicks([.. ticks.Select(t => n - 1 - t)], [.. names]);
        plot.Axes.Bottom.TickLabelStyle.Rotation = 40;
        plot.Axes.Bottom.TickLabelStyle.Alignment = Alignment.MiddleLeft;
        plot.Axes.Bottom.MajorTickStyle.Length = 0;
        plot.Axes.Left.MajorTickStyle.Length = 0;
        var longest = names.Max(name => name.Length);
        plot.Axes.Bottom.MinimumSize = 50 + 6 * longest;
        plot.Axes.Right.MinimumSize = 20 + 4 * longest;
        plot.HideGrid();
        plot.Title("Confusion matrix: counts, shaded by share of the true class");
        plot.XLabel("predicted");
        plot.YLabel("true");
        var side = Math.Clamp(320 + 45 * n, 500, 1600);
        plot.SavePng(path, side + 10 * longest, side);
    }

    /// <summary>Draws the loss with its terms, the validation metrics and the learning rate over the epochs.</summary>
    /// <param name="history">The epochs.</param>
    /// <param name="path">The PNG to write.</param>
    public static void Training(IReadOnlyList<Training.TrainingEpoch> history, string path)
    {
        IReadOnlyList<(double, double)> Points(Func<Training.TrainingEpoch, double?> value) =>
            [.. history.Select(e => ((double)e.Epoch, value(e) ?? double.NaN))];
        var terms = history[^1].Terms.Count > 1 ? history[^1].Terms.Select(t => t.Name) : [];
        var losses = new List<(string, IReadOnlyList<(double, double)>)> { ("training loss", Points(e => e.Loss)) };
        losses.AddRange(terms.Select(name => (name, Points(e => e.Terms.FirstOrDefault(t => t.Name == name).Weighted))));
        var panels = new List<(string, IReadOnlyList<(string, IReadOnlyList<(double, double)>)>)> { ("Loss (terms as weighted)", losses) };
        if (history[^1].Metrics is { } metrics)
            foreach (var part in metrics.Values.Keys.GroupBy(IsLoss))
                panels.Add(
                    (
                        part.Key ? "Validation: log-loss" : "Validation",
                        [.. part.Select(name => (name, Points(e => e.Metrics?.Values.GetValueOrDefault(name, double.NaN))))]
                    )
                );
        panels.Add(("Learning rate at the epoch's end", [("learning rate", Points(e => e.LearningRate))]));
        Curves(panels, path);
    }

    private static bool IsLoss(string metric) => metric.EndsWith("Loss", StringComparison.Ordinal);

    /// <summary>Draws one panel a group of curves over the epochs, side by side.</summary>
    /// <param name="panels">Title and curves; a curve has a name and its points (epoch, value).</param>
    /// <param name="path">The PNG to write.</param>
    public static void Curves(
        IReadOnlyList<(string Title, IReadOnlyList<(string Name, IReadOnlyList<(double Epoch, double Value)> Points)> Curves)> panels,
        string path
    )
    {
        var all = new Multiplot();
        all.AddPlots(panels.Count);
        all.Layout = new ScottPlot.MultiplotLayouts.Columns();
        for (var i = 0; i < panels.Count; i++)
        {
            var plot = all.GetPlot(i);
            foreach (var (name, points) in panels[i].Curves)
            {
                var finite = points.Where(p => double.IsFinite(p.Value)).ToArray();
                var line = plot.Add.Scatter(finite.Select(p => p.Epoch).ToArray(), finite.Select(p => p.Value).ToArray());
                line.LegendText = name;
                line.LineWidth = 2;
                line.MarkerSize = finite.Length <= 30 ? 5 : 0;
            }
            plot.Title(panels[i].Title);
            plot.XLabel("epoch");
            plot.ShowLegend(EndsHigh(panels[i].Curves.Select(curve => curve.Points)) ? Alignment.LowerRight : Alignment.UpperRight);
            plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic { IntegerTicksOnly = true };
        }
        all.SavePng(path, 520 * panels.Count, 420);
    }

    // The legend stands in the corner that the curves do not end in.
    private static bool EndsHigh(IEnumerable<IReadOnlyList<(double Epoch, double Value)>> curves)
    {
        var values = curves
            .Select(points => points.Select(p => p.Value).Where(double.IsFinite).ToArray())
            .Where(v => v.Length > 0)
            .ToArray();
        return values.Length > 0 && values.Average(v => v[^1]) > (values.Min(v => v.Min()) + values.Max(v => v.Max())) / 2;
    }
}
