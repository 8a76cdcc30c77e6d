using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>
/// U-Net's way up, in the layout of segmentation_models.pytorch: doubled in size by the nearest pixel, joined with the backbone's map of that size
/// where there is one, convolved twice. Ends at the size of the image.
/// </summary>
internal sealed class UNetDecoder : SegmentationDecoder
{
    private const int LastChannels = 16;

    private readonly UNetBlock[] blocks;
    private readonly int[] strides;

    public UNetDecoder(Initialization init, IReadOnlyList<int> mapStrides, IReadOnlyList<int> mapChannels)
    {
        strides = [.. mapStrides];
        var steps = int.Log2(strides[^1]);
        blocks = new UNetBlock[steps];
        var inputs = mapChannels[^1];
        for (var i = 0; i < steps; i++)
        {
            var skip = Array.IndexOf(strides, strides[^1] >> (i + 1));
            var outputs = LastChannels << (steps - 1 - i);
            blocks[i] = new(init, inputs, skip < 0 ? 0 : mapChannels[skip], outputs);
            inputs = outputs;
        }
        Add("blocks", new List(blocks));
    }

    public override int Channels => LastChannels;

    public override int Stride => 1;

    public override int HeadKernel => 3;

    public override IReadOnlyList<int> SideChannels => [.. Enumerable.Range(1, blocks.Length - 1).Select(i => LastChannels << i)];

    public override IReadOnlyList<Tensor> Decode(IReadOnlyList<Tensor> maps, int sides)
    {
        var results = new Tensor[sides + 1];
        var x = maps[^1];
        for (var i = 0; i < blocks.Length; i++)
        {
            var skip = Array.IndexOf(strides, strides[^1] >> (i + 1));
            var next = blocks[i].Join(x, skip < 0 ? null : maps[skip]);
            var place = blocks.Length - 1 - i;
            if (place < results.Length)
                results[place] = next;
            if (i > 0 && place + 1 >= results.Length)
                x.Dispose();
            x = next;
        }
        return results;
    }
}

/// <summary>Doubling, joining and two convolutions.</summary>
internal sealed class UNetBlock : Composite
{
    private readonly Convolution convolution;
    private readonly Chain conv1;
    private readonly Chain conv2;

    public UNetBlock(Initialization init, int inputs, int skipped, int outputs)
        : base(nameof(UNetBlock))
    {
        convolution = new(init, inputs + skipped, outputs, 3);
        conv1 = Add("conv1", Step(convolution));
        conv2 = Add("conv2", Step(new(init, outputs, outputs, 3)));
    }

    public Tensor Join(Tensor x, Tensor? skip)
    {
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(conv2.call(conv1.Run(convolution.ComputeDoubled(x, skip), 1, 3)));
    }

    private static Chain Step(Convolution convolution) => new(convolution, new BatchNorm(convolution), Function.ReLU());
}
