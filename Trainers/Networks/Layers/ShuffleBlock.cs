using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>
/// ShuffleNetV2's block. With stride 2 both branches see the whole input; with stride 1 the even channels pass by and the odd ones go through
/// the main branch, which at once shuffles the channels of the block before.
/// </summary>
internal sealed class ShuffleBlock : Block
{
    private readonly Chain main;
    private readonly Chain? projection;

    public ShuffleBlock(Initialization init, int inputs, int outputs, int stride)
    {
        var middle = outputs / 2;
        var entering = stride == 1 ? inputs / 2 : inputs;
        var leaving = outputs - entering;
        var (first, depthwise, last) = (
            new Convolution(init, entering, middle, 1),
            new Convolution(init, middle, middle, 3, stride, groups: middle),
            new Convolution(init, middle, leaving, 1)
        );
        main = Add(
            "branch_main",
            new Chain(
                first,
                new BatchNorm(first),
                Function.ReLU(),
                depthwise,
                new BatchNorm(depthwise),
                last,
                new BatchNorm(last),
                Function.ReLU()
            )
        );
        if (stride == 1)
            return;
        var (spatial, point) = (new Convolution(init, inputs, inputs, 3, stride, groups: inputs), new Convolution(init, inputs, inputs, 1));
        projection = Add("branch_proj", new Chain(spatial, new BatchNorm(spatial), point, new BatchNorm(point), Function.ReLU()));
    }

    protected override Tensor Compute(Tensor x)
    {
        if (projection is not null)
            return cat([projection.call(x), main.call(x)], 1);
        var channels = x.shape[1];
        return cat([x.slice(1, 0, channels, 2), main.call(x.slice(1, 1, channels, 2))], 1);
    }
}
