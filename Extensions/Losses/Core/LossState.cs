using TorchSharp;
using static TorchSharp.torch;
using Parameter = TorchSharp.Modules.Parameter;

namespace MLNetLosses.Losses;

/// <summary>
/// What a loss learns or remembers: named parameters (they reach the optimizer), named buffers (statistics, queues) and networks. Made by
/// <see cref="Loss.CreateState"/> when a trainer builds the loss, saved in checkpoints, moved with <c>to(device)</c>.
/// </summary>
public sealed class LossState : nn.Module
{
    private readonly Dictionary<string, nn.Module> networks = [];

    /// <summary>Makes an empty state.</summary>
    /// <param name="context">Says where and of what type the tensors are.</param>
    public LossState(LossContext context)
        : base("state")
    {
        Context = context;
        Generator = new Generator((ulong)context.Seed, CPU);
    }

    /// <summary>The context that the state was made for.</summary>
    public LossContext Context { get; }

    /// <summary>From which initial values are drawn: the same seed gives the same state.</summary>
    public Generator Generator { get; }

    /// <summary>A parameter or buffer; its value is written by <see cref="Set"/>.</summary>
    /// <param name="name">Its name.</param>
    public Tensor this[string name] =>
        get_parameter(name) is { } parameter ? parameter
        : get_buffer(name) is { } buffer ? buffer
        : throw new KeyNotFoundException($"The loss has no state '{name}'.");

    /// <summary>Adds a parameter that learns with the network.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="initial">Its initial value; the state takes a copy.</param>
    /// <returns>This state.</returns>
    public LossState AddParameter(string name, Tensor initial)
    {
        var parameter = new Parameter(Own(initial));
        parameter.DetachFromDisposeScope();
        register_parameter(name, parameter);
        return this;
    }

    /// <summary>Adds a tensor that is remembered and saved but not trained.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="initial">Its initial value; the state takes a copy.</param>
    /// <returns>This state.</returns>
    public LossState AddBuffer(string name, Tensor initial)
    {
        register_buffer(name, Own(initial).DetachFromDisposeScope());
        return this;
    }

    /// <summary>
    /// Adds a network that the loss uses: frozen, in evaluation mode whatever the loss's mode, moved to the loss's device; never among the parameters of the
    /// optimizer, nor in checkpoints (it does not change).
    /// </summary>
    /// <param name="name">Its name.</param>
    /// <param name="network">The network; the state owns it from now on.</param>
    /// <returns>This state.</returns>
    public LossState AddNetwork(string name, nn.Module network)
    {
        Freeze(network, Context);
        networks.Add(name, network);
        return this;
    }

    /// <summary>A network that was added.</summary>
    /// <typeparam name="T">Its type.</typeparam>
    /// <param name="name">Its name.</param>
    public T Network<T>(string name)
        where T : nn.Module => (T)networks[name];

    internal static void Freeze(nn.Module network, LossContext context)
    {
        foreach (var parameter in network.parameters())
            parameter.requires_grad_(false);
        network.to(context.DType);
        network.to(context.Device);
        network.eval();
    }

    /// <summary>Overwrites a parameter or buffer in place, without gradient.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="value">The new value, of the same shape; stays the caller's.</param>
    public void Set(string name, Tensor value)
    {
        using var frozen = no_grad();
        using var scope = NewDisposeScope();
        this[name].copy_(value.detach());
    }

    /// <summary>A tensor of standard normal numbers of the state's type, from its <see cref="Generator"/>.</summary>
    /// <param name="shape">The shape.</param>
    public Tensor Normal(params ReadOnlySpan<long> shape) => randn(shape, dtype: Context.DType, device: CPU, generator: Generator);

    /// <summary>A tensor of numbers uniform in [0, 1) of the state's type, from its <see cref="Generator"/>.</summary>
    /// <param name="shape">The shape.</param>
    public Tensor Uniform(params ReadOnlySpan<long> shape) => rand(shape, dtype: Context.DType, device: CPU, generator: Generator);

    // Counters and labels stay whole numbers.
    private Tensor Own(Tensor initial) =>
        initial.detach().to(initial.is_floating_point() ? Context.DType : initial.dtype, Context.Device, copy: true);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Generator.Dispose();
            foreach (var network in networks.Values)
                network.Dispose();
        }
        base.Dispose(disposing);
    }
}
