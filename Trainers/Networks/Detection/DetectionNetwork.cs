using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>
/// A detector: a backbone without its classifier, a feature pyramid on its last three maps, and a head. Images [N, C, H, W], H and W multiples of
/// <see cref="SizeDivisor"/>, to what the head says of every anchor. Names, where torchvision has the network, and first values are torchvision's.
/// </summary>
internal sealed class DetectionNetwork : Composite, ILayeredNetwork
{
    private const int PyramidMaps = 3;
    private const long HeadPurpose = 0xDE7;
    private readonly BackboneNetwork body;
    private readonly FeaturePyramid pyramid;
    private readonly HeadBranches branches;
    private readonly int firstMap;

    private DetectionNetwork(DetectionNetworkShape shape, BackboneNetwork body, Initialization pyramidInit, Initialization headInit)
        : base(nameof(DetectionNetwork))
    {
        (Shape, this.body) = (shape, body);
        firstMap = Math.Max(0, body.FeatureStrides.Count - PyramidMaps);
        pyramid = new(pyramidInit, [.. body.FeatureChannels.Skip(firstMap)], shape.Head.Channels);
        branches = new(headInit, shape.Head, shape.Outputs, shape.HasBackground);
        Add("backbone", new BodyWithPyramid(body, pyramid));
        Add("head", branches);
        var strides = body.FeatureStrides.Skip(firstMap).ToList();
        for (var i = 0; i < FeaturePyramid.ExtraCount; i++)
            strides.Add(2 * strides[^1]);
        Anchors = new(shape.Head, strides);
        LayerGroups =
        [
            .. body.LayerGroups.Select(group => group.Within("backbone.body")),
            new("pyramid", "backbone.fpn"),
            new("head", "head"),
        ];
    }

    /// <summary>What determines the network before its values.</summary>
    public DetectionNetworkShape Shape { get; }

    /// <summary>The anchors of the outputs.</summary>
    public AnchorGrids Anchors { get; }

    /// <summary>By what height and width of the input must be divisible.</summary>
    public int SizeDivisor => body.FeatureStrides[^1];

    public BackboneNetwork Body => body;

    public IReadOnlyList<LayerGroup> LayerGroups { get; }

    public Generator Randomness => body.Randomness;

    /// <summary>A new network on the CPU, in training mode. Equal arguments give equal bits.</summary>
    public static DetectionNetwork Create(DetectionNetworkShape shape, long seed = 0)
    {
        var further = new Data.RandomStream(HeadPurpose, seed);
        using var pyramidInit = Initialization.Pyramid((long)further.Next());
        using var headInit = Initialization.DetectionHead((long)further.Next());
        var body = BackboneNetwork.Create(shape.Backbone, classCount: 1, seed, shape.InputChannels);
        body.RemoveHead();
        return new(shape, body, pyramidInit, headInit);
    }

    /// <summary>What the head says of every anchor.</summary>
    public HeadOutput Predict(Tensor images)
    {
        using var scope = NewDisposeScope();
        // The order that the head's outputs have in the end, and that oneDNN need not change around each of the many convolutions from here on. Most backbones give it already.
        var maps = body.Features(images).Skip(firstMap).Select(Reordered);
        var output = branches.Compute(pyramid.Compute([.. maps]));
        scope.MoveToOuter(output.Logits);
        scope.MoveToOuter(output.Codes);
        if (output.Quality is { } quality)
            scope.MoveToOuter(quality);
        return output;

        static Tensor Reordered(Tensor map)
        {
            using (map)
                return ChannelOrder.Last(map);
        }
    }

    /// <summary>A copy for inference, with batch normalisation folded; it cannot be trained or saved.</summary>
    public DetectionNetwork InferenceCopy()
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        using var none = Initialization.None();
        var copy = new DetectionNetwork(Shape, body.InferenceCopy(), none, none);
        var device = parameters().First().device;
        Take(pyramid, copy.pyramid);
        Take(branches, copy.branches);
        copy.eval();
        foreach (var parameter in copy.parameters())
            parameter.requires_grad = false;
        return copy;

        void Take(nn.Module from, nn.Module to)
        {
            to.to(device);
            var values = from.state_dict();
            foreach (var (name, tensor) in to.state_dict())
                tensor.copy_(values[name]);
        }
    }

    public int GroupOf(string parameterName)
    {
        for (var i = 0; i < LayerGroups.Count; i++)
            if (LayerGroups[i].Contains(parameterName))
                return i;
        throw new ArgumentException($"The detector has no parameter '{parameterName}'.", nameof(parameterName));
    }

    public void Freeze(int groupCount)
    {
        body.Freeze(Math.Min(groupCount, body.LayerGroups.Count));
        foreach (var (name, parameter) in named_parameters())
            parameter.requires_grad = GroupOf(name) >= groupCount;
    }

    private sealed class BodyWithPyramid : Composite
    {
        public BodyWithPyramid(BackboneNetwork body, FeaturePyramid pyramid)
            : base(nameof(BodyWithPyramid))
        {
            Add("body", body);
            Add("fpn", pyramid);
        }
    }
}

/// <summary>What determines a detector before its values.</summary>
/// <param name="Backbone">The backbone.</param>
/// <param name="Head">The head.</param>
/// <param name="ClassCount">The number of classes.</param>
/// <param name="HasBackground">Whether there is a last output for background, as a softmax needs it.</param>
/// <param name="InputChannels">Channels of the images.</param>
internal sealed record DetectionNetworkShape(
    Backbone Backbone,
    DetectionHead Head,
    int ClassCount,
    bool HasBackground = false,
    int InputChannels = 3
)
{
    /// <summary>Scores of each anchor.</summary>
    public int Outputs => ClassCount + (HasBackground ? 1 : 0);
}
