using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>torchvision's EfficientNet-B0.</summary>
internal sealed class EfficientNet : ChainedNetwork
{
    private const double LastDepthRate = 0.2;

    private static readonly InvertedResidualStyle Style = new(
        Eps: 1e-5,
        Momentum: 0.1,
        GateActivation: Function.SiLU,
        Gate: x => x.sigmoid(),
        GateChannels: (inputs, _) => Math.Max(1, inputs / 4)
    );

    private static readonly (int Expansion, int Kernel, int Stride, int Inputs, int Outputs, int Blocks)[] Stages =
    [
        (1, 3, 1, 32, 16, 1),
        (6, 3, 2, 16, 24, 2),
        (6, 5, 2, 24, 40, 2),
        (6, 3, 2, 40, 80, 3),
        (6, 5, 1, 80, 112, 3),
        (6, 5, 2, 112, 192, 4),
        (6, 3, 1, 192, 320, 1),
    ];

    private readonly Dropout dropout;

    public EfficientNet(NetworkShape shape)
        : base(shape)
    {
        var init = shape.Init;
        dropout = new(Randomness, 0.2);
        List<Layer> layers = [InvertedResidual.Step(new Convolution(init, InputChannels, 32, 3, stride: 2), Style, Function.SiLU())];
        var (index, count) = (0, Stages.Sum(stage => stage.Blocks));
        foreach (var stage in Stages)
        {
            var blocks = new Layer[stage.Blocks];
            for (var i = 0; i < blocks.Length; i++, index++)
            {
                var (inputs, stride) = i == 0 ? (stage.Inputs, stage.Stride) : (stage.Outputs, 1);
                blocks[i] = new InvertedResidual(
                    init,
                    Style,
                    (inputs, inputs * stage.Expansion, stage.Outputs, stage.Kernel, stride),
                    gated: true,
                    Function.SiLU,
                    new StochasticDepth(Randomness, LastDepthRate * index / count)
                );
            }
            layers.Add(new Chain(blocks));
        }
        layers.Add(InvertedResidual.Step(new Convolution(init, Stages[^1].Outputs, EmbeddingSize, 1), Style, Function.SiLU()));
        Complete([.. layers], [Function.Identity()], new Dense(init, EmbeddingSize, shape.ClassCount));
    }

    public override IReadOnlyList<int> FeatureChannels => [24, 40, 112, 1280];
    public override string HeadName => "classifier.1";
    internal override int? StemChannels => 16;
    protected override int StemTap => 1;
    protected override IReadOnlyList<int> Taps => [2, 3, 5, 8];

    private protected override Tensor BeforeHead(Tensor embedding) => dropout.Apply(embedding, training);
}
