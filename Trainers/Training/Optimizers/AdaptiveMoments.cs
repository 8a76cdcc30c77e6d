using System.Numerics;
using MLNetLosses.Losses;
using static TorchSharp.torch;

namespace MLNetLosses.Training;

/// <summary>
/// What <see cref="Adam"/> and <see cref="AdamW"/> share: m &lt;- Beta1 m + (1 - Beta1) g; v &lt;- Beta2 v + (1 - Beta2) g^2; w &lt;- w -
/// rate / (1 - Beta1^t) m / (sqrt(v) / sqrt(1 - Beta2^t) + Epsilon). State: two numbers a weight, three with <see cref="Amsgrad"/>.
/// </summary>
public abstract record AdaptiveMoments : Optimizer
{
    private protected AdaptiveMoments() { }

    /// <summary>How slowly the mean of the gradient forgets. Default 0.9.</summary>
    [Interval("[0, 1)")]
    public double Beta1
    {
        get;
        init => field = Valid(value);
    } = 0.9;

    /// <summary>How slowly the mean of the squared gradient forgets. Default 0.999.</summary>
    [Interval("[0, 1)")]
    public double Beta2
    {
        get;
        init => field = Valid(value);
    } = 0.999;

    /// <summary>Added to the denominator. Default 1e-8.</summary>
    [Interval("(0, inf)")]
    public double Epsilon
    {
        get;
        init => field = Valid(value);
    } = 1e-8;

    /// <summary>Whether v is replaced by its running maximum (Reddi et al. 2018). Default false.</summary>
    public bool Amsgrad { get; init; }

    /// <summary>Whether the weights shrink by themselves rather than through the gradient.</summary>
    private protected abstract bool DecaysWeights { get; }

    internal override UpdateRule CreateRule() => new MomentsRule(this);

    private sealed unsafe class MomentsRule(AdaptiveMoments options)
        : UpdateRule(options.Amsgrad ? ["mean", "square", "largestSquare"] : ["mean", "square"])
    {
        private (double Keep, double L2, double Rate, double Root) Scalars(in StepFactors factors)
        {
            var t = factors.Updates + 1;
            return (
                options.DecaysWeights ? 1 - (factors.Rate * factors.WeightDecay) : 1,
                options.DecaysWeights ? 0 : factors.WeightDecay,
                factors.Rate / (1 - Math.Pow(options.Beta1, t)),
                Math.Sqrt(1 - Math.Pow(options.Beta2, t))
            );
        }

        public override void Apply<T>(T* weights, T* gradients, T** slots, nint count, in StepFactors factors)
        {
            var gradient = new GradientReader<T>(gradients, factors);
            var scalars = Scalars(factors);
            var (keep, l2, rate) = (Vectors.Of<T>(scalars.Keep), Vectors.Of<T>(scalars.L2), Vectors.Of<T>(scalars.Rate));
            var (share1, beta2, share2) = (
                Vectors.Of<T>(1 - options.Beta1),
                Vectors.Of<T>(options.Beta2),
                Vectors.Of<T>(1 - options.Beta2)
            );
            var (root, epsilon) = (Vectors.Of<T>(1 / scalars.Root), Vectors.Of<T>(options.Epsilon));
            var mean = slots[0];
            var square = slots[1];
            var largest = options.Amsgrad ? slots[2] : null;
            for (nint i = 0; i < count; i += Vector<T>.Count)
            {
                var w = Vector.Load(weights + i);
                var g = gradient[i] + (l2 * w);
                var m = Vector.Load(mean + i);
                m += share1 * (g - m);
                Vector.Store(m, mean + i);
                var v = (beta2 * Vector.Load(square + i)) + (share2 * g * g);
                Vector.Store(v, square + i);
                if (largest != null)
                {
                    v = Vector.Max(v, Vector.Load(largest + i));
                    Vector.Store(v, largest + i);
                }
                Vector.Store((keep * w) - (rate * m / ((Vector.SquareRoot(v) * root) + epsilon)), weights + i);
            }
        }

        public override void Apply(Tensor weights, Tensor gradients, Tensor[] slots, in StepFactors factors)
        {
            var (keep, l2, rate, root) = Scalars(factors);
            if (keep != 1)
                weights.mul_(keep);
            if (l2 != 0)
                gradients.add_(weights, alpha: l2);
            slots[0].lerp_(gradients, 1 - options.Beta1);
            slots[1].mul_(options.Beta2).addcmul_(gradients, gradients, 1 - options.Beta2);
            var square = slots[1];
            if (options.Amsgrad)
                square = slots[2].copy_(maximum(slots[1], slots[2]));
            weights.addcdiv_(slots[0], square.sqrt().div_(root).add_(options.Epsilon), -rate);
        }
    }
}
