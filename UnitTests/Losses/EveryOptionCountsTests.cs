using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using MLNetLosses.UnitTests.Losses.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses;

/// <summary>
/// No option is accepted and ignored: for every option of every loss there is a setting of the others, and inputs, where another value of
/// it changes the value, a gradient, the state, or a further result.
/// </summary>
[TestClass]
public class EveryOptionCountsTests
{
    [TestMethod]
    [DynamicData(nameof(AllOptions))]
    public void ChangesSomething(string name, string optionName)
    {
        var type = LossCatalog.All.Single(l => l.Name == name).Type;
        var option = DefinitionSchema.Of(type).Options.Single(o => o.Name == optionName);
        var plain = OptionVariants.Plain(type);
        foreach (var start in Starts(plain))
        foreach (var scene in Scenes)
        {
            if (Outcome(start, scene) is not { } before)
                continue;
            var outcomes = OptionVariants
                .Values(option, option.Property.GetValue(start))
                .Select(value => OptionVariants.With(start, option, value))
                .OfType<Loss>()
                .Select(changed => Outcome(changed, scene));
            var refused = 0;
            foreach (var after in outcomes)
                if (after is null)
                    refused++;
                else if (!Same(before, after))
                    return;
                else
                    refused = int.MinValue;
            if (refused > 0)
                return; // the inputs fit one value of the option only, such as a size
        }
        Assert.Fail($"{name}: no value of {optionName} changed anything.");
    }

    // The defaults, then each other option changed, switches first: some options need another to be on.
    private static IEnumerable<Loss> Starts(Loss plain)
    {
        var options = DefinitionSchema
            .Of(plain.GetType())
            .Options.OrderBy(option => option.Type == typeof(bool) || option.Type.IsEnum ? 0 : 1);
        var changed =
            from option in options
            from value in OptionVariants.Values(option, option.Property.GetValue(plain)).Index()
            orderby value.Index / 3 // a few values of every option before many of one
            select OptionVariants.With(plain, option, value.Item);
        return changed.OfType<Loss>().Prepend(plain);
    }

    public static IEnumerable<object[]> AllOptions() =>
        from info in LossCatalog.All
        where info.Type.Assembly == typeof(Loss).Assembly // nobody knows the inputs of others
        from option in info.Options
        // Read by the training loop; LossWeightingTests sees it.
        where (info.Name, option.Name) is not ("GradNorm", nameof(GradNormLoss.SharedLayer))
        select new object[] { info.Name, option.Name };

    private sealed record Scene(string Name, Func<Loss, LossInputs> Inputs)
    {
        public LossClock Clock { get; init; } = new(Step: 50, Epoch: 5, EpochCount: 10);
    }

    private static readonly Scene[] Scenes =
    [
        new("plain", loss => LossSamples.For(loss, seed: 2)),
        new("large", loss => LossSamples.For(loss, seed: 2, scale: 30)),
        new("small", loss => LossSamples.For(loss, seed: 2, scale: 0.02)),
        new("many rows", loss => LossSamples.For(loss, seed: 3, rows: 12)),
        new("zeros", loss => Map(LossSamples.For(loss, seed: 2), (_, tensor) => tensor.is_floating_point() ? zeros_like(tensor) : tensor)),
        new(
            "something ignored",
            loss => Map(LossSamples.For(loss, seed: 2), (name, tensor) => name == "targets" ? IgnoreFirst(tensor) : tensor)
        ),
        new("labels", loss => Map(LossSamples.For(loss, seed: 2), (name, tensor) => name == "targets" ? Labels(tensor) : tensor)),
        new("one logit", loss => Map(LossSamples.For(loss, seed: 2), OneLogit)),
        new(
            "an absent class",
            loss =>
                Map(
                    LossSamples.For(loss, seed: 2),
                    (name, tensor) => name == "targets" && tensor.dtype == int64 ? tensor.clamp(max: 1) : tensor
                )
        ),
        new(
            "soft targets",
            loss => Map(LossSamples.For(loss, seed: 2), (name, tensor) => name == "targets" ? tensor.to(float64) * 0.4 : tensor)
        ),
        new("image targets", loss => loss is MaskedReconstructionLoss ? Patches() : LossSamples.For(loss, seed: 4)),
        new(
            "two epochs done",
            loss =>
                loss is DynamicWeightAverageLoss
                    ? LossSamples
                        .For(loss)
                        .With(("previousLosses", tensor(new[] { 1.0, 2, 3 })), ("olderLosses", tensor(new[] { 2.0, 2, 2 })))
                    : LossSamples.For(loss, seed: 5)
        ),
        new("early", loss => LossSamples.For(loss, seed: 2)) { Clock = new(Step: 1, Epoch: 0.1, EpochCount: 10) },
        new("optional inputs left out", loss => Only(LossSamples.For(loss, seed: 2), loss.RequiredInputs)),
    ];

    /// <summary>
    /// Two evaluations in training: values, gradients of everything that can have one, state and further results; null where it throws.
    /// </summary>
    private static double[][]? Outcome(Loss loss, Scene scene)
    {
        using var scope = NewDisposeScope();
        try
        {
            using var function = loss.Build(LossSamples.Context());
            function.Clock = scene.Clock;
            var inputs = scene.Inputs(loss);
            var results = new List<double[]>();
            for (var step = 0; step < 2; step++)
            {
                var leaves = new List<Tensor>();
                var given = Map(
                    inputs,
                    (_, tensor) =>
                    {
                        if (!tensor.is_floating_point())
                            return tensor;
                        leaves.Add(tensor.detach().clone().requires_grad_());
                        return leaves[^1];
                    }
                );
                function.zero_grad();
                var value = function.Evaluate(given);
                Keep(results, value);
                if (value.requires_grad)
                    value.sum().backward();
                foreach (var leaf in leaves.Concat(function.parameters()))
                    Keep(results, leaf.grad ?? zeros(0, float64));
            }
            foreach (var (_, buffer) in function.named_buffers())
                Keep(results, buffer);
            foreach (var (_, parameter) in function.named_parameters())
                Keep(results, parameter);
            foreach (var (_, detail) in function.EvaluateUnreduced(inputs).Details)
                Keep(results, detail);
            return [.. results];
        }
        catch (Exception error) when (error is ArgumentException or NotSupportedException or InvalidOperationException)
        {
            return null;
        }
    }

    private static void Keep(List<double[]> results, Tensor tensor) =>
        results.Add(tensor.detach().to(float64).contiguous().data<double>().ToArray());

    private static bool Same(double[][] a, double[][] b) =>
        a.Length == b.Length && a.Zip(b).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second));

    private static LossInputs Map(LossInputs inputs, Func<string, Tensor, Tensor> change)
    {
        var changed = new LossInputs();
        foreach (var (name, tensor) in inputs)
            changed[name] = change(name, tensor);
        return changed;
    }

    private static LossInputs Only(LossInputs inputs, IReadOnlyList<string> names)
    {
        var kept = new LossInputs();
        foreach (var (name, tensor) in inputs)
            if (names.Contains(name))
                kept[name] = tensor;
        return kept;
    }

    private static Tensor OneLogit(string name, Tensor tensor) =>
        name switch
        {
            "targets" => tensor.remainder(2),
            "logits" when tensor.dim() > 1 => tensor[.., ..1],
            _ => tensor,
        };

    private static LossInputs Patches() =>
        new()
        {
            ["predictions"] = randn(2, 4, 3 * 16 * 16, float64),
            ["targets"] = rand(2, 3, 32, 32, float64),
            ["mask"] = ones(2, 4, @bool),
        };

    private static Tensor IgnoreFirst(Tensor targets)
    {
        var copy = targets.clone();
        copy.flatten()[0] = -100;
        return copy;
    }

    // Indices [N, ...] as labels [N, 4, ...]: the class and, of even classes, class 1 too.
    private static Tensor Labels(Tensor targets)
    {
        if (targets.dtype != int64 || targets.lt(0).any().item<bool>())
            return targets;
        var hot = nn.functional.one_hot(targets, LossSamples.Classes);
        hot.select(-1, 1).bitwise_or_(targets.remainder(2).eq(0).to(int64));
        return hot.dim() == 2 ? hot : hot.movedim([-1], [1]);
    }
}
