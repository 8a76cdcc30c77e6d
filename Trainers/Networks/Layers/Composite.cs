using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>A part of a network that is no function of one tensor. Children are registered explicitly, by the names that weights use.</summary>
internal abstract class Composite(string name) : nn.Module(name)
{
    /// <summary>Everything is registered by <see cref="Add"/>.</summary>
    protected override void RegisterComponents() { }

    protected T Add<T>(string name, T child)
        where T : nn.Module
    {
        register_module(name, child);
        return child;
    }
}
