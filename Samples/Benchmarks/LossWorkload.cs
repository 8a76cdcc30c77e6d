using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Benchmarks;

/// <summary>A loss at a size: what one forward and backward works on. The inputs are those of baselines/losses_speed.py.</summary>
internal sealed class LossWorkload : IDisposable
{
    private readonly LossFunction function;
    private readonly LossInputs inputs;
    private readonly Dictionary<string, Tensor> leaves;
    private readonly PlainState copies;

    private LossWorkload(string loss, LossInputs inputs, LossContext context, string[] differentiated)
    {
        this.inputs = inputs;
        function = Loss.Parse(loss).Build(context);
        function.CheckValues = false; // as in a training loop after its first step
        foreach (var name in differentiated)
            inputs[name].requires_grad_();
        leaves = differentiated.ToDictionary(name => name, name => inputs[name]);
        foreach (var (name, parameter) in function.named_parameters())
            leaves[PlainState.Short(name)] = parameter;
        copies = new(inputs, function);
    }

    /// <summary>A loss on given inputs.</summary>
    /// <param name="loss">The loss as text.</param>
    /// <param name="inputs">What it reads; disposed with the workload.</param>
    /// <param name="differentiated">The inputs that a network would give it.</param>
    public static LossWorkload Of(string loss, LossInputs inputs, params string[] differentiated) =>
        new(loss, inputs, new(), differentiated);

    /// <summary>A loss that holds a state, on given inputs.</summary>
    public static LossWorkload Of(string loss, LossContext context, LossInputs inputs, params string[] differentiated) =>
        new(loss, inputs, context, differentiated);

    public static LossWorkload Classes(string loss, int rows = 256, int classes = 1000) =>
        new(
            loss,
            new() { ["logits"] = randn(rows, classes), ["targets"] = randint(classes, [rows], ScalarType.Int64) },
            new() { ClassCount = classes },
            ["logits"]
        );

    public static LossWorkload Pixels(string loss, int side = 256, int images = 4, int classes = 21) =>
        new(
            loss,
            new()
            {
                ["logits"] = randn(images, classes, side, side),
                ["targets"] = randint(classes, [images, side, side], ScalarType.Int64),
            },
            new() { ClassCount = classes },
            ["logits"]
        );

    /// <summary>Any loss on pixels: what it reads beside logits and targets is drawn like the logits.</summary>
    public static LossWorkload Pixels(string loss, PixelForm form, long[] shape)
    {
        long[] pixels = [shape[0], .. shape.AsSpan(2)];
        var inputs = new LossInputs();
        foreach (var name in Loss.Parse(loss).RequiredInputs)
            inputs[name] = name switch
            {
                "targets" when form == PixelForm.Probabilities => nn.functional.softmax(randn(shape), 1),
                "targets" when form == PixelForm.MultiLabel => randint(2, shape, ScalarType.Int64),
                "targets" => randint(Math.Max(2, shape[1]), pixels, ScalarType.Int64),
                "mask" => randint(2, pixels, ScalarType.Int64),
                _ => randn(shape),
            };
        var classes = (int)shape[1];
        var context = new LossContext
        {
            ClassCount = classes,
            ClassCounts = [.. Enumerable.Range(1, Math.Max(2, classes)).Select(c => 100L * c)],
        };
        return new(loss, inputs, context, [inputs.First(input => input.Key.StartsWith("logits", StringComparison.Ordinal)).Key]);
    }

    public static LossWorkload Blobs(string loss, int side = 128)
    {
        using var noise = randn(2, 1, side, side);
        using var smooth = nn.functional.avg_pool2d(noise, 31, 1, 15);
        var targets = smooth.gt(smooth.mean()).to(ScalarType.Int64).squeeze(1);
        return new(loss, new() { ["logits"] = randn(2, 2, side, side), ["targets"] = targets }, new() { ClassCount = 2 }, ["logits"]);
    }

    public static LossWorkload Boxes(string loss, int boxes = 100_000)
    {
        var corner = rand(boxes, 2) * 400;
        var targets = cat([corner, corner + rand(boxes, 2) * 80 + 4], 1);
        return new(
            loss,
            new() { ["predictedBoxes"] = targets + randn_like(targets), ["targetBoxes"] = targets },
            new(),
            ["predictedBoxes"]
        );
    }

    /// <summary>Scores of a dense head, of which one in two hundred is a positive.</summary>
    public static LossWorkload Dense(string loss, bool qualities, int places = 20_000, int classes = 80)
    {
        var positives = rand(places, classes).lt(0.005);
        var targets = qualities ? positives * (rand(places, classes) * 0.9 + 0.1) : positives.to(ScalarType.Int64);
        return Of(loss, new() { ["logits"] = randn(places, classes) - 2, ["targets"] = targets }, "logits");
    }

    /// <summary>Scores of places that are ranked against each other, one in two hundred a positive with a quality.</summary>
    public static LossWorkload Ranked(string loss, int places)
    {
        var targets = zeros(places);
        targets.narrow(0, 0, places / 200).copy_(rand(places / 200) * 0.9 + 0.1);
        return Of(loss, new() { ["logits"] = randn(places), ["targets"] = targets }, "logits");
    }

    public static LossWorkload Embeddings(string loss, int rows = 256, int perClass = 8, int classes = 0, int width = 128)
    {
        var labels =
            classes > 0
                ? randint(classes, [rows], ScalarType.Int64)
                : arange(rows / perClass, ScalarType.Int64).repeat_interleave(perClass);
        return new(
            loss,
            new() { ["embeddings"] = randn(rows, width), ["labels"] = labels },
            new() { ClassCount = classes > 0 ? classes : rows / perClass, EmbeddingSize = width },
            ["embeddings"]
        );
    }

    public static LossWorkload Views(string loss, int rows = 256, int width = 128) =>
        new(
            loss,
            new() { ["viewA"] = randn(rows / 2, width), ["viewB"] = randn(rows / 2, width) },
            new() { EmbeddingSize = width },
            ["viewA", "viewB"]
        );

    public static LossWorkload Images(string loss, int side = 256)
    {
        var targets = rand(4, 3, side, side);
        return new(
            loss,
            new() { ["predictions"] = (targets + 0.1 * randn_like(targets)).clamp(0, 1), ["targets"] = targets },
            new(),
            ["predictions"]
        );
    }

    /// <summary>One forward and backward.</summary>
    public void Step()
    {
        using var scope = NewDisposeScope();
        Differentiate(() => function.Evaluate(inputs), leaves.Values);
    }

    /// <summary>One forward and backward of a formula that is to give the same.</summary>
    public void Step(Func<PlainState, Tensor> formula)
    {
        using var scope = NewDisposeScope();
        Differentiate(() => formula(copies), copies.Leaves(leaves.Keys).Values);
    }

    /// <summary>
    /// How our value and gradients differ from those of a formula that is computed in double precision; null: they agree. To be asked before any step.
    /// </summary>
    /// <param name="formula">The formula.</param>
    /// <param name="tolerance">Relative, of the value and of each gradient as a vector.</param>
    public string? Disagreement(Func<PlainState, Tensor> formula, double tolerance = 1e-4)
    {
        using var scope = NewDisposeScope();
        double ours = Differentiate(() => function.Evaluate(inputs), leaves.Values).item<float>();
        var gradients = leaves.ToDictionary(leaf => leaf.Key, leaf => leaf.Value.grad?.clone());
        var (theirs, truth) = InDouble(formula);
        if (!(Math.Abs(ours - theirs) <= tolerance * Math.Abs(theirs)))
            return FormattableString.Invariant($"value {ours:g7}, the formula's {theirs:g7}");
        foreach (var (name, their) in truth)
        {
            var mine = gradients[name] ?? zeros_like(their);
            var (apart, length) = ((mine - their).norm().item<double>(), their.norm().item<double>());
            if (!(apart <= tolerance * length))
                return FormattableString.Invariant($"gradient of {name}: {apart:g3} apart where the formula's is {length:g3} long");
        }
        return null;
    }

    private (double Value, Dictionary<string, Tensor> Gradients) InDouble(Func<PlainState, Tensor> formula)
    {
        var before = get_default_dtype();
        set_default_dtype(ScalarType.Float64);
        try
        {
            using var doubles = copies.InDouble();
            var places = doubles.Leaves(leaves.Keys);
            var value = Differentiate(() => formula(doubles), places.Values).item<double>();
            return (value, places.ToDictionary(leaf => leaf.Key, leaf => leaf.Value.grad?.clone() ?? zeros_like(leaf.Value)));
        }
        finally
        {
            set_default_dtype(before);
        }
    }

    public void Dispose()
    {
        foreach (var (_, tensor) in inputs)
            tensor.Dispose();
        copies.Dispose();
        function.Dispose();
    }

    private static Tensor Differentiate(Func<Tensor> formula, IEnumerable<Tensor> leaves)
    {
        foreach (var leaf in leaves)
            leaf.grad = null;
        var value = formula();
        value.backward();
        return value;
    }
}
