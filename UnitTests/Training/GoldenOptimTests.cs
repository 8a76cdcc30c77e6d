using System.Text.Json;
using MLNetLosses.Training;
using MLNetLosses.UnitTests.Golden;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Training;

/// <summary>Trajectories of torch's and timm's own schedules, averages and optimizers, in double precision.</summary>
[TestClass]
public sealed class GoldenOptimTests
{
    private static readonly string? Folder = GoldenFolder.Find("MLNETLOSSES_GOLDEN_OPTIM", "golden-optim");

    public static IEnumerable<object?[]> Schedules => Cases("schedules");
    public static IEnumerable<object?[]> Averages => Cases("averages");
    public static IEnumerable<object?[]> Optimizers =>
        from row in Cases("optimizers")
        from byTensors in new[] { false, true }
        select new[] { row[0], row[1], byTensors };

    [TestMethod]
    [DynamicData(nameof(Schedules))]
    public void ScheduleFollows(string name, string? json)
    {
        var golden = Read(json);
        var given = golden.GetProperty("schedule");
        var schedule = LearningRateSchedule.Parse(Json(given, "schedule", "learningRate", Takes(given, "totalSteps")));
        var values = golden.GetProperty("values").EnumerateArray().Select(v => v.GetDouble()).ToArray();
        Assert.HasCount(20, values);
        for (var step = 0; step < values.Length; step++)
            Close(values[step], schedule.RateAt(given.GetProperty("learningRate").GetDouble(), step, 20), golden, $"{name}, step {step}");

        static string? Takes(JsonElement given, string option) =>
            given.GetProperty("kind").GetString() is "Cosine" or "Polynomial" or "OneCycle" ? null : option;
    }

    [TestMethod]
    [DynamicData(nameof(Averages))]
    public void AverageFollows(string name, string? json)
    {
        var golden = Read(json);
        using var scope = NewDisposeScope();
        var averaging = Definitions.Parse<WeightAveraging>(Json(golden.GetProperty("average"), "averaging", null, null));
        var weights = GoldenCase.Read(golden.GetProperty("weights"), ScalarType.Float64);
        var values = GoldenCase.Read(golden.GetProperty("values"), ScalarType.Float64);
        var network = nn.Linear(2, 2, hasBias: false, dtype: ScalarType.Float64);
        using (no_grad())
            network.weight!.copy_(weights[0].view(2, 2));
        var arena = new WeightArena(network, null, []);
        var average = new AverageModel(averaging, new ModelState(network, arena, []));
        using var frozen = no_grad();
        for (var t = 0; t < values.shape[0]; t++)
        {
            network.weight!.copy_(weights[t + 1].view(2, 2));
            average.Update();
            var actual = arena.Segments[0].View(average.Copy.Weights).reshape(4).data<double>().ToArray();
            var expected = values[t].data<double>().ToArray();
            for (var i = 0; i < 4; i++)
                Close(expected[i], actual[i], golden, $"{name}, update {t + 1}");
        }
    }

    [TestMethod]
    [DynamicData(nameof(Optimizers))]
    public void OptimizerFollows(string name, string? json, bool byTensors)
    {
        var golden = Read(json);
        using var scope = NewDisposeScope();
        var given = golden.GetProperty("optimizer");
        var optimizer = MLNetLosses.Training.Optimizer.Parse(Json(given, "optimizer", "clipNorm", null).Replace("\"SGD\"", "\"Sgd\""));
        if (optimizer is Sgd sgd && !given.TryGetProperty("momentum", out _))
            optimizer = sgd with { Momentum = 0 }; // torch's default
        double? clip = given.TryGetProperty("clipNorm", out var most) ? most.GetDouble() : null;
        var a = GoldenCase.Read(golden.GetProperty("matrix"), ScalarType.Float64);
        var b = GoldenCase.Read(golden.GetProperty("vector"), ScalarType.Float64);
        var module = new OneParameter(GoldenCase.Read(golden.GetProperty("start"), ScalarType.Float64));
        var arena = new WeightArena(module, null, []);
        var gradients = new Gradients(arena);
        ParameterUpdater updater = byTensors
            ? new TensorUpdater(optimizer, arena, gradients)
            : new VectorUpdater<double>(optimizer, arena, gradients);
        var values = GoldenCase.Read(golden.GetProperty("values"), ScalarType.Float64);
        for (var t = 0; t < 10; t++)
        {
            var w = module.Weight;
            var f = (0.5 * (w * a.mv(w)).sum()) - (b * w).sum();
            Close(golden.GetProperty("losses").GetProperty("data")[t].GetDouble(), f.item<double>(), golden, $"{name}, loss {t}");
            f.backward();
            updater.Step(optimizer.LearningRate, new(1, clip));
            gradients.Clear();
            var actual = w.detach().data<double>().ToArray();
            var expected = values[t].data<double>().ToArray();
            for (var i = 0; i < expected.Length; i++)
                Close(expected[i], actual[i], golden, $"{name}, step {t + 1}, weight {i}");
        }
    }

    private static void Close(double expected, double actual, JsonElement golden, string where)
    {
        var tolerance = golden.GetProperty("rtol").GetDouble();
        Assert.IsTrue(
            Math.Abs(expected - actual) <= tolerance * Math.Max(Math.Abs(expected), tolerance),
            $"{where}: {actual:R} where {expected:R} is wanted."
        );
    }

    // The folder calls every discriminator "kind", and keeps options of other parts in the same object.
    private static string Json(JsonElement given, string discriminator, string? without, string? alsoWithout)
    {
        var members = given.EnumerateObject().Where(m => m.Name != without && m.Name != alsoWithout);
        return "{"
            + string.Join(
                ", ",
                members
                    .Select(m => $"\"{(m.Name == "kind" ? discriminator : m.Name)}\": {m.Value.GetRawText()}")
                    .Prepend(given.TryGetProperty("kind", out _) ? null : $"\"{discriminator}\": \"WeightAveraging\"")
                    .OfType<string>()
            )
            + "}";
    }

    private static IEnumerable<object?[]> Cases(string file)
    {
        if (Folder is null)
            return
            [
                ["absent", null],
            ];
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, file + ".json")));
        return
        [
            .. document
                .RootElement.GetProperty("cases")
                .EnumerateArray()
                .Select(c => new object?[] { c.GetProperty("name").GetString(), c.GetRawText() }),
        ];
    }

    private static JsonElement Read(string? json)
    {
        if (json is null)
            Assert.Inconclusive("Skipped: there is neither the folder ../shared/golden-optim nor one named by MLNETLOSSES_GOLDEN_OPTIM.");
        return JsonDocument.Parse(json).RootElement;
    }

    private sealed class OneParameter : nn.Module
    {
        public OneParameter(Tensor start)
            : base("one")
        {
            Weight = new Parameter(start.clone());
            register_parameter("weight", Weight);
        }

        public Parameter Weight { get; }
    }
}
