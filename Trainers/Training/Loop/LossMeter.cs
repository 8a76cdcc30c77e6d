using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Training;

/// <summary>Which batch a value belongs to.</summary>
/// <param name="Step">The optimizer step, from 1.</param>
/// <param name="Epoch">From 1.</param>
/// <param name="Batch">Within the epoch, from 1.</param>
/// <param name="Rows">The rows' numbers.</param>
internal readonly record struct BatchPlace(long Step, int Epoch, int Batch, IReadOnlyList<long> Rows);

/// <summary>
/// Keeps the values of the terms where they were computed and reads many steps at once, since every reading waits for the device. On the
/// CPU nothing waits: there it keeps one, which is read before it changes a weight. A value that is not finite is found with its step
/// either way.
/// </summary>
internal sealed class LossMeter : IDisposable
{
    private readonly Device device;
    private readonly ScalarType type;
    private readonly int capacity;
    private readonly List<(BatchPlace Place, double[] Weights)> kept = [];
    private readonly Func<string> checkpoint;
    private string[] names = [];
    private Tensor? values;
    private int width;

    /// <param name="device">Where the loss is computed.</param>
    /// <param name="capacity">How many batches are kept before they are read.</param>
    /// <param name="checkpoint">Says what is left, for the exception.</param>
    public LossMeter(Device device, int capacity, Func<string> checkpoint)
    {
        (this.device, this.capacity, this.checkpoint) = (device, capacity, checkpoint);
        type = device.type == DeviceType.MPS ? ScalarType.Float32 : ScalarType.Float64;
    }

    /// <summary>Since the last report.</summary>
    public TermMeans Interval { get; } = new();

    /// <summary>Since the start of the epoch.</summary>
    public TermMeans Epoch { get; } = new();

    /// <exception cref="TrainingDivergedException">A value is not finite.</exception>
    public void Add(LossValue value, in CombinedLoss combined, in BatchPlace place)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        Tensor[] parts = [combined.Total, .. value.Terms.Select(t => t.Value), .. combined.Weights ?? []];
        var line = stack(parts.Select(part => part.detach().reshape([]).to(type, device)), 0);
        if (kept.Count == 0)
        {
            width = parts.Length;
            names = [.. value.Terms.Select(t => t.Name)];
            if (values is null || values.shape[1] != width)
            {
                values?.Dispose();
                values = empty([capacity, width], type, device).DetachFromDisposeScope();
            }
        }
        else if (parts.Length != width)
            throw new InvalidOperationException(
                $"The loss had {names.Length} terms ({string.Join(", ", names)}) and now has {value.Terms.Count}."
            );
        values!.select(0, kept.Count).copy_(line);
        kept.Add((place, combined.Weights is null ? [.. value.Terms.Select(t => t.Weight)] : []));
        if (kept.Count == capacity)
            Read();
    }

    /// <summary>Reads what is kept.</summary>
    public void Read()
    {
        if (kept.Count == 0)
            return;
        using var scope = NewDisposeScope();
        var numbers = values!.narrow(0, 0, kept.Count).cpu().to(ScalarType.Float64).contiguous().data<double>().ToArray();
        for (var i = 0; i < kept.Count; i++)
        {
            var line = numbers.AsSpan(i * width, width);
            Check(line, kept[i].Place);
            var weights = kept[i].Weights.Length > 0 ? kept[i].Weights : line[(1 + names.Length)..];
            Interval.Add(names, line, weights);
            Epoch.Add(names, line, weights);
        }
        kept.Clear();
    }

    public void Dispose() => values?.Dispose();

    private void Check(ReadOnlySpan<double> line, in BatchPlace place)
    {
        if (double.IsFinite(line[0]))
            return;
        for (var term = 0; term < names.Length; term++)
            if (!double.IsFinite(line[1 + term]))
                throw Diverged(names[term], line[1 + term], place);
        throw Diverged("total", line[0], place);
    }

    public TrainingDivergedException Diverged(string term, double value, in BatchPlace place) =>
        new(term, value, place.Step, place.Epoch, place.Batch, place.Rows, checkpoint());
}

/// <summary>Running means of a loss and its terms.</summary>
internal sealed class TermMeans
{
    private string[] names = [];
    private double[] values = [];
    private double[] weights = [];
    private double total;

    public int Count { get; private set; }

    public double Loss => Count == 0 ? double.NaN : total / Count;

    public IReadOnlyList<TrainingTerm> Terms =>
        [.. names.Select((name, i) => new TrainingTerm(name, values[i] / Count, weights[i] / Count))];

    public void Add(string[] termNames, ReadOnlySpan<double> line, ReadOnlySpan<double> termWeights)
    {
        if (Count++ == 0)
            (names, values, weights) = (termNames, new double[termNames.Length], new double[termNames.Length]);
        total += line[0];
        for (var i = 0; i < names.Length; i++)
        {
            values[i] += line[1 + i];
            weights[i] += termWeights[i];
        }
    }

    public void Clear() => (Count, total, names) = (0, 0, []);
}
