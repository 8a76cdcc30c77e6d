using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.Classification;

/// <summary>What holds for every classification loss, found by reflection: ignored rows, pixels, row weights.</summary>
[TestClass]
public class TargetTests
{
    [TestMethod]
    [DynamicData(nameof(OnIndices))]
    public void AnIgnoredRowIsARemovedRow(string text)
    {
        using var scope = NewDisposeScope();
        var loss = Loss.Parse<ClassificationLoss>(text);
        using var built = loss.Build(LossSamples.Context());
        var all = LossSamples.For(loss, seed: 5);
        all["targets"][2] = -100;
        var kept = Rows(all, tensor(new long[] { 0, 1, 3, 4, 5 }), loss);
        var (a, b) = (Evaluate(built, all), Evaluate(built, kept));
        Assert.AreEqual(b.Value, a.Value, 1e-12);
        Assert.AreEqual(0, a.Gradient[2].abs().max().item<double>(), "no gradient where ignored");
        Assert.IsTrue(a.Gradient.index_select(0, tensor(new long[] { 0, 1, 3, 4, 5 })).allclose(b.Gradient, 1e-10, 1e-12));
    }

    [TestMethod]
    [DynamicData(nameof(OnIndices))]
    public void EverythingIgnoredIsAConnectedZero(string text)
    {
        using var scope = NewDisposeScope();
        var loss = Loss.Parse<ClassificationLoss>(text);
        using var built = loss.Build(LossSamples.Context());
        var inputs = LossSamples.For(loss, seed: 5);
        inputs["targets"].fill_(-100);
        var (value, gradient) = Evaluate(built, inputs);
        Assert.AreEqual(0, value);
        Assert.AreEqual(0, gradient.abs().sum().item<double>());
    }

    [TestMethod]
    [DynamicData(nameof(OnIndices))]
    public void PixelsAreRows(string text)
    {
        using var scope = NewDisposeScope();
        var loss = Loss.Parse<ClassificationLoss>(text);
        using var built = loss.Build(LossSamples.Context());
        var rows = LossSamples.For(loss, seed: 9); // 6 rows: one image of 2 x 3 pixels
        rows["targets"][4] = -100;
        var pixels = new LossInputs();
        foreach (var (name, tensor) in rows)
            pixels[name] = name switch
            {
                "targets" => tensor.reshape(1, 2, 3),
                "noise" => tensor.reshape([-1, 1, 2, 3, tensor.shape[2]]).movedim([4], [2]),
                _ => tensor.reshape(1, 2, 3, tensor.shape[1]).movedim([3], [1]),
            };
        var (a, b) = (Evaluate(built, rows), Evaluate(built, pixels));
        Assert.AreEqual(a.Value, b.Value, 1e-12);
        Assert.IsTrue(b.Gradient.movedim([1], [3]).reshape(6, -1).allclose(a.Gradient, 1e-10, 1e-12));
    }

    [TestMethod]
    [DynamicData(nameof(OnIndices))]
    public void ARowOfWeightTwoIsTwoRows(string text)
    {
        if (text.StartsWith("AveragePrecision", StringComparison.Ordinal))
            return; // one value a column
        using var scope = NewDisposeScope();
        var loss = Loss.Parse<ClassificationLoss>(text);
        using var built = loss.Build(LossSamples.Context());
        var inputs = LossSamples.For(loss, seed: 13);
        var twice = Rows(inputs, tensor(new long[] { 0, 1, 2, 3, 3, 4 }), loss);
        var weighted = inputs.With(("weights", tensor(new double[] { 1, 1, 1, 2, 1, 0 })));
        Assert.AreEqual(Evaluate(built, twice).Value, Evaluate(built, weighted).Value, 1e-12);
    }

    [TestMethod]
    public void LabelsAndProbabilitiesOfPixelsAreRows()
    {
        using var scope = NewDisposeScope();
        static Tensor Pixels(Tensor rows) => rows.reshape(1, 2, 3, 4).movedim([3], [1]);
        var x = randn(6, 4, float64);
        var (labels, probabilities) = (randint(0, 2, [6, 4], int64), nn.functional.softmax(randn(6, 4, float64), 1));
        labels[1, 2] = -100;
        foreach (var info in LossCatalog.For<ClassificationLoss>())
        {
            if (info.Name is "ForwardCorrection" or "BackwardCorrection" || info.Type.Assembly != typeof(Loss).Assembly)
                continue;
            var loss = (ClassificationLoss)Activator.CreateInstance(info.Type)!;
            Tensor? targets =
                loss.TargetForms.HasFlag(TargetForms.Labels) ? labels
                : loss.TargetForms.HasFlag(TargetForms.Probabilities) ? probabilities
                : null;
            if (targets is not null)
                Assert.AreEqual(
                    loss.Compute(x, targets).item<double>(),
                    loss.Compute(Pixels(x), Pixels(targets)).item<double>(),
                    1e-12,
                    info.Name
                );
        }
    }

    [TestMethod]
    public void SmallIntegersAreIndicesToo()
    {
        using var scope = NewDisposeScope();
        var (x, mask) = (randn(1, 3, 4, 4), randint(0, 3, [1, 4, 4], int64));
        mask[0, 0, 0] = 255;
        var loss = new CrossEntropyLoss { IgnoreIndex = 255 };
        Assert.AreEqual(loss.Compute(x, mask).item<float>(), loss.Compute(x, mask.to(uint8)).item<float>());
    }

    [TestMethod]
    public void ProbabilitiesOfBFloat16SumToOneAsFarAsItsDigitsReach()
    {
        using var scope = NewDisposeScope();
        var x = randn(8, 1000);
        var exact = nn.functional.softmax(x, 1);
        var rounded = exact.to(bfloat16);
        Assert.AreEqual(
            new CrossEntropyLoss().Compute(x, exact).item<float>(),
            new CrossEntropyLoss().Compute(x, rounded).item<float>(),
            0.02f
        );
        foreach (var wrong in new[] { exact * 1.002, (exact * 1.02).to(bfloat16) })
            StringAssert.Contains(
                Assert.ThrowsExactly<ArgumentException>(() => new CrossEntropyLoss().Compute(x, wrong)).Message,
                "sum to 1"
            );
        var thirds = full([1, 3], 1.0 / 3).to(bfloat16); // 0.33398: the sum is off by 0.002
        Assert.IsTrue(double.IsFinite(new KullbackLeiblerLoss().Compute(zeros(1, 3), thirds).item<float>()));
    }

    public static IEnumerable<object[]> OnIndices() =>
        from info in LossCatalog.For<ClassificationLoss>()
        let text = info.Type.GetCustomAttributes(typeof(DefinitionExampleAttribute), false) is [DefinitionExampleAttribute example]
            ? example.Text
            : info.Name + "()"
        let loss = Loss.Parse<ClassificationLoss>(text)
        where loss.TargetForms.HasFlag(TargetForms.Indices) && loss.IgnoredTarget == -100
        select new object[] { text };

    private static LossInputs Rows(LossInputs inputs, Tensor rows, Loss loss)
    {
        var some = new LossInputs();
        foreach (var (name, tensor) in inputs)
            some[name] = tensor.index_select(name == "noise" ? 1 : 0, rows);
        return some;
    }

    private static (double Value, Tensor Gradient) Evaluate(LossFunction built, LossInputs inputs)
    {
        var x = inputs["logits"].detach().requires_grad_();
        var value = built.Evaluate(inputs.With(("logits", x)));
        value.backward();
        return (value.item<double>(), x.grad!);
    }
}
