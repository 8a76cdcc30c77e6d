using static TorchSharp.torch;

namespace MLNetLosses.Training;

/// <summary>A step as tensor operations on runs of neighbouring parameters that share their factors: usually one run a group.</summary>
internal sealed class TensorUpdater(Optimizer optimizer, WeightArena arena, Gradients gradients)
    : ParameterUpdater(optimizer, arena, gradients)
{
    public override double Norm()
    {
        using var frozen = no_grad();
        using var scope = NewDisposeScope();
        return Norm(Gradients.Flat()).to(ScalarType.Float64).item<double>();
    }

    public override void Step(double rate, in GradientTreatment treatment)
    {
        using var frozen = no_grad();
        using var scope = NewDisposeScope();
        var flat = Gradients.Flat();
        if (treatment.Scale != 1)
            flat.mul_(treatment.Scale);
        if (treatment.ClipNorm is { } most)
            flat.mul_((most / (Norm(flat) + 1e-6)).clamp_max_(1).to(flat.dtype));
        if (treatment.ClipValue is { } bound)
            flat.clamp_(-bound, bound);
        foreach (var (first, last, factors) in Runs(rate))
        {
            var (start, length) = (Gradients.Segments[first].Start, Gradients.Segments[last].End - Gradients.Segments[first].Start);
            Tensor Part(Tensor whole) => whole.narrow(0, start, length);
            Rule.Apply(Part(Arena.Weights), Part(flat), [.. Slots.Select(Part)], factors);
            foreach (ref var count in Updates[first..(last + 1)])
                count++;
        }
    }

    private static Tensor Norm(Tensor flat) => flat.to(flat.dtype == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32).norm();

    private List<(int First, int Last, StepFactors Factors)> Runs(double rate)
    {
        var runs = new List<(int First, int Last, StepFactors Factors)>();
        for (var i = 0; i < Gradients.Segments.Count; i++)
        {
            using var gradient = Gradients.Segments[i].Parameter.grad;
            if (gradient is null)
                continue;
            var factors = Factors(i, rate, 1, double.PositiveInfinity);
            if (runs is [.., var run] && run.Last == i - 1 && run.Factors == factors)
                runs[^1] = (run.First, i, factors);
            else
                runs.Add((i, i, factors));
        }
        return runs;
    }
}
