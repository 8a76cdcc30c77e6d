using MLNetLosses.Interop;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>
/// A feature pyramid (Lin et al. 2017): every map of a backbone with what deeper maps saw added to it, and two coarser maps made of the last one, each half
/// the size of the one before. Names are torchvision's.
/// </summary>
internal sealed class FeaturePyramid : Composite
{
    private readonly Chain[] inner;
    private readonly Chain[] outer;
    private readonly Convolution p6;
    private readonly Convolution p7;

    public FeaturePyramid(Initialization init, IReadOnlyList<int> channels, int width)
        : base(nameof(FeaturePyramid))
    {
        inner = [.. channels.Select(count => new Chain(new Convolution(init, count, width, 1, bias: true)))];
        outer = [.. channels.Select(_ => new Chain(new Convolution(init, width, width, 3, bias: true)))];
        Add("inner_blocks", new LayerList(inner));
        Add("layer_blocks", new LayerList(outer));
        var extra = Add("extra_blocks", new ExtraLevels(init, width));
        (p6, p7) = (extra.P6, extra.P7);
    }

    /// <summary>Levels that are made of the last map.</summary>
    public const int ExtraCount = 2;

    /// <summary>From maps [N, C_i, H_i, W_i], finest first, to maps of equal channels, <see cref="ExtraCount"/> more; the caller's to dispose.</summary>
    public Tensor[] Compute(IReadOnlyList<Tensor> maps)
    {
        using var scope = NewDisposeScope();
        var levels = new Tensor[maps.Count + ExtraCount];
        Tensor? above = null;
        for (var i = maps.Count - 1; i >= 0; i--)
        {
            var lateral = inner[i].call(maps[i]);
            if (above is not null)
                lateral = lateral.add_(
                    nn.functional.interpolate(above, [lateral.shape[2], lateral.shape[3]], mode: InterpolationMode.Nearest),
                    Scalars.One
                );
            above = lateral;
            levels[i] = outer[i].call(above);
        }
        levels[^2] = p6.call(levels[maps.Count - 1]);
        levels[^1] = p7.call(levels[^2].relu());
        foreach (var level in levels)
            scope.MoveToOuter(level);
        return levels;
    }

    private sealed class LayerList : Composite
    {
        public LayerList(IReadOnlyList<Layer> layers)
            : base(nameof(LayerList))
        {
            for (var i = 0; i < layers.Count; i++)
                Add($"{i}", layers[i]);
        }
    }

    private sealed class ExtraLevels : Composite
    {
        public ExtraLevels(Initialization init, int width)
            : base(nameof(ExtraLevels))
        {
            P6 = Add("p6", new Convolution(init, width, width, 3, stride: 2, bias: true));
            P7 = Add("p7", new Convolution(init, width, width, 3, stride: 2, bias: true));
        }

        public Convolution P6 { get; }

        public Convolution P7 { get; }
    }
}
