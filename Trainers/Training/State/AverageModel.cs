using static TorchSharp.torch;

namespace MLNetLosses.Training;

/// <summary>The running average of a model.</summary>
internal sealed class AverageModel(WeightAveraging averaging, ModelState state)
{
    /// <summary>The average as of the last update; its integer buffers are brought up to date by <see cref="Refresh"/>.</summary>
    public ModelCopy Copy { get; } = state.Copy();

    /// <summary>How often it was updated.</summary>
    public long Updates { get; set; }

    /// <summary>Takes the present weights in.</summary>
    public void Update()
    {
        using var scope = NewDisposeScope(); // operations in place return another handle
        using var frozen = no_grad();
        var share = 1 - averaging.DecayAt(++Updates);
        Copy.Weights.lerp_(state.Arena.Weights, share);
        for (var i = 0; i < Copy.Others.Length; i++)
            if (state.Others[i].Averaged)
                Copy.Others[i].lerp_(state.Others[i].Tensor, share);
    }

    /// <summary>Copies what is not averaged.</summary>
    public void Refresh()
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        for (var i = 0; i < Copy.Others.Length; i++)
            if (!state.Others[i].Averaged)
                Copy.Others[i].copy_(state.Others[i].Tensor);
    }

    /// <summary>Makes the network compute with the average until the result is disposed.</summary>
    public Lease Borrow()
    {
        Refresh();
        state.Swap(Copy);
        return new(this, state);
    }

    internal readonly struct Lease(AverageModel average, ModelState state) : IDisposable
    {
        public void Dispose() => state.Swap(average.Copy);
    }
}
