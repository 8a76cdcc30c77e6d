using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>A network whose layers are one chain <c>features</c>, at some of whose layers the maps are taken, and a chain <c>classifier</c>.</summary>
internal abstract class ChainedNetwork : BackboneNetwork
{
    private Chain? features;
    private Chain? classifier;

    protected ChainedNetwork(NetworkShape shape)
        : base(shape) { }

    public override int DefaultImageSize => 224;
    public override IReadOnlyList<int> FeatureStrides => [4, 8, 16, 32];
    public override int EmbeddingSize => FeatureChannels[^1];
    internal override string StemName => "features.0.0";

    protected Chain Classifier => classifier!;

    private protected override Chain? HeadContainer => classifier;

    /// <summary>The layers of <c>features</c> after which the maps are taken, finest first.</summary>
    protected abstract IReadOnlyList<int> Taps { get; }

    /// <summary>The last lines of each constructor; the last layer of the classifier is the head.</summary>
    private protected void Complete(Layer[] layers, Layer[] classifierBeforeHead, Dense head)
    {
        features = Add("features", new Chain(layers));
        classifier = Add("classifier", new Chain([.. classifierBeforeHead, head]));
        List<LayerGroup> groups = [new("stem", "features.0")];
        for (int i = 0, start = 1; i < Taps.Count; start = Taps[i++] + 1)
            groups.Add(new($"stage{i + 1}", [.. Enumerable.Range(start, Taps[i] + 1 - start).Select(layer => $"features.{layer}")]));
        var dense = classifierBeforeHead.Select((layer, i) => (layer, i)).Where(pair => pair.layer.parameters().Any()).ToList();
        if (dense.Count > 0)
            groups.Add(new("classifier", [.. dense.Select(pair => $"classifier.{pair.i}")]));
        Complete(head, [.. groups]);
    }

    /// <summary>The layer of <c>features</c> after which the map at half the finest stride is taken, where there is one.</summary>
    protected virtual int StemTap => 0;

    private protected override Tensor RunStem(Tensor images) => features!.Run(images, 0, StemTap + 1);

    private protected override Tensor RunFirstStage(Tensor stem) => features!.Run(stem, StemTap + 1, Taps[0] + 1);

    internal override void RemoveHead()
    {
        base.RemoveHead();
        register_module("classifier", null!);
        classifier?.Dispose();
        classifier = null;
        RemoveGroup("classifier");
    }

    private protected override Tensor RunStage(int stage, Tensor x) =>
        features!.Run(x, stage == 0 ? 0 : Taps[stage - 1] + 1, Taps[stage] + 1);
}
