using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>
/// While training, sets whole parts of a tensor to zero with a probability, and scales the others so that the mean stays. The choice comes
/// from the network's own generator: it depends on its seed and its past only.
/// </summary>
internal abstract class Dropping(Generator generator, double rate)
{
    /// <summary>The probability that a part is dropped.</summary>
    public double Rate { get; set; } = rate;

    public Tensor Apply(Tensor x, bool training)
    {
        if (!training || Rate == 0)
            return x;
        using var scope = NewDisposeScope();
        var kept = empty(PartsOf(x.shape), x.dtype, CPU).bernoulli_(1 - Rate, generator).div_(1 - Rate);
        return scope.MoveToOuter(x * kept.to(x.device));
    }

    protected abstract long[] PartsOf(long[] shape);
}

/// <summary>Drops single values.</summary>
internal sealed class Dropout(Generator generator, double rate) : Dropping(generator, rate)
{
    protected override long[] PartsOf(long[] shape) => shape;
}

/// <summary>Drops a block's whole contribution, image by image (Huang et al. 2016).</summary>
internal sealed class StochasticDepth(Generator generator, double rate) : Dropping(generator, rate)
{
    protected override long[] PartsOf(long[] shape) => [shape[0], .. shape.Skip(1).Select(_ => 1L)];
}

/// <summary>Drops whole channels, image by image (Tompson et al. 2015).</summary>
internal sealed class ChannelDropout(Generator generator, double rate) : Dropping(generator, rate)
{
    protected override long[] PartsOf(long[] shape) => [shape[0], shape[1], 1, 1];
}
