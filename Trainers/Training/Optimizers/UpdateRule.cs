using System.Numerics;
using static TorchSharp.torch;

namespace MLNetLosses.Training;

/// <summary>The numbers of one step, the same for a run of neighbouring weights.</summary>
/// <param name="Rate">The learning rate, with the group's factor.</param>
/// <param name="WeightDecay">The weight decay, with the group's factor.</param>
/// <param name="GradientScale">Multiplies the gradient first: accumulation and clipping by norm.</param>
/// <param name="GradientBound">The gradient's elements are then clamped to +- this; infinite: not.</param>
/// <param name="Updates">How often these weights were updated before.</param>
internal readonly record struct StepFactors(double Rate, double WeightDecay, double GradientScale, double GradientBound, long Updates);

/// <summary>
/// The arithmetic of an optimizer, written twice: over memory, in one pass that reads and writes every number once (CPU), and as a handful
/// of tensor operations over all weights at once (other devices and number types).
/// </summary>
/// <param name="slots">The names of the state that it keeps a weight; 0 at the start.</param>
internal abstract unsafe class UpdateRule(IReadOnlyList<string> slots)
{
    public IReadOnlyList<string> Slots => slots;

    /// <param name="weights">Changed in place.</param>
    /// <param name="gradients">Only read.</param>
    /// <param name="slots">The state, changed in place.</param>
    /// <param name="count">A multiple of the vector's length.</param>
    /// <param name="factors">The numbers of this step.</param>
    public abstract void Apply<T>(T* weights, T* gradients, T** slots, nint count, in StepFactors factors)
        where T : unmanaged, IFloatingPointIeee754<T>;

    /// <param name="weights">Flat, changed in place.</param>
    /// <param name="gradients">Flat, already scaled and bounded; may be overwritten.</param>
    /// <param name="slots">Flat, changed in place.</param>
    /// <param name="factors">The numbers of this step.</param>
    public abstract void Apply(Tensor weights, Tensor gradients, Tensor[] slots, in StepFactors factors);
}

internal static class Vectors
{
    public static Vector<T> Of<T>(double value)
        where T : unmanaged, IFloatingPointIeee754<T> => new(T.CreateChecked(value));
}

/// <summary>Reads a gradient scaled and, if wanted, bounded.</summary>
internal readonly unsafe struct GradientReader<T>(T* gradients, in StepFactors factors)
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly T* gradients = gradients;
    private readonly Vector<T> scale = Vectors.Of<T>(factors.GradientScale);
    private readonly Vector<T> bound = Vectors.Of<T>(factors.GradientBound);
    private readonly bool bounded = double.IsFinite(factors.GradientBound);

    public Vector<T> this[nint i]
    {
        get
        {
            var g = Vector.Load(gradients + i) * scale;
            return bounded ? Vector.Min(Vector.Max(g, -bound), bound) : g;
        }
    }
}
