using ScottPlot;

namespace MLNetLosses.Samples;

/// <summary>Pictures of object detection.</summary>
public static class DetectionPlots
{
    /// <summary>Draws the precision-recall curve of each class, at two thresholds of intersection over union side by side.</summary>
    /// <param name="metrics">The metrics.</param>
    /// <param name="path">The PNG to write.</param>
    public static void PrecisionRecall(ObjectDetectionMetrics metrics, string path)
    {
        double[] thresholds = [0.5, 0.75];
        var all = new Multiplot();
        all.AddPlots(thresholds.Length);
        all.Layout = new ScottPlot.MultiplotLayouts.Columns();
        for (var i = 0; i < thresholds.Length; i++)
        {
            var plot = all.GetPlot(i);
            foreach (var one in metrics.PerClass.Where(one => one.TargetCount > 0))
            {
                var curve = one.PrecisionRecallCurve(thresholds[i]);
                var line = plot.Add.ScatterLine(
                    curve.Select(point => point.Recall).ToArray(),
                    curve.Select(point => point.Precision).ToArray()
                );
                line.LegendText = $"{one.Name}: {(i == 0 ? one.AveragePrecision50 : one.AveragePrecision75):0.000}";
                line.LineWidth = 2;
            }
            plot.Title($"Precision and recall at IoU {thresholds[i]:0.00}");
            plot.XLabel("recall");
            plot.YLabel("precision");
            plot.Axes.SetLimits(0, 1.02, 0, 1.02);
            plot.ShowLegend(Alignment.LowerLeft);
        }
        all.SavePng(path, 1040, 460);
    }
}
