using static TorchSharp.torch;

namespace MLNetLosses.Training;

/// <summary>How the gradient is treated before a step.</summary>
/// <param name="Scale">Multiplies it: 1 / number of accumulated batches.</param>
/// <param name="ClipNorm">Clips the norm of the scaled gradient.</param>
/// <param name="ClipValue">Clamps the elements of the scaled gradient.</param>
internal readonly record struct GradientTreatment(double Scale = 1, double? ClipNorm = null, double? ClipValue = null);

/// <summary>
/// Applies an optimizer's rule to all weights of an arena. Parameters without a gradient are passed over, as by torch.optim. How a step is
/// computed is chosen by where the weights are: <see cref="VectorUpdater{T}"/>, <see cref="TensorUpdater"/>.
/// </summary>
internal abstract class ParameterUpdater
{
    private readonly long[] updates;

    protected ParameterUpdater(Optimizer optimizer, WeightArena arena, Gradients gradients)
    {
        (Optimizer, Arena, Gradients) = (optimizer, arena, gradients);
        Rule = optimizer.CreateRule();
        Slots = [.. Rule.Slots.Select(_ => zeros([arena.ParameterCount], arena.Weights.dtype, arena.Weights.device))];
        updates = new long[gradients.Segments.Count];
    }

    /// <summary>Memory passes on the CPU, tensor operations elsewhere and for other types than float32 and float64.</summary>
    public static ParameterUpdater Create(Optimizer optimizer, WeightArena arena, Gradients gradients) =>
        (arena.Weights.device_type, arena.Weights.dtype) switch
        {
            (TorchSharp.DeviceType.CPU, ScalarType.Float32) => new VectorUpdater<float>(optimizer, arena, gradients),
            (TorchSharp.DeviceType.CPU, ScalarType.Float64) => new VectorUpdater<double>(optimizer, arena, gradients),
            _ => new TensorUpdater(optimizer, arena, gradients),
        };

    protected Optimizer Optimizer { get; }
    protected WeightArena Arena { get; }
    protected Gradients Gradients { get; }
    protected UpdateRule Rule { get; }

    /// <summary>The optimizer's state, flat, in the order of <see cref="UpdateRule.Slots"/>.</summary>
    public Tensor[] Slots { get; }

    public IReadOnlyList<string> SlotNames => Rule.Slots;

    /// <summary>How often each parameter was updated.</summary>
    public Span<long> Updates => updates;

    /// <summary>The Euclidean norm of the gradient of all weights; reading it may wait for the device.</summary>
    public abstract double Norm();

    /// <summary>One step.</summary>
    public abstract void Step(double rate, in GradientTreatment treatment);

    protected StepFactors Factors(int segment, double rate, double scale, double bound)
    {
        var group = Gradients.Segments[segment].Group!;
        return new(rate * group.LearningRateFactor, Optimizer.WeightDecay * group.WeightDecayFactor, scale, bound, updates[segment]);
    }

    protected static double Clipped(double norm, double? clip) => clip is { } most ? Math.Min(1, most / (norm + 1e-6)) : 1;
}
