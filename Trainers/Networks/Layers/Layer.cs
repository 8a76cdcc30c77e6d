using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>
/// A part of a network. Children, parameters and buffers are registered by the names that published weights use, explicitly: TorchSharp's
/// registration by field name cannot express names such as <c>0</c>.
/// </summary>
internal abstract class Layer() : nn.Module<Tensor, Tensor>("Layer")
{
    /// <summary>Everything is registered by <see cref="Add"/>, <see cref="AddParameter"/> and <see cref="AddBuffer"/>.</summary>
    protected override void RegisterComponents() { }

    protected T Add<T>(string name, T child)
        where T : nn.Module
    {
        register_module(name, child);
        return child;
    }

    /// <summary>The parameter lives as long as the layer, whatever dispose scope the layer is made in.</summary>
    protected TorchSharp.Modules.Parameter AddParameter(string name, Tensor values)
    {
        var parameter = new TorchSharp.Modules.Parameter(values);
        parameter.DetachFromDisposeScope();
        register_parameter(name, parameter);
        return parameter;
    }

    protected Tensor AddBuffer(string name, Tensor values)
    {
        values.DetachFromDisposeScope();
        register_buffer(name, values);
        return values;
    }
}
