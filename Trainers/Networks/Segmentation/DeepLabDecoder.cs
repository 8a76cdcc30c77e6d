using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>
/// DeepLabV3+ in the layout of segmentation_models.pytorch: separable convolutions dilated by 12, 24 and 36 pixels, one of 1x1, and the global mean
/// look at the last map; enlarged to the finest map and joined with 48 channels of it.
/// </summary>
internal sealed class DeepLabDecoder : SegmentationDecoder
{
    private const int OutputChannels = 256;
    private const int FineChannels = 48;
    private const double DropRate = 0.5;
    private static readonly int[] Reaches = [12, 24, 36];

    private readonly Chain[] views;
    private readonly Chain pooled;
    private readonly Chain project;
    private readonly Dropout dropout;
    private readonly Chain context;
    private readonly Chain fine;
    private readonly Chain fused;
    private readonly int finest;
    private readonly int sideChannels;

    public DeepLabDecoder(Initialization init, Generator randomness, IReadOnlyList<int> mapStrides, IReadOnlyList<int> mapChannels)
    {
        dropout = new(randomness, DropRate);
        finest = mapStrides.Count - Math.Min(4, mapStrides.Count);
        Stride = mapStrides[finest];
        sideChannels = mapChannels[^2];
        var inputs = mapChannels[^1];
        views =
        [
            Step(init, inputs, OutputChannels, 1),
            .. Reaches.Select(reach =>
            {
                var (depthwise, point) = Separable(init, inputs, reach);
                return new Chain(new Chain(depthwise, point), new BatchNorm(point), Function.ReLU());
            }),
        ];
        var pooling = new Convolution(init, inputs, OutputChannels, 1);
        pooled = new(new Function(x => x.mean([2, 3], keepdim: true)), pooling, new BatchNorm(pooling), Function.ReLU());
        project = Step(init, 5 * OutputChannels, OutputChannels, 1);
        var (aroundIt, joining) = Separable(init, OutputChannels, 1);
        context = new(new Pyramid(views, pooled, project, dropout), new Chain(aroundIt, joining), new BatchNorm(joining), Function.ReLU());
        Add("aspp", context);
        fine = Add("block1", Step(init, mapChannels[finest], FineChannels, 1));
        var (around, mixing) = Separable(init, FineChannels + OutputChannels, 1);
        fused = Add("block2", new Chain(new Chain(around, mixing), new BatchNorm(mixing), Function.ReLU()));
    }

    public override int Channels => OutputChannels;

    public override int Stride { get; }

    public override IReadOnlyList<int> SideChannels => [sideChannels];

    public override IReadOnlyList<Tensor> Decode(IReadOnlyList<Tensor> maps, int sides)
    {
        using var scope = NewDisposeScope();
        var (height, width) = (maps[finest].shape[2], maps[finest].shape[3]);
        var wide = Resample.Bilinear(context.call(maps[^1]), height, width, alignCorners: true);
        var result = fused.call(cat([wide, fine.call(maps[finest])], 1)).MoveToOuterDisposeScope();
        return sides == 0 ? [result] : [result, maps[^2]];
    }

    private static (Convolution Depthwise, Convolution Point) Separable(Initialization init, int inputs, int reach) =>
        (new(init, inputs, inputs, 3, groups: inputs, dilation: reach), new(init, inputs, OutputChannels, 1));

    /// <summary>Atrous spatial pyramid pooling.</summary>
    private sealed class Pyramid : Block
    {
        private readonly Chain[] views;
        private readonly Chain pooled;
        private readonly Chain project;
        private readonly Dropout dropout;

        public Pyramid(Chain[] views, Chain pooled, Chain project, Dropout dropout)
        {
            (this.views, this.pooled, this.project, this.dropout) = (views, pooled, project, dropout);
            Add("convs", new List([.. views, pooled]));
            Add("project", project);
        }

        protected override Tensor Compute(Tensor x)
        {
            var mean = pooled.call(x).expand(x.shape[0], OutputChannels, x.shape[2], x.shape[3]);
            return dropout.Apply(project.call(cat([.. views.Select(view => view.call(x)), mean], 1)), training);
        }
    }
}
