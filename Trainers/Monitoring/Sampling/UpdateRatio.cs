using static TorchSharp.torch;

namespace MLNetLosses.Training;

/// <summary>How far a step moves the weights of the network: |after - before| / |before|, all trained parameters together.</summary>
internal sealed class UpdateRatio(WeightArena arena) : IDisposable
{
    private Tensor? before;

    public void Remember()
    {
        using var frozen = no_grad();
        using var scope = NewDisposeScope();
        before?.Dispose();
        before = arena.Weights.narrow(0, 0, arena.ParameterCount).clone().DetachFromDisposeScope();
    }

    public double Measure()
    {
        using var frozen = no_grad();
        using var scope = NewDisposeScope();
        var size = before!.norm().to(ScalarType.Float64).item<double>();
        var moved = before.sub_(arena.Weights.narrow(0, 0, arena.ParameterCount)).norm().to(ScalarType.Float64).item<double>();
        Dispose(); // as much room as the weights take
        return size > 0 ? moved / size : double.NaN;
    }

    public void Dispose()
    {
        before?.Dispose();
        before = null;
    }
}
