using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>torchvision's ResNets, and the same with a stem for small images.</summary>
internal sealed class ResNet : BackboneNetwork
{
    private readonly bool smallImages;
    private readonly Convolution conv1;
    private readonly BatchNorm bn1;
    private readonly Function pool = Function.MaxPool();
    private readonly Chain[] layers;

    public ResNet(NetworkShape shape, int[] blocks, bool bottleneck, bool smallImages)
        : base(shape)
    {
        this.smallImages = smallImages;
        var (init, expansion) = (shape.Init, bottleneck ? BottleneckBlock.Expansion : 1);
        FeatureChannels = [64 * expansion, 128 * expansion, 256 * expansion, 512 * expansion];
        var inputs = 64;
        conv1 = smallImages ? new(init, InputChannels, inputs, 3) : new(init, InputChannels, inputs, 7, stride: 2);
        conv1 = Add("conv1", conv1);
        bn1 = Add("bn1", new BatchNorm(conv1));
        layers = new Chain[blocks.Length];
        for (var i = 0; i < layers.Length; i++)
        {
            var outputs = FeatureChannels[i];
            layers[i] = Add($"layer{i + 1}", Layer(init, inputs, outputs, blocks[i], stride: i == 0 ? 1 : 2, bottleneck));
            inputs = outputs;
        }
        Complete(
            new Dense(init, inputs, shape.ClassCount),
            new("stem", "conv1", "bn1"),
            new("layer1", "layer1"),
            new("layer2", "layer2"),
            new("layer3", "layer3"),
            new("layer4", "layer4")
        );
    }

    public override int DefaultImageSize => smallImages ? 32 : 224;
    public override IReadOnlyList<int> FeatureChannels { get; }
    public override IReadOnlyList<int> FeatureStrides => smallImages ? [1, 2, 4, 8] : [4, 8, 16, 32];
    public override int EmbeddingSize => FeatureChannels[^1];
    public override string HeadName => "fc";
    internal override string StemName => "conv1";

    private protected override Tensor RunStage(int stage, Tensor x)
    {
        if (stage > 0)
            return layers[stage].call(x);
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(smallImages ? RunFirstStage(RunStem(x)) : layers[0].call(bn1.Pooled(conv1.call(x))));
    }

    internal override int? StemChannels => smallImages ? null : 64;

    private protected override Tensor RunStem(Tensor images)
    {
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(bn1.call(conv1.call(images)).relu_());
    }

    private protected override Tensor RunFirstStage(Tensor stem)
    {
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(layers[0].call(smallImages ? stem : pool.call(stem)));
    }

    private static Chain Layer(Initialization init, int inputs, int outputs, int blocks, int stride, bool bottleneck) =>
        new([
            .. Enumerable
                .Range(0, blocks)
                .Select(
                    Layer (block) =>
                        (block, bottleneck) switch
                        {
                            (0, true) => new BottleneckBlock(init, inputs, outputs, stride),
                            (_, true) => new BottleneckBlock(init, outputs, outputs, 1),
                            (0, false) => new BasicBlock(init, inputs, outputs, stride, padded: false),
                            (_, false) => new BasicBlock(init, outputs, outputs, 1, padded: false),
                        }
                ),
        ]);
}
