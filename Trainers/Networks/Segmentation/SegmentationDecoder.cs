using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>From the maps of a backbone to one map, from which a head makes logits.</summary>
internal abstract class SegmentationDecoder() : nn.Module("decoder")
{
    /// <summary>Channels of the map.</summary>
    public abstract int Channels { get; }

    /// <summary>By what the map is smaller than the image.</summary>
    public abstract int Stride { get; }

    /// <summary>The size of the kernel of the head.</summary>
    public virtual int HeadKernel => 1;

    /// <summary>The channels of the further maps that deep supervision can look at, the finer first.</summary>
    public abstract IReadOnlyList<int> SideChannels { get; }

    /// <summary>
    /// The map, then so many of the side maps; they belong to the caller's scope. Several of them may be given maps.
    /// </summary>
    /// <param name="maps">The maps of the backbone, finest first.</param>
    /// <param name="sides">How many side maps.</param>
    public abstract IReadOnlyList<Tensor> Decode(IReadOnlyList<Tensor> maps, int sides);

    /// <summary>Everything is registered by <see cref="Add"/>.</summary>
    protected override void RegisterComponents() { }

    protected T Add<T>(string name, T child)
        where T : nn.Module
    {
        register_module(name, child);
        return child;
    }

    /// <summary>A convolution, batch normalisation and ReLU, named 0, 1 and 2.</summary>
    protected static Chain Step(Initialization init, int inputs, int outputs, int kernel = 3)
    {
        var convolution = new Convolution(init, inputs, outputs, kernel);
        return new(convolution, new BatchNorm(convolution), Function.ReLU());
    }

    /// <summary>A number of layers, named 0, 1, ...</summary>
    protected sealed class List : Layer
    {
        public List(IEnumerable<nn.Module> items)
        {
            foreach (var (i, item) in items.Index())
                Add($"{i}", item);
        }

        public override Tensor forward(Tensor x) => throw new NotSupportedException("A list is no layer.");
    }
}
