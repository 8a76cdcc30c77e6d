using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>The CIFAR ResNet of 6 n + 2 layers: three layers of n basic blocks, shortcuts without parameters.</summary>
internal sealed class CifarResNet : BackboneNetwork
{
    private readonly Convolution conv1;
    private readonly BatchNorm bn1;
    private readonly Chain[] layers;

    public CifarResNet(NetworkShape shape, int blocks)
        : base(shape)
    {
        var init = shape.Init;
        var inputs = FeatureChannels[0];
        conv1 = Add("conv1", new Convolution(init, InputChannels, inputs, 3));
        bn1 = Add("bn1", new BatchNorm(conv1));
        layers = new Chain[FeatureChannels.Count];
        for (var i = 0; i < layers.Length; i++)
        {
            var (entering, outputs, stride) = (inputs, FeatureChannels[i], i == 0 ? 1 : 2);
            var parts = new Layer[blocks];
            for (var block = 0; block < blocks; block++)
                parts[block] = new BasicBlock(init, block == 0 ? entering : outputs, outputs, block == 0 ? stride : 1, padded: true);
            layers[i] = Add($"layer{i + 1}", new Chain(parts));
            inputs = outputs;
        }
        Complete(
            new Dense(init, inputs, shape.ClassCount),
            new("stem", "conv1", "bn1"),
            new("layer1", "layer1"),
            new("layer2", "layer2"),
            new("layer3", "layer3")
        );
    }

    public override int DefaultImageSize => 32;
    public override IReadOnlyList<int> FeatureChannels => [16, 32, 64];
    public override IReadOnlyList<int> FeatureStrides => [1, 2, 4];
    public override int EmbeddingSize => FeatureChannels[^1];
    public override string HeadName => "linear";
    internal override string StemName => "conv1";
    internal override bool CanDilate => false; // its shortcuts skip pixels without a convolution

    private protected override Tensor RunStage(int stage, Tensor x)
    {
        if (stage > 0)
            return layers[stage].call(x);
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(layers[0].call(bn1.call(conv1.call(x)).relu_()));
    }
}
