using MLNetLosses.Losses;
using static TorchSharp.torch;

namespace MLNetLosses.Benchmarks;

/// <summary>What a plain formula reads by name: the inputs that our loss reads, and copies of its own of what the loss learns or remembers.</summary>
internal sealed class PlainState : IDisposable
{
    private readonly LossInputs inputs;
    private readonly bool ownsInputs;
    private readonly Dictionary<string, Tensor> state = [];

    /// <summary>The type of the numbers that formulas are computed in.</summary>
    public static ScalarType Number => get_default_dtype();

    private PlainState(LossInputs inputs, bool ownsInputs) => (this.inputs, this.ownsInputs) = (inputs, ownsInputs);

    public PlainState(LossInputs inputs, LossFunction function)
        : this(inputs, ownsInputs: false)
    {
        using var frozen = no_grad();
        foreach (var (name, parameter) in function.named_parameters())
            state[Short(name)] = parameter.detach().clone().requires_grad_().DetachFromDisposeScope();
        foreach (var (name, buffer) in function.named_buffers())
            state[Short(name)] = buffer.clone().DetachFromDisposeScope();
    }

    /// <summary>A copy of all in double precision, of which a formula gives the true value.</summary>
    public PlainState InDouble()
    {
        using var frozen = no_grad();
        var doubles = new LossInputs();
        foreach (var (name, tensor) in inputs)
            doubles[name] = Double(tensor);
        var copy = new PlainState(doubles, ownsInputs: true);
        foreach (var (name, tensor) in state)
            copy.state[name] = Double(tensor);
        return copy;

        static Tensor Double(Tensor tensor) =>
            (tensor.is_floating_point() ? tensor.detach().to(ScalarType.Float64) : tensor.clone())
                .requires_grad_(tensor.requires_grad)
                .DetachFromDisposeScope();
    }

    public Tensor this[string name] => state.TryGetValue(name, out var own) ? own : inputs[name];

    /// <summary>Replaces what is remembered for the next step.</summary>
    public void Remember(string name, Tensor value)
    {
        state[name].Dispose();
        state[name] = value.detach().DetachFromDisposeScope();
    }

    /// <summary>Tensors by name.</summary>
    public Dictionary<string, Tensor> Leaves(IEnumerable<string> names) => names.ToDictionary(name => name, name => this[name]);

    /// <summary>A parameter's name without the modules that hold it.</summary>
    public static string Short(string name) => name[(name.LastIndexOf('.') + 1)..];

    /// <summary>Lets the state go; the inputs are whose they were, unless they are copies in double precision.</summary>
    public void Dispose()
    {
        if (ownsInputs)
            foreach (var (_, tensor) in inputs)
                tensor.Dispose();
        foreach (var tensor in state.Values)
            tensor.Dispose();
    }
}
