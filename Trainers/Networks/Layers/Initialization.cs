using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>
/// Draws the first values of a network's parameters from a generator of its own, so that they depend on the seed alone: not on the
/// process-wide generator, which is neither read nor changed, nor on other threads.
/// </summary>
internal sealed class Initialization : IDisposable
{
    private readonly Generator? generator;
    private readonly Action<Tensor, Generator> convolution;
    private readonly Action<Tensor, Tensor, Generator> dense;
    private readonly Action<Tensor, Tensor, Generator>? convolutionBias;

    private Initialization(
        long seed,
        Action<Tensor, Generator> convolution,
        Action<Tensor, Tensor, Generator> dense,
        Action<Tensor, Tensor, Generator>? convolutionBias = null
    )
    {
        generator = new Generator(unchecked((ulong)seed));
        (this.convolution, this.dense, this.convolutionBias) = (convolution, dense, convolutionBias);
    }

    private Initialization()
    {
        convolution = (_, _) => { };
        dense = (_, _, _) => { };
    }

    /// <summary>Leaves the values undefined, for networks that get all of them from elsewhere.</summary>
    public static Initialization None() => new();

    /// <summary>He et al. 2015, normal by the fan out of convolutions; PyTorch's default for dense layers. ResNet.</summary>
    public static Initialization HeFanOut(long seed) => new(seed, NormalFanOut, DefaultDense);

    /// <summary>He et al. 2015, normal by the fan in of convolutions and dense layers. The CIFAR ResNet.</summary>
    public static Initialization HeFanIn(long seed) =>
        new(
            seed,
            NormalFanIn,
            (weight, bias, generator) =>
            {
                NormalFanIn(weight, generator);
                UniformFanIn(bias, weight, generator);
            }
        );

    /// <summary>PyTorch's default of every layer: uniform within 1 / sqrt(fan in). ShuffleNetV2.</summary>
    public static Initialization Default(long seed) =>
        new(seed, (weight, generator) => UniformFanIn(weight, weight, generator), DefaultDense, UniformFanIn);

    /// <summary>Normal by the fan out of convolutions, normal(0, 0.01) for dense layers. MobileNetV3.</summary>
    public static Initialization MobileNet(long seed) =>
        new(
            seed,
            NormalFanOut,
            (weight, bias, generator) =>
            {
                weight.normal_(0, 0.01, generator);
                bias.zero_();
            }
        );

    /// <summary>Normal by the fan out of convolutions, uniform within 1 / sqrt(outputs) for dense layers. EfficientNet.</summary>
    public static Initialization EfficientNet(long seed) =>
        new(
            seed,
            NormalFanOut,
            (weight, bias, generator) =>
            {
                var bound = 1 / Math.Sqrt(weight.shape[0]);
                weight.uniform_(-bound, bound, generator);
                bias.zero_();
            }
        );

    /// <summary>normal(0, 0.02) for everything. ConvNeXt (whose truncation at 100 standard deviations never acts).</summary>
    public static Initialization ConvNeXt(long seed) =>
        new(
            seed,
            (weight, generator) => weight.normal_(0, 0.02, generator),
            (weight, bias, generator) =>
            {
                weight.normal_(0, 0.02, generator);
                bias.zero_();
            }
        );

    /// <summary>He et al. 2015, uniform by the fan in, without offsets: decoders of segmentation networks.</summary>
    public static Initialization Decoder(long seed) =>
        new(seed, (weight, generator) => Uniform(weight, Math.Sqrt(6.0 / FanIn(weight)), generator), DefaultDense);

    /// <summary>Glorot and Bengio 2010, uniform, without offsets: heads of segmentation networks.</summary>
    public static Initialization Glorot(long seed) =>
        new(
            seed,
            (weight, generator) => Uniform(weight, Math.Sqrt(6.0 / (FanIn(weight) + weight.shape[0] * Receptive(weight))), generator),
            DefaultDense
        );

    /// <summary>Uniform within sqrt(3 / fan in), biases 0. Feature pyramids.</summary>
    public static Initialization Pyramid(long seed) =>
        new(seed, (weight, generator) => Uniform(weight, Math.Sqrt(3.0 / FanIn(weight)), generator), DefaultDense);

    /// <summary>normal(0, 0.01), biases 0. The heads of detectors.</summary>
    public static Initialization DetectionHead(long seed) =>
        new(seed, (weight, generator) => weight.normal_(0, 0.01, generator), DefaultDense);

    /// <summary>The weight [out, in / groups, k, k] and the bias [out] of a convolution.</summary>
    public (Tensor Weight, Tensor? Bias) Convolution(long outputs, long inputs, long kernel, bool bias)
    {
        var weight = empty([outputs, inputs, kernel, kernel], ScalarType.Float32, CPU);
        var offset = bias ? zeros([outputs], ScalarType.Float32, CPU) : null;
        if (generator is null)
            return (weight, offset);
        using var scope = NewDisposeScope();
        convolution(weight, generator);
        if (offset is not null)
            convolutionBias?.Invoke(offset, weight, generator);
        return (weight, offset);
    }

    /// <summary>The weight [out, in] and the bias [out] of a dense layer.</summary>
    public (Tensor Weight, Tensor Bias) Dense(long outputs, long inputs)
    {
        var (weight, bias) = (empty([outputs, inputs], ScalarType.Float32, CPU), zeros([outputs], ScalarType.Float32, CPU));
        if (generator is null)
            return (weight, bias);
        using var scope = NewDisposeScope();
        dense(weight, bias, generator);
        return (weight, bias);
    }

    public void Dispose() => generator?.Dispose();

    private static void NormalFanOut(Tensor weight, Generator generator) =>
        weight.normal_(0, Math.Sqrt(2.0 / (weight.shape[0] * Receptive(weight))), generator);

    private static void NormalFanIn(Tensor weight, Generator generator) => weight.normal_(0, Math.Sqrt(2.0 / FanIn(weight)), generator);

    private static void Uniform(Tensor weight, double bound, Generator generator) => weight.uniform_(-bound, bound, generator);

    private static void UniformFanIn(Tensor values, Tensor weight, Generator generator)
    {
        var bound = 1 / Math.Sqrt(FanIn(weight));
        values.uniform_(-bound, bound, generator);
    }

    private static void DefaultDense(Tensor weight, Tensor bias, Generator generator)
    {
        UniformFanIn(weight, weight, generator);
        UniformFanIn(bias, weight, generator);
    }

    private static long FanIn(Tensor weight) => weight.shape[1] * Receptive(weight);

    private static long Receptive(Tensor weight) => weight.shape.Skip(2).Aggregate(1L, (product, size) => product * size);
}
