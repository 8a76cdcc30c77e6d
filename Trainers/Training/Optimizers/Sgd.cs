using System.Numerics;
using MLNetLosses.Losses;
using static TorchSharp.torch;

namespace MLNetLosses.Training;

/// <summary>
/// Stochastic gradient descent: g &lt;- g + WeightDecay w; buf &lt;- g at first, then Momentum buf + (1 - Dampening) g; w &lt;- w - rate d
/// with d = buf, or g + Momentum buf with <see cref="Nesterov"/>. Follows <c>torch.optim.SGD</c>. State: one number a weight where Momentum
/// > 0.
/// </summary>
public sealed record Sgd : Optimizer
{
    /// <summary>Starts from a learning rate of 0.01.</summary>
    public Sgd() => LearningRate = 0.01;

    /// <summary>How much of the last step's direction is kept. Default 0.9; 0: none, and no state.</summary>
    [Interval("[0, 1)")]
    public double Momentum
    {
        get;
        init => field = Valid(value);
    } = 0.9;

    /// <summary>How much less a new gradient counts in the direction. Default 0.</summary>
    [Interval("[0, 1]")]
    public double Dampening
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>Whether to look one step of momentum ahead (Sutskever et al. 2013). Default false.</summary>
    public bool Nesterov { get; init; }

    /// <inheritdoc/>
    protected internal override void Validate()
    {
        if (Nesterov && (Momentum == 0 || Dampening != 0))
            throw new ArgumentException("Sgd: Nesterov needs Momentum above 0 and Dampening 0.", nameof(Nesterov));
    }

    internal override UpdateRule CreateRule() => new SgdRule(this);

    private sealed unsafe class SgdRule(Sgd options) : UpdateRule(options.Momentum > 0 ? ["momentum"] : [])
    {
        private double Share(in StepFactors factors) => factors.Updates == 0 ? 1 : 1 - options.Dampening;

        public override void Apply<T>(T* weights, T* gradients, T** slots, nint count, in StepFactors factors)
        {
            var gradient = new GradientReader<T>(gradients, factors);
            var (rate, decay) = (Vectors.Of<T>(factors.Rate), Vectors.Of<T>(factors.WeightDecay));
            var (momentum, share) = (Vectors.Of<T>(options.Momentum), Vectors.Of<T>(Share(factors)));
            var buffer = options.Momentum > 0 ? slots[0] : null;
            for (nint i = 0; i < count; i += Vector<T>.Count)
            {
                var w = Vector.Load(weights + i);
                var g = gradient[i] + (decay * w);
                if (buffer != null)
                {
                    var b = (momentum * Vector.Load(buffer + i)) + (share * g);
                    Vector.Store(b, buffer + i);
                    g = options.Nesterov ? g + (momentum * b) : b;
                }
                Vector.Store(w - (rate * g), weights + i);
            }
        }

        public override void Apply(Tensor weights, Tensor gradients, Tensor[] slots, in StepFactors factors)
        {
            if (factors.WeightDecay != 0)
                gradients.add_(weights, alpha: factors.WeightDecay);
            var direction = gradients;
            if (slots is [var buffer])
            {
                buffer.mul_(options.Momentum).add_(gradients, alpha: Share(factors));
                direction = options.Nesterov ? gradients.add_(buffer, alpha: options.Momentum) : buffer;
            }
            weights.add_(direction, alpha: -factors.Rate);
        }
    }
}
