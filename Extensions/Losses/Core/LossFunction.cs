using System.Runtime.CompilerServices;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>One term of an evaluated loss.</summary>
/// <param name="Name">Its name in the sum.</param>
/// <param name="Value">Its mean before weighing, on the graph.</param>
/// <param name="Weight">Its weight at this step.</param>
public readonly record struct LossTermValue(string Name, Tensor Value, double Weight);

/// <summary>An evaluated loss: the value to differentiate, and its terms by name.</summary>
/// <param name="Total">The value.</param>
/// <param name="Terms">One entry a term; a loss that is no sum has one, named after it.</param>
public sealed record LossValue(Tensor Total, IReadOnlyList<LossTermValue> Terms);

/// <summary>
/// A loss built for a training: definition, state and facts. A module: its parameters belong into the optimizer, its state into checkpoints.
/// Not thread-safe; build one a training.
/// </summary>
public sealed class LossFunction : nn.Module
{
    private readonly Dictionary<string, LossFunction> inner = [];
    private readonly FeatureNetworks? networks;
    private readonly Dictionary<(object Values, ScalarType Type, DeviceType Device, int Index), Tensor> constants = new(
        ConstantComparer.Instance
    );

    internal LossFunction(Loss definition, LossContext context)
        : base(nameof(LossFunction))
    {
        definition.Validate();
        if (context.Networks is null)
            context = context with { Networks = networks = new FeatureNetworks(context) };
        (Definition, Context) = (definition, context);
        State = definition.CreateState(context);
        if (State is not null)
            register_module("state", State);
        foreach (var (name, loss) in definition.InnerLosses)
        {
            inner[name] = new LossFunction(loss, context);
            register_module(name, inner[name]);
        }
    }

    /// <summary>The definition.</summary>
    public Loss Definition { get; }

    /// <summary>Facts about the data.</summary>
    public LossContext Context { get; }

    /// <summary>What the loss learns or remembers; null for one that does not.</summary>
    public LossState? State { get; }

    /// <summary>Where training stands; the loop sets it before each step.</summary>
    public LossClock Clock
    {
        get;
        set
        {
            field = value;
            foreach (var function in inner.Values)
                function.Clock = value;
        }
    }

    /// <summary>Whether the values of inputs are checked (class indices, NaN), which waits for the device. Default true.</summary>
    public bool CheckValues
    {
        get;
        set
        {
            field = value;
            foreach (var function in inner.Values)
                function.CheckValues = value;
        }
    } = true;

    /// <summary>The value for named inputs.</summary>
    /// <param name="inputs">The tensors by name; they stay the caller's.</param>
    /// <param name="reduction">How the terms become the value.</param>
    /// <returns>The value; it lives in the caller's dispose scope.</returns>
    /// <exception cref="ArgumentException">An input is missing or has the wrong shape, type or values.</exception>
    public Tensor Evaluate(LossInputs inputs, Reduction reduction = Reduction.Mean)
    {
        using var scope = NewDisposeScope();
        return Evaluate(new LossCall(this, InSinglePrecision(inputs)), reduction).MoveToOuterDisposeScope();
    }

    /// <summary>The mean for named inputs, with every term of a sum by its name.</summary>
    /// <param name="inputs">The tensors by name; they stay the caller's.</param>
    /// <returns>Tensors that live in the caller's dispose scope.</returns>
    /// <exception cref="ArgumentException">An input is missing or has the wrong shape, type or values.</exception>
    public LossValue EvaluateTerms(LossInputs inputs)
    {
        using var scope = NewDisposeScope();
        var call = new LossCall(this, InSinglePrecision(inputs));
        if (Definition is not ISumLoss sum)
        {
            var only = Evaluate(call, Reduction.Mean).MoveToOuterDisposeScope();
            return new(only, [new(JsonNames.Camel(Definition.Name), only, 1)]);
        }
        var terms = SumComposition.Evaluate(sum, call);
        var total = SumComposition.Total(terms).MoveToOuterDisposeScope();
        foreach (var term in terms)
            term.Value.MoveToOuterDisposeScope();
        return new(total, terms);
    }

    /// <summary>The named results beside the value that the last kind of call gives, for inspection and tests.</summary>
    internal LossTerms EvaluateUnreduced(LossInputs inputs) => Definition.ComputeTerms(new LossCall(this, InSinglePrecision(inputs)));

    internal Tensor Evaluate(LossCall call, Reduction reduction)
    {
        if (reduction != Reduction.Mean && Definition is ISumLoss)
            throw new NotSupportedException(
                "A sum of losses has one value: the weighted sum of its terms' means. Reduce its terms one by one for others."
            );
        var weights = call.Optional("weights");
        if (weights is not null && CheckValues)
            CheckWeights(weights);
        var terms = reduction == Reduction.None ? null : Definition.ComputeRowSums(call);
        if (terms is null && reduction == Reduction.Mean && weights is null && Definition.FusedMean(call) is { } fused)
            return fused;
        terms ??= Definition.ComputeTerms(call);
        if (weights is not null && (Definition.AppliesWeights || (terms.IsSingle && inner.Count > 0)))
            weights = null; // the formula or the inner losses have weighed already
        return LossReducer.Reduce(
            Definition,
            terms,
            reduction,
            weights is null || !terms.ByRow ? weights : Definition.ShapeWeights(weights, terms.Values)
        );
    }

    private void CheckWeights(Tensor weights)
    {
        using var scope = NewDisposeScope();
        if (weights.ge(0).all().item<bool>())
            return;
        var wrong = weights.ge(0).logical_not().nonzero()[0].data<long>().ToArray();
        var value = weights[wrong.Select(i => TensorIndex.Single(i)).ToArray()].to(ScalarType.Float64).item<double>();
        throw new ArgumentException(
            $"{Definition.Name}: weights[{string.Join(", ", wrong)}] is {value}; weights must be >= 0 and not NaN.",
            "weights"
        );
    }

    internal LossFunction Inner(string name) => inner[name];

    /// <param name="source">A list, known by its identity, or a name.</param>
    /// <param name="like">Gives type and device.</param>
    /// <param name="values">Makes the numbers when they are not there yet.</param>
    internal Tensor Constant(object source, Tensor like, Func<double[]> values)
    {
        var key = (source, like.dtype, like.device_type, like.device_index);
        if (!constants.TryGetValue(key, out var constant))
            constants[key] = constant = tensor(values(), dtype: like.dtype, device: like.device).DetachFromDisposeScope();
        return constant;
    }

    // Half and bfloat16 carry three digits: too few for sums over pixels, logarithms and differences.
    private static LossInputs InSinglePrecision(LossInputs inputs)
    {
        foreach (var (name, tensor) in inputs)
            if (tensor.dtype is ScalarType.BFloat16 or ScalarType.Float16)
                return InSinglePrecision(inputs.With((name, tensor.to(ScalarType.Float32))));
        return inputs;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            foreach (var constant in constants.Values)
                constant.Dispose();
            constants.Clear();
            networks?.Dispose();
        }
        base.Dispose(disposing);
    }

    // The same list object means the same numbers; comparing elements would cost more than making the tensor.
    private sealed class ConstantComparer : IEqualityComparer<(object Values, ScalarType Type, DeviceType Device, int Index)>
    {
        public static readonly ConstantComparer Instance = new();

        public bool Equals(
            (object Values, ScalarType Type, DeviceType Device, int Index) a,
            (object Values, ScalarType Type, DeviceType Device, int Index) b
        ) =>
            (ReferenceEquals(a.Values, b.Values) || (a.Values is string name && name == b.Values as string))
            && (a.Type, a.Device, a.Index) == (b.Type, b.Device, b.Index);

        public int GetHashCode((object Values, ScalarType Type, DeviceType Device, int Index) key) =>
            HashCode.Combine(
                key.Values is string name ? name.GetHashCode(StringComparison.Ordinal) : RuntimeHelpers.GetHashCode(key.Values),
                key.Type,
                key.Device,
                key.Index
            );
    }
}

internal static class JsonNames
{
    public static string Camel(string name) => System.Text.Json.JsonNamingPolicy.CamelCase.ConvertName(name);
}
