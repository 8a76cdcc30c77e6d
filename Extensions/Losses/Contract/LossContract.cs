using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// What every loss promises, checked by running it; for losses of this library and for your own. Each check throws
/// <see cref="LossContractException"/> with the loss, the promise and what happened instead.
/// </summary>
public static class LossContract
{
    /// <summary>Runs every check that applies to the loss.</summary>
    /// <param name="loss">The loss.</param>
    /// <param name="adjust">Replaces or adds sample inputs; null: those of <see cref="LossSamples"/>.</param>
    /// <exception cref="LossContractException">A promise is broken.</exception>
    public static void CheckAll(Loss loss, Func<LossInputs, LossInputs>? adjust = null)
    {
        foreach (var (_, check) in Checks)
            check(loss, adjust ?? (inputs => inputs));
    }

    /// <summary>The checks by name.</summary>
    public static IReadOnlyList<(string Name, Action<Loss, Func<LossInputs, LossInputs>> Check)> Checks { get; } =
    [
        ("json and text round trip", (loss, _) => RoundTrips(loss)),
        ("finite at large inputs", FiniteAtLargeInputs),
        ("bfloat16 is computed in single precision", ComputesInSinglePrecision),
        ("one row", OneRow),
        ("none then mean is mean", NoneThenMean),
        ("order of rows does not matter", OrderDoesNotMatter),
        ("gradient by finite differences", GradientByFiniteDifferences),
        ("no tensor left behind", NoTensorLeftBehind),
    ];

    private static void RoundTrips(Loss loss)
    {
        Expect(loss, "JSON reads back equal", loss.Equals(Loss.FromJson(loss.ToJson())), loss.ToJson());
        Expect(loss, "text reads back equal", loss.Equals(Loss.Parse(loss.ToString())), loss.ToString());
    }

    private static void FiniteAtLargeInputs(Loss loss, Func<LossInputs, LossInputs> adjust)
    {
        foreach (var precision in new[] { ScalarType.Float64, ScalarType.Float32 })
        foreach (var scale in new[] { 1.0, 100.0, 10_000.0 })
        {
            using var scope = NewDisposeScope();
            using var run = new Run(loss, adjust(LossSamples.For(loss, seed: 3, scale: scale, precision: precision)), precision);
            Expect(loss, $"finite value at scale {scale} in {precision}", Finite(run.Value), run.Text);
            run.Differentiate();
            foreach (var (name, leaf) in run.Leaves)
                Expect(
                    loss,
                    $"finite gradient of {name} at scale {scale} in {precision}",
                    leaf.grad is null || Finite(leaf.grad),
                    run.Text
                );
        }
    }

    private static void ComputesInSinglePrecision(Loss loss, Func<LossInputs, LossInputs> adjust)
    {
        foreach (var scale in new[] { 1.0, 10_000.0 })
            ComputesInSinglePrecision(loss, adjust, scale);
    }

    private static void ComputesInSinglePrecision(Loss loss, Func<LossInputs, LossInputs> adjust, double scale)
    {
        using var scope = NewDisposeScope();
        var (rounded, same) = (new LossInputs(), new LossInputs());
        foreach (var (name, tensor) in adjust(LossSamples.For(loss, seed: 7, scale: scale, precision: ScalarType.Float32)))
        {
            rounded[name] = tensor.is_floating_point() ? tensor.detach().to(ScalarType.BFloat16) : tensor;
            same[name] = tensor.is_floating_point() ? rounded[name].to(ScalarType.Float32) : tensor;
        }
        using var half = new Run(loss, rounded, ScalarType.Float32);
        using var single = new Run(loss, same, ScalarType.Float32);
        Expect(loss, "finite value for bfloat16", Finite(half.Value), half.Text);
        Expect(loss, "the value for bfloat16 is Float32", half.Value.dtype == single.Value.dtype, $"{half.Value.dtype}");
        var apart = (half.Value - single.Value).abs() - single.Value.abs() * 1e-6;
        Expect(
            loss,
            "the value for bfloat16 is that of the same numbers in Float32",
            apart.le(1e-9).all().item<bool>(),
            $"{half.Text} against {single.Text}"
        );
        half.Differentiate();
        single.Differentiate();
        foreach (var (name, leaf) in half.Leaves)
        {
            Expect(
                loss,
                $"{name} in bfloat16 has a gradient where Float32 has",
                leaf.grad is null == single.Leaves[name].grad is null,
                name
            );
            if (leaf.grad is not { } gradient || single.Leaves[name].grad is not { } exact)
                continue;
            Expect(loss, $"the gradient of {name} is of its type", gradient.dtype == leaf.dtype, $"{gradient.dtype}");
            Expect(loss, $"finite gradient of {name} in {leaf.dtype}", Finite(gradient), half.Text);
            var furthest = (gradient.to(exact.dtype) - exact).abs() - exact.abs() / 100; // three digits
            Expect(
                loss,
                $"the gradient of {name} is that of the same numbers in Float32",
                furthest.le(1e-6).all().item<bool>(),
                $"{furthest.max().item<float>():R} apart"
            );
        }
    }

    private static void OneRow(Loss loss, Func<LossInputs, LossInputs> adjust)
    {
        using var scope = NewDisposeScope();
        if (loss.MinimumRows > 1)
        {
            try
            {
                new Run(loss, adjust(LossSamples.For(loss, rows: 1)), ScalarType.Float64).Dispose();
            }
            catch (ArgumentException)
            {
                return;
            }
            throw new LossContractException($"{loss}: it needs {loss.MinimumRows} rows, but one row is not refused.");
        }
        using var run = new Run(loss, adjust(LossSamples.For(loss, rows: 1)), ScalarType.Float64);
        Expect(loss, "finite value for one row", Finite(run.Value), run.Text);
        run.Differentiate();
        foreach (var (name, leaf) in run.Leaves)
            Expect(loss, $"finite gradient of {name} for one row", leaf.grad is null || Finite(leaf.grad), run.Text);
    }

    private static void NoneThenMean(Loss loss, Func<LossInputs, LossInputs> adjust)
    {
        if (loss is ISumLoss || loss.InnerLosses.Any())
            return;
        using var scope = NewDisposeScope();
        using var run = new Run(loss, adjust(LossSamples.For(loss)), ScalarType.Float64);
        run.Restore();
        var terms = run.Function.EvaluateUnreduced(run.Inputs);
        if (terms.IsSingle || !terms.HasNone || terms.More.Count > 0 || terms.Constant is not null)
            return;
        var none = run.Evaluate(Reduction.None);
        var divisor =
            terms.Divisor ?? (terms.Weights is null ? tensor((double)none.numel(), none.dtype) : terms.Weights.expand(none.shape).sum());
        ExpectClose(
            loss,
            "sum of None over the weights is Mean",
            (none.sum() / divisor.clamp(min: 1e-300)).item<double>(),
            run.Value.item<double>(),
            1e-9
        );
        ExpectClose(loss, "sum of None is Sum", none.sum().item<double>(), run.Evaluate(Reduction.Sum).item<double>(), 1e-9);
    }

    private static void OrderDoesNotMatter(Loss loss, Func<LossInputs, LossInputs> adjust)
    {
        if (!loss.RowsFirst)
            return;
        using var scope = NewDisposeScope();
        using var run = new Run(loss, adjust(LossSamples.For(loss)), ScalarType.Float64);
        var rows = run.Inputs.First().Value.shape[0];
        if (run.Inputs.Any(i => i.Value.dim() == 0 || i.Value.shape[0] != rows))
            return; // some input is not by row
        var order = arange(rows, ScalarType.Int64).flip(0);
        var permuted = new LossInputs();
        foreach (var (name, tensor) in run.Inputs)
            permuted[name] = tensor.detach().index_select(0, order);
        using var again = new Run(loss, permuted, ScalarType.Float64);
        ExpectClose(loss, "the value does not depend on the order of rows", again.Value.item<double>(), run.Value.item<double>(), 1e-9);
    }

    private static void GradientByFiniteDifferences(Loss loss, Func<LossInputs, LossInputs> adjust)
    {
        if (!loss.HasTrueGradient)
            return;
        using var scope = NewDisposeScope();
        using var run = new Run(loss, adjust(LossSamples.For(loss, seed: 5)), ScalarType.Float64);
        run.Differentiate();
        foreach (var (name, leaf) in run.Leaves.Where(l => l.Value.grad is not null))
        {
            using var frozen = no_grad();
            var values = leaf.flatten();
            var gradient = leaf.grad!.flatten();
            for (var i = 0L; i < Math.Min(values.numel(), 6); i++)
            {
                var at = i * values.numel() / Math.Min(values.numel(), 6);
                var (numeric, error) = Derivative(run, leaf, at);
                ExpectClose(
                    loss,
                    $"d/d{name}[{at}] is the slope of the value",
                    gradient[at].item<double>(),
                    numeric,
                    Math.Max(1e-5, 10 * error)
                );
            }
        }
    }

    // Central differences at two steps; their disagreement shows a kink or rounding, where the comparison has to be coarser.
    private static (double Slope, double Error) Derivative(Run run, Tensor leaf, long at)
    {
        double At(double step)
        {
            using var scope = NewDisposeScope();
            var element = leaf.view(-1)[at];
            var before = element.item<double>();
            element.fill_(before + step);
            var up = run.Again();
            element.fill_(before - step);
            var down = run.Again();
            element.fill_(before);
            return (up - down) / (2 * step);
        }
        var (coarse, fine) = (At(1e-4), At(1e-5));
        return (fine, Math.Abs(coarse - fine) / Math.Max(1e-3, Math.Abs(fine)));
    }

    private static void NoTensorLeftBehind(Loss loss, Func<LossInputs, LossInputs> adjust)
    {
        using var scope = NewDisposeScope();
        using var run = new Run(loss, adjust(LossSamples.For(loss)), ScalarType.Float64);
        long Count()
        {
            using (run.Function.Evaluate(run.Inputs)) { }
            return DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        }
        Count(); // constants and caches are made once
        var first = Count();
        var second = Count();
        Expect(loss, "an evaluation leaves no tensor behind", second == first, $"{second - first} more are alive");
    }

    private static bool Finite(Tensor tensor) => tensor.isfinite().all().item<bool>();

    private static void ExpectClose(Loss loss, string promise, double actual, double expected, double tolerance) =>
        Expect(
            loss,
            promise,
            Math.Abs(actual - expected) <= tolerance * Math.Max(1e-3, Math.Abs(expected)),
            $"{actual:R} against {expected:R}"
        );

    private static void Expect(Loss loss, string promise, bool kept, string what)
    {
        if (!kept)
            throw new LossContractException($"{loss}: {promise}, but: {what}.");
    }

    private sealed class Run : IDisposable
    {
        private readonly Dictionary<string, Tensor> remembered;

        public Run(Loss loss, LossInputs given, ScalarType precision)
        {
            if (loss.RequiredInputs.FirstOrDefault(name => given.Find(name) is null) is { } unknown)
                throw new NotSupportedException(
                    $"{loss.Name}: no sample of the input '{unknown}' is known; give one: CheckAll(loss, inputs => inputs.With((\"{unknown}\", ...)))."
                );
            Function = loss.Build(LossSamples.Context(precision));
            foreach (var (name, tensor) in given)
            {
                Inputs[name] =
                    tensor.is_floating_point() && name is not ("targets" or "weights") ? tensor.detach().clone().requires_grad_() : tensor;
                if (Inputs[name].requires_grad)
                    Leaves[name] = Inputs[name];
            }
            remembered = Function.named_buffers().ToDictionary(b => b.name, b => b.buffer.clone());
            Value = Function.Evaluate(Inputs);
            foreach (var (name, parameter) in Function.named_parameters())
                Leaves[name] = parameter;
        }

        public LossFunction Function { get; }
        public LossInputs Inputs { get; } = [];
        public Dictionary<string, Tensor> Leaves { get; } = [];
        public Tensor Value { get; }
        public string Text => Value.numel() == 1 ? Value.to(ScalarType.Float64).item<double>().ToString("R") : Value.ToString();

        // What a loss remembers changes its next value: every evaluation starts from the same state.
        public void Restore()
        {
            using var frozen = no_grad();
            foreach (var (name, buffer) in Function.named_buffers())
                buffer.copy_(remembered[name]);
        }

        // An update rule has no gradient.
        public void Differentiate()
        {
            if (Value.requires_grad)
                Value.backward();
        }

        public Tensor Evaluate(Reduction reduction)
        {
            Restore();
            return Function.Evaluate(Inputs, reduction);
        }

        public double Again()
        {
            using var value = Evaluate(Reduction.Mean);
            return value.item<double>();
        }

        public void Dispose() => Function.Dispose();
    }
}

/// <summary>A loss breaks a promise that every loss makes; the message says which and how.</summary>
/// <param name="message">What happened.</param>
public sealed class LossContractException(string message) : Exception(message);
