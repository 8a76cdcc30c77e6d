using MLNetLosses.Interop;
using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>
/// A feature pyramid in the layout of segmentation_models.pytorch: the last four maps of the backbone (or as many as it has) at 256 channels, each
/// with the coarser ones added; then each convolved and enlarged to the finest, and their sum.
/// </summary>
internal sealed class FPNDecoder : SegmentationDecoder
{
    private const int PyramidChannels = 256;
    private const int OutputChannels = 128;
    private const int MostLevels = 4;
    private const double DropRate = 0.2;

    private readonly Convolution[] laterals; // coarsest first
    private readonly Chain[][] branches;
    private readonly ChannelDropout dropout;
    private readonly int sideChannels;

    public FPNDecoder(Initialization init, Generator randomness, IReadOnlyList<int> mapStrides, IReadOnlyList<int> mapChannels)
    {
        dropout = new(randomness, DropRate);
        var levels = Math.Min(MostLevels, mapStrides.Count);
        Stride = mapStrides[^levels];
        sideChannels = mapChannels[^2];
        laterals = new Convolution[levels];
        branches = new Chain[levels][];
        for (var i = 0; i < levels; i++)
        {
            laterals[i] = new Convolution(init, mapChannels[^(i + 1)], PyramidChannels, 1, bias: true);
            if (i == 0)
                Add("p5", laterals[i]);
            else
                Add($"p{5 - i}", new Named("skip_conv", laterals[i]));
            branches[i] =
            [
                .. Enumerable
                    .Range(0, Math.Max(1, levels - 1 - i))
                    .Select(step => Step(init, step == 0 ? PyramidChannels : OutputChannels)),
            ];
        }
        Add("seg_blocks", new List(branches.Select(steps => new Named("block", new List(steps.Select(step => new Named("block", step)))))));
    }

    public override int Channels => OutputChannels;

    public override int Stride { get; }

    public override IReadOnlyList<int> SideChannels => [sideChannels];

    public override IReadOnlyList<Tensor> Decode(IReadOnlyList<Tensor> maps, int sides)
    {
        using var scope = NewDisposeScope();
        Tensor? above = null,
            sum = null;
        for (var i = 0; i < laterals.Length; i++)
        {
            var level = laterals[i].call(maps[^(i + 1)]);
            if (above is not null)
                level = level.add_(Resample.Nearest(above, level.shape[2], level.shape[3]), Scalars.One);
            above = level;
            var branch = level;
            foreach (var step in branches[i])
            {
                branch = step.call(branch);
                if (i < laterals.Length - 1)
                    branch = Resample.Bilinear(branch, 2 * branch.shape[2], 2 * branch.shape[3], alignCorners: true);
            }
            sum = sum is null ? branch : sum + branch;
        }
        var result = dropout.Apply(sum!, training).MoveToOuterDisposeScope();
        return sides == 0 ? [result] : [result, maps[^2]];
    }

    private static Chain Step(Initialization init, int inputs) =>
        new(new Convolution(init, inputs, OutputChannels, 3), new GroupNorm(32, OutputChannels), Function.ReLU());

    /// <summary>A layer that is known by a name inside another.</summary>
    private sealed class Named : Layer
    {
        private readonly Layer inner;

        public Named(string name, Layer inner) => this.inner = Add(name, inner);

        public override Tensor forward(Tensor x) => inner.call(x);
    }
}
