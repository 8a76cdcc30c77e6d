using MLNetLosses.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Training;

[TestClass]
public sealed class UpdaterTests
{
    // Shapes that fill no vector, several vectors and a tail, and more than one chunk.
    private static readonly long[][] Shapes =
    [
        [3],
        [5, 7],
        [1],
        [40_000],
        [64, 3, 3, 3],
    ];

    public static IEnumerable<object[]> Rules =>
        [
            ["Sgd(momentum: 0)"],
            ["Sgd(weightDecay: 0.1, dampening: 0.5)"],
            ["Sgd(weightDecay: 0.1, nesterov: true)"],
            ["Adam(weightDecay: 0.1)"],
            ["AdamW(amsgrad: true, beta2: 0.9)"],
            ["RmsProp(weightDecay: 0.1)"],
            ["RmsProp(momentum: 0.9, alpha: 0.9)"],
        ];

    [TestMethod]
    [DynamicData(nameof(Rules))]
    public void MemoryPassAndTensorOperationsAgree(string text)
    {
        using var scope = NewDisposeScope();
        var optimizer = MLNetLosses.Training.Optimizer.Parse(text);
        var (byMemory, byTensors) = (new Weights(optimizer, byTensors: false), new Weights(optimizer, byTensors: true));
        for (var step = 0; step < 4; step++)
        {
            foreach (var weights in new[] { byMemory, byTensors })
            {
                // The third parameter has no gradient in two of the steps.
                weights.SetGradients(step, leaveOut: step is 1 or 2 ? 2 : -1);
                weights.Updater.Step(0.01, new(0.5, ClipValue: step == 3 ? 0.2 : null, ClipNorm: step == 1 ? 0.7 : null));
            }
        }
        Assert.IsLessThan(1e-12, (byMemory.Flat - byTensors.Flat).abs().max().item<double>());
        Assert.AreEqual(4, byMemory.Updater.Updates[0]);
        Assert.AreEqual(2, byMemory.Updater.Updates[2]);
        Assert.AreEqual(2, byTensors.Updater.Updates[2]);
        for (var slot = 0; slot < byMemory.Updater.Slots.Length; slot++)
            Assert.IsLessThan(1e-12, (byMemory.Updater.Slots[slot] - byTensors.Updater.Slots[slot]).abs().max().item<double>());
    }

    [TestMethod]
    public void RmsPropFollowsTorch()
    {
        using var scope = NewDisposeScope();
        var ours = new Weights(
            new RmsProp
            {
                Alpha = 0.9,
                Momentum = 0.8,
                WeightDecay = 0.05,
            },
            byTensors: false
        );
        var theirs = ours.Copies();
        using var torchs = optim.RMSProp(theirs, 0.01, alpha: 0.9, eps: 1e-8, weight_decay: 0.05, momentum: 0.8);
        for (var step = 0; step < 5; step++)
        {
            ours.SetGradients(step);
            for (var i = 0; i < theirs.Length; i++)
                theirs[i].grad = ours.Parameters[i].grad!.clone();
            ours.Updater.Step(0.01, new(1));
            torchs.step();
        }
        for (var i = 0; i < theirs.Length; i++)
            Assert.IsLessThan(1e-10, (theirs[i] - ours.Parameters[i]).abs().max().item<double>());
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void NormIsThatOfAllGradientsTogether(bool byTensors)
    {
        using var scope = NewDisposeScope();
        var weights = new Weights(new Sgd(), byTensors);
        weights.SetGradients(0, leaveOut: 1);
        var expected = Math.Sqrt(weights.Parameters.Sum(p => p.grad is { } g ? g.pow(2).sum().item<double>() : 0));
        Assert.AreEqual(expected, weights.Updater.Norm(), 1e-9 * expected);
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void GroupsLearnAtTheirOwnPace(bool byTensors)
    {
        using var scope = NewDisposeScope();
        var network = nn.Sequential(("a", nn.Linear(3, 2, dtype: ScalarType.Float64)), ("b", nn.Linear(3, 2, dtype: ScalarType.Float64)));
        var groups = ParameterGroup.From(
            network,
            (name, p) => (name.StartsWith("a.", StringComparison.Ordinal) ? 0.1 : 1, p.dim() < 2 ? 0 : 1)
        );
        Assert.HasCount(4, groups);
        var before = network.parameters().Select(p => p.detach().clone()).ToArray();
        var arena = new WeightArena(network, groups, []);
        var gradients = new Gradients(arena);
        var optimizer = new Sgd { Momentum = 0, WeightDecay = 0.5 };
        ParameterUpdater updater = byTensors
            ? new TensorUpdater(optimizer, arena, gradients)
            : new VectorUpdater<double>(optimizer, arena, gradients);
        foreach (var parameter in network.parameters())
            parameter.grad = ones_like(parameter);
        updater.Step(0.2, new(1));
        var index = 0;
        foreach (var (name, parameter) in network.named_parameters())
        {
            var start = before[index++];
            var rate = 0.2 * (name.StartsWith("a.", StringComparison.Ordinal) ? 0.1 : 1);
            var expected = start - (rate * (1 + ((parameter.dim() < 2 ? 0 : 0.5) * start)));
            Assert.IsLessThan(1e-14, (parameter - expected).abs().max().item<double>(), name);
        }
    }

    [TestMethod]
    public void SinglePrecisionStaysCloseToDouble()
    {
        using var scope = NewDisposeScope();
        var (single, twice) = (
            new Weights(new MLNetLosses.Training.AdamW(), false, ScalarType.Float32),
            new Weights(new MLNetLosses.Training.AdamW(), false)
        );
        for (var step = 0; step < 10; step++)
        {
            single.SetGradients(step);
            twice.SetGradients(step);
            single.Updater.Step(0.01, new(1, ClipNorm: 1));
            twice.Updater.Step(0.01, new(1, ClipNorm: 1));
        }
        Assert.IsLessThan(2e-6, (single.Flat - twice.Flat).abs().max().item<double>());
    }

    [TestMethod]
    public void OtherNumberTypesAreSteppedByTensorOperations()
    {
        using var scope = NewDisposeScope();
        var (half, twice) = (new Weights(new Sgd(), true, ScalarType.BFloat16), new Weights(new Sgd(), false));
        half.SetGradients(0);
        twice.SetGradients(0);
        half.Updater.Step(0.1, new(1, ClipNorm: 1));
        twice.Updater.Step(0.1, new(1, ClipNorm: 1));
        Assert.IsInstanceOfType<TensorUpdater>(half.Updater);
        Assert.IsLessThan(0.02, (half.Flat - twice.Flat).abs().max().item<double>());
        Assert.AreEqual(twice.Updater.Norm(), half.Updater.Norm(), 0.01 * twice.Updater.Norm());
    }

    private sealed class Weights
    {
        public Weights(MLNetLosses.Training.Optimizer optimizer, bool byTensors, ScalarType type = ScalarType.Float64)
        {
            using var generator = new Generator(3, CPU);
            Parameters = [.. Shapes.Select(s => new Parameter(randn(s, ScalarType.Float64, generator: generator).to(type)))];
            var module = new Module(Parameters);
            var arena = new WeightArena(module, null, []);
            var gradients = new Gradients(arena);
            Flat = arena.Weights;
            Updater =
                byTensors && type == ScalarType.Float64
                    ? new TensorUpdater(optimizer, arena, gradients)
                    : ParameterUpdater.Create(optimizer, arena, gradients);
        }

        public Parameter[] Parameters { get; }
        public Tensor Flat { get; }
        public ParameterUpdater Updater { get; }

        public Parameter[] Copies() => [.. Parameters.Select(p => new Parameter(p.detach().clone()))];

        public void SetGradients(int step, int leaveOut = -1)
        {
            using var generator = new Generator((ulong)(10 + step), CPU);
            for (var i = 0; i < Parameters.Length; i++)
            {
                var gradient = randn(Shapes[i], ScalarType.Float64, generator: generator).to(Parameters[i].dtype);
                Parameters[i].grad = i == leaveOut ? null : gradient;
            }
        }

        private sealed class Module : nn.Module
        {
            public Module(Parameter[] parameters)
                : base("weights")
            {
                for (var i = 0; i < parameters.Length; i++)
                    register_parameter($"p{i}", parameters[i]);
            }
        }
    }
}
