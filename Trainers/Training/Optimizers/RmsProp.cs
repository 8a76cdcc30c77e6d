using System.Numerics;
using MLNetLosses.Losses;
using static TorchSharp.torch;

namespace MLNetLosses.Training;

/// <summary>
/// g &lt;- g + WeightDecay w; v &lt;- Alpha v + (1 - Alpha) g^2; d = g / (sqrt(v) + Epsilon); buf &lt;- Momentum buf + d; w &lt;- w - rate
/// buf (or d without momentum). Hinton 2012. Follows <c>torch.optim.RMSprop</c>, not centered. State: one number a weight, two with
/// Momentum.
/// </summary>
public sealed record RmsProp : Optimizer
{
    /// <summary>Starts from a learning rate of 0.01.</summary>
    public RmsProp() => LearningRate = 0.01;

    /// <summary>How slowly the mean of the squared gradient forgets. Default 0.99.</summary>
    [Interval("[0, 1)")]
    public double Alpha
    {
        get;
        init => field = Valid(value);
    } = 0.99;

    /// <summary>Added to the denominator. Default 1e-8.</summary>
    [Interval("(0, inf)")]
    public double Epsilon
    {
        get;
        init => field = Valid(value);
    } = 1e-8;

    /// <summary>How much of the last step's direction is kept. Default 0.</summary>
    [Interval("[0, 1)")]
    public double Momentum
    {
        get;
        init => field = Valid(value);
    }

    internal override UpdateRule CreateRule() => new RmsPropRule(this);

    private sealed unsafe class RmsPropRule(RmsProp options) : UpdateRule(options.Momentum > 0 ? ["square", "momentum"] : ["square"])
    {
        public override void Apply<T>(T* weights, T* gradients, T** slots, nint count, in StepFactors factors)
        {
            var gradient = new GradientReader<T>(gradients, factors);
            var (rate, decay) = (Vectors.Of<T>(factors.Rate), Vectors.Of<T>(factors.WeightDecay));
            var (alpha, share, epsilon) = (Vectors.Of<T>(options.Alpha), Vectors.Of<T>(1 - options.Alpha), Vectors.Of<T>(options.Epsilon));
            var momentum = Vectors.Of<T>(options.Momentum);
            var square = slots[0];
            var buffer = options.Momentum > 0 ? slots[1] : null;
            for (nint i = 0; i < count; i += Vector<T>.Count)
            {
                var w = Vector.Load(weights + i);
                var g = gradient[i] + (decay * w);
                var v = (alpha * Vector.Load(square + i)) + (share * g * g);
                Vector.Store(v, square + i);
                var d = g / (Vector.SquareRoot(v) + epsilon);
                if (buffer != null)
                {
                    d += momentum * Vector.Load(buffer + i);
                    Vector.Store(d, buffer + i);
                }
                Vector.Store(w - (rate * d), weights + i);
            }
        }

        public override void Apply(Tensor weights, Tensor gradients, Tensor[] slots, in StepFactors factors)
        {
            if (factors.WeightDecay != 0)
                gradients.add_(weights, alpha: factors.WeightDecay);
            slots[0].mul_(options.Alpha).addcmul_(gradients, gradients, 1 - options.Alpha);
            var direction = gradients.div_(slots[0].sqrt().add_(options.Epsilon));
            if (slots is [_, var buffer])
                direction = buffer.mul_(options.Momentum).add_(direction);
            weights.add_(direction, alpha: -factors.Rate);
        }
    }
}
