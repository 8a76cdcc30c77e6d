using MLNetLosses.Losses;
using static TorchSharp.torch;

namespace MLNetLosses.Training;

/// <summary>
/// What one step learns from. It owns its tensors: the loop disposes it after the step. A task with more than one input tensor and a few
/// named targets may derive from it.
/// </summary>
public class TrainingBatch : IDisposable
{
    /// <summary>Makes a batch.</summary>
    /// <param name="input">What the network is given, [N, ...]; from now on the batch's.</param>
    /// <param name="targets">The further tensors that the loss needs, by name: targets, weights, ...; from now on the batch's.</param>
    /// <param name="rows">The rows' numbers in the data, for messages; null: unknown.</param>
    /// <param name="rowCount">N; null: the length of the input's axis 0.</param>
    public TrainingBatch(Tensor input, LossInputs targets, IReadOnlyList<long>? rows = null, int? rowCount = null)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(targets);
        (Input, Targets, Rows) = (input, targets, rows ?? []);
        RowCount = rowCount ?? (input.dim() == 0 ? 1 : (int)input.shape[0]);
    }

    /// <summary>What the network is given.</summary>
    public Tensor Input { get; }

    /// <summary>The further tensors that the loss needs.</summary>
    public LossInputs Targets { get; }

    /// <summary>The rows' numbers in the data; empty: unknown.</summary>
    public IReadOnlyList<long> Rows { get; }

    /// <summary>How many images it holds.</summary>
    public int RowCount { get; }

    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees the tensors.</summary>
    /// <param name="disposing">True from <see cref="Dispose()"/>.</param>
    protected virtual void Dispose(bool disposing)
    {
        if (!disposing)
            return;
        Input.Dispose();
        foreach (var (_, tensor) in Targets)
            tensor.Dispose();
    }
}

/// <summary>Where batches come from.</summary>
public interface IBatchSource
{
    /// <summary>How many batches an epoch has. A source that leaves rows out may yield fewer.</summary>
    int BatchCount { get; }

    /// <summary>
    /// The batches of an epoch. Order and augmentation must be functions of the seed and <paramref name="epoch"/> alone: so a resumed
    /// training sees what an uninterrupted one would have seen. A batch belongs to who takes it.
    /// </summary>
    /// <param name="epoch">From 0.</param>
    /// <param name="cancellation">Ends a wait for data with <see cref="OperationCanceledException"/>.</param>
    IEnumerable<TrainingBatch> Read(int epoch, CancellationToken cancellation);
}
