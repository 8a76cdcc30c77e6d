using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>What determines a segmentation network before its values.</summary>
/// <param name="Architecture">The decoder.</param>
/// <param name="Backbone">The encoder.</param>
/// <param name="ClassCount">The number of logits of a pixel.</param>
/// <param name="InputChannels">Channels of the images.</param>
/// <param name="SideHeads">How many further outputs at coarser sizes there are, for training.</param>
internal sealed record SegmentationShape(
    SegmentationArchitecture Architecture,
    Backbone Backbone,
    int ClassCount,
    int InputChannels = 3,
    int SideHeads = 0
)
{
    public override string ToString() => $"{Architecture} on {Backbone}";
}

/// <summary>
/// A segmentation network: images [N, C, H, W] of any size to logits [N, classes, H, W]. Parameters are named as by segmentation_models.pytorch:
/// <c>encoder</c>, <c>decoder</c>, <c>segmentation_head</c>. Images whose size the coarsest map does not divide are padded with zeros, the mean
/// colour, at the right and the bottom, and the logits are cut.
/// </summary>
internal sealed partial class SegmentationNetwork : nn.Module<Tensor, Tensor>, ILayeredNetwork
{
    private const long DecoderPurpose = 0x5E6;
    private readonly BackboneNetwork encoder;
    private readonly SegmentationDecoder decoder;
    private readonly Convolution head;
    private readonly Convolution[] sideHeads;
    private readonly List<LayerGroup> groups = [];
    private readonly int stride;

    private SegmentationNetwork(SegmentationShape shape, long seed, Initialization? none)
        : base(nameof(SegmentationNetwork))
    {
        Shape = shape;
        using var encoderInit = none is null ? NetworkShape.InitializationOf(shape.Backbone, seed) : null;
        encoder = NetworkShape.Build(new(shape.Backbone, 1, shape.InputChannels, seed, none ?? encoderInit!));
        encoder.RemoveHead();
        register_module("encoder", encoder);
        var (strides, channels) = (encoder.FeatureStrides.ToList(), encoder.FeatureChannels.ToList());
        if (shape.Architecture == SegmentationArchitecture.DeepLabV3Plus && encoder.CanDilate)
        {
            encoder.DilateLastStage();
            strides[^1] = strides[^2];
        }
        if (encoder.StemChannels is { } stem)
        {
            strides.Insert(0, strides[0] / 2);
            channels.Insert(0, stem);
        }
        stride = strides.Max();
        var further = new Data.RandomStream(DecoderPurpose, seed);
        using var decoderInit = Initialization.Decoder((long)further.Next());
        using var headInit = Initialization.Glorot((long)further.Next());
        var init = none ?? decoderInit;
        decoder = shape.Architecture switch
        {
            SegmentationArchitecture.FPN => new FPNDecoder(init, encoder.Randomness, strides, channels),
            SegmentationArchitecture.DeepLabV3Plus => new DeepLabDecoder(init, encoder.Randomness, strides, channels),
            _ => new UNetDecoder(init, strides, channels),
        };
        register_module("decoder", decoder);
        head = new(none ?? headInit, decoder.Channels, shape.ClassCount, decoder.HeadKernel, bias: true);
        register_module(HeadName, new Chain(head));
        sideHeads =
        [
            .. decoder
                .SideChannels.Take(shape.SideHeads)
                .Select(inputs => new Convolution(none ?? headInit, inputs, shape.ClassCount, 1, bias: true)),
        ];
        if (sideHeads.Length > 0)
            register_module(SideHeadsName, new Chain(sideHeads));
        groups.AddRange(encoder.LayerGroups.Select(group => group.Within("encoder")));
        groups.Add(new("decoder", "decoder"));
        groups.Add(new("head", HeadName, SideHeadsName));
    }

    /// <summary>The name of the last layer.</summary>
    public const string HeadName = "segmentation_head";

    /// <summary>The name of the heads that serve training only.</summary>
    public const string SideHeadsName = "side_heads";

    /// <summary>
    /// A new network on the CPU, in training mode. The values depend on the arguments only, and those of the encoder are those of
    /// <see cref="BackboneNetwork.Create"/>.
    /// </summary>
    public static SegmentationNetwork Create(SegmentationShape shape, long seed) => new(shape, seed, none: null);

    public SegmentationShape Shape { get; }

    public BackboneNetwork Encoder => encoder;

    public IReadOnlyList<LayerGroup> LayerGroups => groups;

    public Generator Randomness => encoder.Randomness;

    /// <summary>By what the coarsest map is smaller than the image.</summary>
    public int Stride => stride;

    /// <summary>How many outputs at coarser sizes it has.</summary>
    public int SideHeads => sideHeads.Length;

    /// <summary>How many it could have.</summary>
    public int MostSideHeads => decoder.SideChannels.Count;

    /// <summary>The logits [N, classes, H, W] of images [N, C, H, W].</summary>
    public override Tensor forward(Tensor images)
    {
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(Run(images, 0)[0]);
    }

    /// <summary>The logits at the size of the images, then those of the side heads at coarser sizes, while the network trains.</summary>
    public IReadOnlyList<Tensor> AllLogits(Tensor images)
    {
        using var scope = NewDisposeScope();
        var logits = Run(images, sideHeads.Length);
        foreach (var each in logits)
            each.MoveToOuterDisposeScope();
        return logits;
    }

    public int GroupOf(string parameterName)
    {
        var index = groups.FindIndex(group => group.Contains(parameterName));
        return index >= 0 ? index : throw new ArgumentException($"{Shape} has no parameter '{parameterName}'.", nameof(parameterName));
    }

    public void Freeze(int groupCount)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(groupCount);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(groupCount, groups.Count);
        foreach (var (name, parameter) in named_parameters())
            parameter.requires_grad = GroupOf(name) >= groupCount;
        foreach (var (name, module) in named_modules())
            if (module is BatchNorm norm)
                norm.Frozen = GroupOf(name + ".weight") < groupCount;
    }

    /// <summary>Everything is registered explicitly.</summary>
    protected override void RegisterComponents() { }

    private Tensor[] Run(Tensor images, int sides)
    {
        var (height, width) = (images.shape[2], images.shape[3]);
        var (below, right) = (Missing(height), Missing(width));
        var maps = encoder.AllMaps(below + right == 0 ? images : nn.functional.pad(images, [0, right, 0, below]));
        var decoded = decoder.Decode(maps, sides);
        var logits = head.call(decoded[0]);
        if (decoder.Stride > 1)
            logits = Resample.Bilinear(logits, height + below, width + right, alignCorners: true);
        if (below + right > 0)
            logits = logits.narrow(2, 0, height).narrow(3, 0, width);
        // A side map covers the padding too; what it says of the image alone is the part that the image fills.
        var coarser = decoded
            .Skip(1)
            .Select(
                (map, i) =>
                {
                    var output = sideHeads[i].call(map);
                    var (h, w) = (output.shape[2] * height / (height + below), output.shape[3] * width / (width + right));
                    return output.narrow(2, 0, Math.Max(1, h)).narrow(3, 0, Math.Max(1, w));
                }
            );
        return [logits.contiguous(), .. coarser.Select(output => output.contiguous())];
    }

    /// <summary>What a side lacks to a multiple of the coarsest stride, and to what the encoder needs.</summary>
    private long Missing(long length)
    {
        var whole = Math.Max(length, encoder.MinimumImageSize);
        return (whole + stride - 1) / stride * stride - length;
    }
}
