using System.Text.Json;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Golden;

/// <summary>Evaluates one case: builds the loss, sets its state, and keeps what came out.</summary>
internal sealed class GoldenRun : IDisposable
{
    private readonly Dictionary<string, Tensor> leaves;
    private readonly LossFunction? function;
    private readonly IReadOnlyList<(string Name, Tensor Value)> details;

    private GoldenRun(Tensor value, Dictionary<string, Tensor> leaves, LossFunction? function, IReadOnlyList<(string, Tensor)> details) =>
        (Value, this.leaves, this.function, this.details) = (value, leaves, function, details);

    public Tensor Value { get; }

    public Tensor Detail(string name) =>
        details.FirstOrDefault(d => d.Name == name).Value ?? throw new KeyNotFoundException($"The loss gives no result '{name}'.");

    public Tensor Gradient(string name)
    {
        var leaf = leaves.TryGetValue(name, out var input) ? input : function!.State![name];
        return leaf.grad ?? zeros_like(leaf);
    }

    /// <summary>State left behind: in the loss's state, or (a queue given as input) among its further results.</summary>
    public Tensor After(string name) => details.FirstOrDefault(d => d.Name == name).Value ?? function!.State![name];

    public static GoldenRun Start(
        GoldenCase golden,
        Dictionary<string, Tensor> inputs,
        Dictionary<string, Tensor> parameters,
        ScalarType precision
    )
    {
        if (GoldenHelpers.Compute(golden, inputs) is { } helper)
            return new(helper, inputs, null, []);
        var loss = Loss.FromJson(golden.Definition);
        var function = loss.Build(GoldenContext.For(golden, loss, inputs, parameters, precision));
        foreach (var (name, value) in parameters)
        {
            function.State!.Set(name, value);
            if (golden.Json.TryGetProperty("gradients", out var gradients) && gradients.TryGetProperty(name, out _))
                function.State[name].requires_grad_(); // cases give gradients of fixed weights too
        }
        var given = new LossInputs();
        foreach (var (name, tensor) in inputs)
            given[name] = tensor.is_floating_point() ? tensor.requires_grad_() : tensor;
        var reduction = Enum.Parse<Reduction>(golden.Reduction, ignoreCase: true);
        var details = new List<(string, Tensor)>();
        if (golden.Json.TryGetProperty("extra", out _) || golden.Json.TryGetProperty("after", out _))
        {
            var unreduced = function.EvaluateUnreduced(given);
            details.AddRange(unreduced.Details);
            if (unreduced.IsSingle)
                return new(unreduced.Values, inputs, function, details);
            foreach (var (name, value) in parameters)
                function.State!.Set(name, value);
        }
        return new(function.Evaluate(given, reduction), inputs, function, details);
    }

    public void Dispose() => function?.Dispose();
}

/// <summary>Entries that are helpers and no losses.</summary>
internal static class GoldenHelpers
{
    public static Tensor? Compute(GoldenCase golden, Dictionary<string, Tensor> inputs)
    {
        using var json = JsonDocument.Parse(golden.Definition);
        var name = json.RootElement.GetProperty("loss").GetString();
        if (name == "DistanceTransform")
            return DistanceTransform.Euclidean(inputs["mask"], dtype: ScalarType.Float64);
        if (name != "WeightRamp")
            return null;
        var ramp = (WeightRamp)
            DefinitionJson.Deserialize(golden.Definition.Replace("\"loss\"", "\"schedule\"", StringComparison.Ordinal), typeof(WeightRamp));
        return tensor(inputs["steps"].data<long>().Select(step => ramp.At(step)).ToArray(), golden.Value(ScalarType.Float64).dtype);
    }
}

/// <summary>The facts that a trainer would state: sizes read off the inputs and the state of a case.</summary>
internal static class GoldenContext
{
    public static LossContext For(
        GoldenCase golden,
        Loss loss,
        Dictionary<string, Tensor> inputs,
        Dictionary<string, Tensor> parameters,
        ScalarType precision
    )
    {
        var perClass = new[] { "subCenters", "centersPerClass" }
            .Select(name => DefinitionSchema.Of(loss.GetType()).Option(name)?.Property.GetValue(loss))
            .OfType<int>()
            .FirstOrDefault(1);
        var rows = new[] { "weight", "proxies", "centers", "prototypes", "beta" }
            .Select(name => parameters.GetValueOrDefault(name))
            .FirstOrDefault(p => p is not null);
        var columns = new[] { "embeddings", "viewA", "views", "student", "logits", "predictions" }
            .Select(name => inputs.GetValueOrDefault(name))
            .FirstOrDefault(t => t is not null);
        return new LossContext
        {
            DType = precision,
            ClassCount = rows is null
                ? columns is { ndim: > 1 } && inputs.ContainsKey("logits")
                    ? (int)columns.shape[1]
                    : null
                : (int)(rows.shape[0] / perClass),
            EmbeddingSize =
                columns is null ? null
                : columns.ndim < 2 ? 1
                : (int)(inputs.ContainsKey("views") || inputs.ContainsKey("student") ? columns.shape[^1] : columns.shape[1]),
            FeatureChannels = parameters.ContainsKey("linearWeights0")
                ? [.. parameters.Where(p => p.Key.StartsWith("linearWeights", StringComparison.Ordinal)).Select(p => (int)p.Value.shape[0])]
                : null,
            TaskCount = inputs.TryGetValue("losses", out var losses) && losses.ndim == 1 ? (int)losses.shape[0] : null,
        };
    }
}
