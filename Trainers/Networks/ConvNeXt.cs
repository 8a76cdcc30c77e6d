using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>torchvision's ConvNeXt-Tiny.</summary>
internal sealed class ConvNeXt : ChainedNetwork
{
    private const double LastDepthRate = 0.1;

    public ConvNeXt(NetworkShape shape)
        : base(shape)
    {
        int[] blocks = [3, 3, 9, 3];
        var (init, inputs) = (shape.Init, FeatureChannels[0]);
        List<Layer> layers =
        [
            new Chain(
                new Convolution(init, InputChannels, inputs, 4, stride: 4, bias: true, padding: 0),
                new LayerNorm(inputs, channelsFirst: true)
            ),
        ];
        var (index, last) = (0, blocks.Sum() - 1);
        for (var stage = 0; stage < blocks.Length; stage++)
        {
            var outputs = FeatureChannels[stage];
            if (stage > 0)
                layers.Add(
                    new Chain(
                        new LayerNorm(inputs, channelsFirst: true),
                        new Convolution(init, inputs, outputs, 2, stride: 2, bias: true, padding: 0)
                    )
                );
            var parts = new Layer[blocks[stage]];
            for (var i = 0; i < parts.Length; i++, index++)
                parts[i] = new ConvNeXtBlock(init, outputs, new StochasticDepth(Randomness, LastDepthRate * index / last));
            layers.Add(new Chain(parts));
            inputs = outputs;
        }
        Complete(
            [.. layers],
            [new LayerNorm(inputs, channelsFirst: false), Function.Identity()],
            new Dense(init, EmbeddingSize, shape.ClassCount)
        );
    }

    public override int MinimumImageSize => 32;
    public override IReadOnlyList<int> FeatureChannels => [96, 192, 384, 768];
    public override string HeadName => "classifier.2";
    internal override bool CanDilate => false; // its strides are in kernels of even size
    protected override IReadOnlyList<int> Taps => [1, 3, 5, 7];

    private protected override Tensor Pool(Tensor map)
    {
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(Classifier.Run(base.Pool(map), 0, 1));
    }
}
