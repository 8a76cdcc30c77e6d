using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>torchvision's MobileNetV3-Small.</summary>
internal sealed class MobileNetV3 : ChainedNetwork
{
    private static readonly InvertedResidualStyle Style = new(
        Eps: 1e-3,
        Momentum: 0.01,
        GateActivation: Function.ReLU,
        Gate: x => x.hardsigmoid(),
        GateChannels: (_, expanded) => RoundToEight(expanded / 4.0)
    );

    private static readonly (int Inputs, int Kernel, int Expanded, int Outputs, bool Gated, bool HardSwish, int Stride)[] Blocks =
    [
        (16, 3, 16, 16, true, false, 2),
        (16, 3, 72, 24, false, false, 2),
        (24, 3, 88, 24, false, false, 1),
        (24, 5, 96, 40, true, true, 2),
        (40, 5, 240, 40, true, true, 1),
        (40, 5, 240, 40, true, true, 1),
        (40, 5, 120, 48, true, true, 1),
        (48, 5, 144, 48, true, true, 1),
        (48, 5, 288, 96, true, true, 2),
        (96, 5, 576, 96, true, true, 1),
        (96, 5, 576, 96, true, true, 1),
    ];

    private readonly Dropout dropout;

    public MobileNetV3(NetworkShape shape)
        : base(shape)
    {
        var init = shape.Init;
        dropout = new(Randomness, 0.2);
        List<Layer> layers = [InvertedResidual.Step(new Convolution(init, InputChannels, 16, 3, stride: 2), Style, Function.HardSwish())];
        foreach (var b in Blocks)
            layers.Add(
                new InvertedResidual(
                    init,
                    Style,
                    (b.Inputs, b.Expanded, b.Outputs, b.Kernel, b.Stride),
                    b.Gated,
                    b.HardSwish ? Function.HardSwish : Function.ReLU
                )
            );
        layers.Add(InvertedResidual.Step(new Convolution(init, 96, FeatureChannels[^1], 1), Style, Function.HardSwish()));
        Complete(
            [.. layers],
            [new Dense(init, FeatureChannels[^1], EmbeddingSize), Function.HardSwish(), Function.Identity()],
            new Dense(init, EmbeddingSize, shape.ClassCount)
        );
    }

    public override IReadOnlyList<int> FeatureChannels => [16, 24, 48, 576];
    public override int EmbeddingSize => 1024;
    public override string HeadName => "classifier.3";
    internal override int? StemChannels => 16;
    protected override IReadOnlyList<int> Taps => [1, 3, 8, 12];

    private protected override Tensor Pool(Tensor map)
    {
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(Classifier.Run(base.Pool(map), 0, 2));
    }

    private protected override Tensor BeforeHead(Tensor embedding) => dropout.Apply(embedding, training);

    /// <summary>To a multiple of eight, but never down by more than a tenth.</summary>
    private static int RoundToEight(double value)
    {
        var rounded = Math.Max(8, (int)(value + 4) / 8 * 8);
        return rounded < 0.9 * value ? rounded + 8 : rounded;
    }
}
