using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>ShuffleNetV2 x0.5 up to its fourth stage.</summary>
internal sealed class ShuffleNetV2 : BackboneNetwork
{
    private readonly Chain first;
    private readonly Function pool = Function.MaxPool();
    private readonly Chain[] stages;

    public ShuffleNetV2(NetworkShape shape)
        : base(shape)
    {
        int[] blocks = [4, 8, 4];
        var (init, inputs) = (shape.Init, FeatureChannels[0]);
        var convolution = new Convolution(init, InputChannels, inputs, 3, stride: 2);
        first = Add("first_conv", new Chain(convolution, new BatchNorm(convolution), Function.ReLU()));
        stages = new Chain[blocks.Length];
        for (var i = 0; i < stages.Length; i++)
        {
            var (entering, outputs) = (inputs, FeatureChannels[i + 1]);
            var parts = new Layer[blocks[i]];
            for (var block = 0; block < parts.Length; block++)
                parts[block] = new ShuffleBlock(init, block == 0 ? entering : outputs, outputs, stride: block == 0 ? 2 : 1);
            stages[i] = Add($"stage{i + 2}", new Chain(parts));
            inputs = outputs;
        }
        Complete(
            new Dense(init, inputs, shape.ClassCount),
            new("stem", "first_conv"),
            new("stage2", "stage2"),
            new("stage3", "stage3"),
            new("stage4", "stage4")
        );
    }

    public override int DefaultImageSize => 224;
    public override IReadOnlyList<int> FeatureChannels => [24, 48, 96, 192];
    public override IReadOnlyList<int> FeatureStrides => [4, 8, 16, 32];
    public override int EmbeddingSize => FeatureChannels[^1];
    public override string HeadName => "fc";
    internal override string StemName => "first_conv.0";

    /// <summary>No: it takes its channels apart and puts them together again in every block.</summary>
    private protected override bool KeepsPixelsTogether => false;

    private protected override Tensor RunStage(int stage, Tensor x)
    {
        if (stage > 0)
            return stages[stage - 1].call(x);
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(RunFirstStage(RunStem(x)));
    }

    internal override int? StemChannels => FeatureChannels[0];

    private protected override Tensor RunStem(Tensor images) => first.call(images);

    private protected override Tensor RunFirstStage(Tensor stem) => pool.call(stem);
}
