using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>
/// An image classification network: images [N, C, H, W] to logits [N, classes]. Its parts serve other tasks too: maps at several strides for
/// segmentation and detection (<see cref="Features"/>), one vector per image for metric learning (<see cref="Embed"/>).
/// </summary>
/// <remarks>
/// Made by <see cref="Create"/>. The values of a new network depend on the backbone, the class count, the input channels and the seed only:
/// neither on the process-wide random generator nor on other threads. Disposing the network frees its parameters.
/// </remarks>
public abstract partial class BackboneNetwork : nn.Module<Tensor, Tensor>, ILayeredNetwork
{
    private readonly List<LayerGroup> groups = [];
    private Dense? head;
    private bool folded;

    static BackboneNetwork() => Interop.Nnpack.TurnOff();

    private protected BackboneNetwork(NetworkShape shape)
        : base(nameof(BackboneNetwork))
    {
        (Backbone, InputChannels) = (shape.Backbone, shape.InputChannels);
        Randomness = new Generator(unchecked((ulong)shape.Seed));
        (InputMean, InputStd) = InputStatistics.Of(shape.Backbone, shape.InputChannels);
    }

    /// <summary>Which network this is.</summary>
    public Backbone Backbone { get; }

    /// <summary>The channels C of the input.</summary>
    public int InputChannels { get; }

    /// <summary>The number of logits.</summary>
    public int ClassCount => Head.Outputs;

    /// <summary>What to subtract from each channel of an image in [0, 1] before it goes in; one value per input channel.</summary>
    public IReadOnlyList<float> InputMean { get; }

    /// <summary>What to divide each channel by after the mean is subtracted; one value per input channel.</summary>
    public IReadOnlyList<float> InputStd { get; }

    /// <summary>The height and width that the network was made for. Others work, down to <see cref="MinimumImageSize"/>.</summary>
    public abstract int DefaultImageSize { get; }

    /// <summary>The smallest height and width that are accepted: below it the last maps would be made of padding.</summary>
    public virtual int MinimumImageSize => 8;

    /// <summary>The channels of each map of <see cref="Features"/>, finest first.</summary>
    public abstract IReadOnlyList<int> FeatureChannels { get; }

    /// <summary>By what each map of <see cref="Features"/> is smaller than the image, finest first (rounded up where it does not divide).</summary>
    public abstract IReadOnlyList<int> FeatureStrides { get; }

    /// <summary>The length of an <see cref="Embed">embedding</see>.</summary>
    public abstract int EmbeddingSize { get; }

    /// <summary>The name of the last layer, from embedding to logits: <c>fc</c>, <c>linear</c>, <c>classifier.3</c>, ...</summary>
    public abstract string HeadName { get; }

    /// <summary>The name of the first convolution, the only layer that depends on <see cref="InputChannels"/>.</summary>
    internal abstract string StemName { get; }

    /// <summary>
    /// All layers in groups from the input to the output: the first is the stem, the last the <c>head</c>. For freezing
    /// (<see cref="Freeze"/>) and for learning rates that differ by depth.
    /// </summary>
    public IReadOnlyList<LayerGroup> LayerGroups => groups;

    /// <summary>
    /// Where dropout and stochastic depth draw from, of the networks that have them. Its state belongs into checkpoints, so that a resumed
    /// training continues as an uninterrupted one.
    /// </summary>
    public Generator Randomness { get; }

    /// <summary>The number of groups that are frozen, from the input on.</summary>
    public int FrozenGroups { get; private set; }

    /// <summary>The logits [N, classes] of images [N, C, H, W].</summary>
    /// <exception cref="ArgumentException">The images have another rank, channel count or element type, or are too small.</exception>
    public override Tensor forward(Tensor images)
    {
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(Head.call(BeforeHead(Embed(images))));
    }

    /// <summary>The vectors [N, <see cref="EmbeddingSize"/>] that the head classifies: pooled over the image.</summary>
    /// <inheritdoc cref="forward" path="/exception"/>
    public Tensor Embed(Tensor images)
    {
        Check(images);
        using var scope = NewDisposeScope();
        var x = Arranged(images);
        for (var stage = 0; stage < FeatureStrides.Count; stage++)
        {
            var next = RunStage(stage, x);
            x.Dispose();
            x = next;
        }
        return scope.MoveToOuter(Pool(x));
    }

    /// <summary>
    /// The maps [N, <see cref="FeatureChannels"/>[i], H / <see cref="FeatureStrides"/>[i], W / <see cref="FeatureStrides"/>[i]], finest first.
    /// Every one is the caller's to dispose.
    /// </summary>
    /// <inheritdoc cref="forward" path="/exception"/>
    public IReadOnlyList<Tensor> Features(Tensor images) => FirstFeatures(images, FeatureStrides.Count);

    /// <summary>The channels of the map at half the finest stride of <see cref="Features"/>, where the network makes one on the way there.</summary>
    internal virtual int? StemChannels => null;

    /// <summary>The maps of <see cref="Features"/>, and before them that of <see cref="StemChannels"/> where there is one.</summary>
    internal IReadOnlyList<Tensor> AllMaps(Tensor images)
    {
        if (StemChannels is null)
            return Features(images);
        Check(images);
        var maps = new Tensor[FeatureStrides.Count + 1];
        using (var arranged = Arranged(images))
            maps[0] = RunStem(arranged);
        maps[1] = RunFirstStage(maps[0]);
        for (var stage = 1; stage < FeatureStrides.Count; stage++)
            maps[stage + 1] = RunStage(stage, maps[stage]);
        return maps;
    }

    /// <summary>The first maps only.</summary>
    internal IReadOnlyList<Tensor> FirstFeatures(Tensor images, int count)
    {
        Check(images);
        var maps = new Tensor[count];
        using var arranged = Arranged(images);
        for (var stage = 0; stage < maps.Length; stage++)
            maps[stage] = RunStage(stage, stage == 0 ? arranged : maps[stage - 1]);
        return maps;
    }

    /// <summary>Puts a new last layer for another number of classes in place of the present one, which is disposed.</summary>
    /// <param name="classCount">The number of logits from now on, at least 1.</param>
    /// <param name="seed">Determines the new layer's values.</param>
    /// <remarks>An optimizer made before still holds the old layer's parameters: make it afterwards.</remarks>
    public void ReplaceHead(int classCount, long seed = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(classCount, 1);
        ThrowIfFolded("get another head");
        using var init = NetworkShape.InitializationOf(Backbone, seed);
        var device = Head.parameters().First().device;
        var (old, renewed) = (Head, new Dense(init, EmbeddingSize, classCount));
        renewed.to(device);
        renewed.train(training);
        InstallHead(renewed);
        old.Dispose();
        Freeze(FrozenGroups);
    }

    private protected Dense Head => head ?? throw new InvalidOperationException("The network has no head yet.");

    /// <summary>
    /// On the CPU the channels of a pixel beside one another, an order that every map then keeps: no convolution has to change the order of its maps and back, and torch pools
    /// and normalises such maps faster. Forward and backward, two threads of an EPYC: 0.72 to 0.8 of the time for ResNet20, MobileNetV3 and EfficientNet; ResNet18's stem alone
    /// an eighth of the time in its pooling.
    /// </summary>
    private Tensor Arranged(Tensor images) => KeepsPixelsTogether ? ChannelOrder.Last(images) : images.alias();

    /// <summary>Whether that order is the faster one.</summary>
    private protected virtual bool KeepsPixelsTogether => true;

    /// <summary>From the map of the stage before, or the images, to the map of this stage.</summary>
    private protected abstract Tensor RunStage(int stage, Tensor x);

    /// <summary>From images to the map of <see cref="StemChannels"/>.</summary>
    private protected virtual Tensor RunStem(Tensor images) => throw new NotSupportedException($"{Backbone} has no map of its stem.");

    /// <summary>From the map of <see cref="StemChannels"/> to that of the first stage.</summary>
    private protected virtual Tensor RunFirstStage(Tensor stem) => throw new NotSupportedException($"{Backbone} has no map of its stem.");

    /// <summary>Takes away what only classification needs: from then on the network gives maps, and neither embeddings nor logits.</summary>
    internal virtual void RemoveHead()
    {
        var removed = head;
        head = null;
        register_module(HeadName, null!);
        removed?.Dispose();
        groups.RemoveAll(group => group.Name == "head");
    }

    private protected void RemoveGroup(string name) => groups.RemoveAll(group => group.Name == name);

    /// <summary>
    /// Whether the last stage can keep the size of the map before it, with convolutions that look at pixels twice as far apart instead.
    /// </summary>
    internal virtual bool CanDilate => true;

    /// <summary>Halves the stride of the last stage that way (Chen et al. 2017).</summary>
    internal void DilateLastStage()
    {
        var last = groups.Last(group => group.Name is not ("head" or "classifier"));
        foreach (var (name, module) in named_modules())
            if (module is Convolution convolution && last.Contains(name + ".weight"))
                convolution.Dilate(2);
    }

    /// <summary>From the last map to embeddings.</summary>
    private protected virtual Tensor Pool(Tensor map) => map.mean([2, 3]);

    /// <summary>What lies between embedding and head while training: dropout.</summary>
    private protected virtual Tensor BeforeHead(Tensor embedding) => embedding;

    /// <summary>The chain that holds the head as its last layer, where the head's name says so.</summary>
    private protected virtual Chain? HeadContainer => null;

    private protected T Add<T>(string name, T child)
        where T : nn.Module
    {
        register_module(name, child);
        return child;
    }

    /// <summary>The last line of each constructor: the head, and the groups before it.</summary>
    private protected void Complete(Dense head, params LayerGroup[] groupsBeforeHead)
    {
        InstallHead(head);
        groups.AddRange(groupsBeforeHead);
        groups.Add(new("head", HeadName));
    }

    private void InstallHead(Dense renewed)
    {
        head = renewed;
        if (HeadContainer is { } container)
        {
            container.ReplaceLast(renewed);
            return;
        }
        register_module(HeadName, null!);
        register_module(HeadName, renewed);
    }

    /// <summary>Everything is registered explicitly.</summary>
    protected override void RegisterComponents() { }

    /// <summary>Frees the parameters, and the generator of the network.</summary>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            Randomness.Dispose();
        base.Dispose(disposing);
    }

    private void Check(Tensor images)
    {
        ArgumentNullException.ThrowIfNull(images);
        var shape = images.shape;
        if (shape is not [> 0, var channels, var height, var width] || channels != InputChannels)
            throw new ArgumentException(
                $"{Backbone} takes images [N, {InputChannels}, height, width]; these are [{string.Join(", ", shape)}].",
                nameof(images)
            );
        if (height < MinimumImageSize || width < MinimumImageSize)
            throw new ArgumentException(
                $"{Backbone} takes images of {MinimumImageSize}x{MinimumImageSize} pixels and more; these are {height}x{width}. Enlarge them"
                    + (MinimumImageSize > 8 ? ", or use a backbone made for small images, such as ResNet20Cifar or ResNet18Cifar." : "."),
                nameof(images)
            );
        if (!images.is_floating_point())
            throw new ArgumentException(
                $"{Backbone} takes floating point images; these hold {images.dtype}. Convert them and normalise them by InputMean and InputStd.",
                nameof(images)
            );
    }
}
