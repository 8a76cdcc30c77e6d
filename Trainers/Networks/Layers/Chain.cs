using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>Layers after one another, named 0, 1, 2, ...; what lies between them is disposed at once.</summary>
internal sealed class Chain : Layer
{
    private readonly Layer[] layers;

    public Chain(params Layer[] layers)
    {
        this.layers = layers;
        for (var i = 0; i < layers.Length; i++)
            Add($"{i}", layers[i]);
    }

    public override Tensor forward(Tensor x) => Run(x, 0, layers.Length);

    /// <summary>Puts another layer in place of the last one, which is not disposed.</summary>
    public void ReplaceLast(Layer layer)
    {
        var name = $"{layers.Length - 1}";
        register_module(name, null!);
        layers[^1] = Add(name, layer);
    }

    /// <summary>Runs the layers from <paramref name="start"/> to before <paramref name="end"/>.</summary>
    public Tensor Run(Tensor x, int start, int end)
    {
        var current = x;
        for (var i = start; i < end; i++)
        {
            var next = layers[i].call(current);
            if (!ReferenceEquals(current, x) && !ReferenceEquals(current, next))
                current.Dispose();
            current = next;
        }
        return current;
    }
}
