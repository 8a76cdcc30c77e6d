using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Training;

/// <summary>Brings what steps tell of their rows to the tracker: at once on the CPU, some steps together from a device.</summary>
internal sealed class RowReader(RowTracker tracker) : IDisposable
{
    private readonly List<TrainedRows> kept = [];

    public void Add(TrainedRows rows)
    {
        kept.Add(
            new(rows.Rows, Keep(rows.Losses)!, Keep(rows.Labels), Keep(rows.Predicted), Keep(rows.Confidences))
            {
                Metrics = [.. rows.Metrics.Select(m => m with { Part = Keep(m.Part)!, Whole = Keep(m.Whole)! })],
            }
        );
        if (rows.Losses.device_type == DeviceType.CPU)
            Read();

        static Tensor? Keep(Tensor? tensor) => tensor?.detach().DetachFromDisposeScope();
    }

    public void Read()
    {
        using var scope = NewDisposeScope();
        foreach (var rows in kept)
        {
            var losses = rows.Losses.to(ScalarType.Float32).cpu().contiguous().data<float>().ToArray();
            var labels = rows.Labels?.cpu().contiguous().data<long>().ToArray();
            var predicted = rows.Predicted?.cpu().contiguous().data<long>().ToArray();
            var confidences = rows.Confidences?.to(ScalarType.Float32).cpu().contiguous().data<float>().ToArray();
            for (var i = 0; i < losses.Length; i++)
                tracker.Add(
                    rows.Rows[i],
                    losses[i],
                    labels is null ? -1 : (int)labels[i],
                    predicted is null ? -1 : (int)predicted[i],
                    confidences?[i] ?? float.NaN
                );
            foreach (var (name, part, whole) in rows.Metrics)
                tracker.Add(name, Numbers(part), Numbers(whole));
            Free(rows);
        }
        kept.Clear();

        static double[] Numbers(Tensor tensor) => tensor.to(ScalarType.Float64).cpu().reshape([-1]).contiguous().data<double>().ToArray();
    }

    public void Dispose()
    {
        kept.ForEach(Free);
        kept.Clear();
    }

    private static void Free(TrainedRows rows)
    {
        rows.Losses.Dispose();
        rows.Labels?.Dispose();
        rows.Predicted?.Dispose();
        rows.Confidences?.Dispose();
        foreach (var metric in rows.Metrics)
        {
            metric.Part.Dispose();
            metric.Whole.Dispose();
        }
    }
}
