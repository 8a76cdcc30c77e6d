using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.SelfSupervised;

/// <summary>Losses on batch statistics, both ways of their sums of squares, and patches.</summary>
[TestClass]
public class StatisticsTests
{
    [TestMethod]
    [DataRow(3, 8)]
    [DataRow(8, 3)]
    public void BarlowTwinsIsTheFormulaOnTheWholeMatrix(int rows, int width)
    {
        using var scope = NewDisposeScope();
        var (a, b) = TwoViews.Of(rows, width);
        Tensor Standard(Tensor z) => (z - z.mean([0])) / (z.var(0, unbiased: false) + 1e-5).sqrt();
        var c = Standard(a).t().mm(Standard(b)) / rows;
        var diagonal = c.diagonal();
        var expected = (diagonal - 1).square().sum() + 0.1 * (c - diag(diagonal)).square().sum();
        Assert.AreEqual(
            expected.item<double>(),
            new BarlowTwinsLoss { Lambda = 0.1 }
                .Compute(a, b)
                .item<double>(),
            1e-10
        );
    }

    [TestMethod]
    [DataRow(3, 8)]
    [DataRow(8, 3)]
    public void VICRegIsTheFormulaOnTheWholeMatrix(int rows, int width)
    {
        using var scope = NewDisposeScope();
        var (a, b) = TwoViews.Of(rows, width);
        double Off(Tensor x)
        {
            var centred = x - x.mean([0]);
            var covariance = centred.t().mm(centred) / (rows - 1);
            return (covariance - diag(covariance.diagonal())).square().sum().item<double>() / width;
        }
        var loss = new VICRegLoss { InvarianceWeight = 0, VarianceWeight = 0 };
        Assert.AreEqual(Off(a) + Off(b), loss.Compute(a, b).item<double>(), 1e-10);
    }

    [TestMethod]
    public void MaskedReconstructionCutsImagesAsItCutsPatches()
    {
        using var scope = NewDisposeScope();
        var image = arange(1 * 2 * 4 * 6, ScalarType.Float64).reshape(1, 2, 4, 6);
        var predictions = zeros(1, 6, 8, dtype: ScalarType.Float64);
        var mask = tensor(new[] { false, false, false, false, true, false }).reshape(1, 6);
        var loss = new MaskedReconstructionLoss { PatchSize = 2, NormalizePatches = false };
        // The fifth patch: rows 2-3, columns 2-3 of both channels.
        double[] pixels = [14, 38, 15, 39, 20, 44, 21, 45];
        var value = loss.Compute(
            new LossInputs
            {
                ["predictions"] = predictions,
                ["targets"] = image,
                ["mask"] = mask,
            }
        );
        Assert.AreEqual(pixels.Sum(p => p * p) / 8, value.item<double>(), 1e-9);
        using (no_grad())
            predictions[0, 4].copy_(tensor(pixels));
        value = loss.Compute(
            new LossInputs
            {
                ["predictions"] = predictions,
                ["targets"] = image,
                ["mask"] = mask,
            }
        );
        Assert.AreEqual(0, value.item<double>());
    }

    [TestMethod]
    public void SumsKeepTheirFamilyAndReportTheirTerms()
    {
        using var scope = NewDisposeScope();
        var (a, b) = TwoViews.Of(6, 3);
        SelfSupervisedLoss sum = new NTXentLoss() + 0.5 * new VICRegLoss() + new WeightRamp { End = 10 } * new NegativeCosineLoss();
        Assert.AreEqual(sum, Loss.Parse<SelfSupervisedLoss>(sum.ToString()));
        using var function = sum.Build();
        function.Clock = new LossClock(Step: 5);
        var value = function.EvaluateTerms(TwoViews.Inputs(a, b));
        CollectionAssert.AreEqual(new[] { "ntXent", "vicReg", "negativeCosine" }, value.Terms.Select(t => t.Name).ToArray());
        CollectionAssert.AreEqual(new[] { 1, 0.5, 0.5 }, value.Terms.Select(t => t.Weight).ToArray());
        Assert.AreEqual(value.Terms.Sum(t => t.Weight * t.Value.item<double>()), value.Total.item<double>(), 1e-10);
    }

    [TestMethod]
    public void WrongInputsAreNamed()
    {
        using var scope = NewDisposeScope();
        Fails("viewB", () => new NTXentLoss().Compute(ones(3, 4), ones(3, 5)));
        Fails("viewA", () => new NTXentLoss().Compute(ones(4), ones(4)));
        Fails("viewA", () => new VICRegLoss().Compute(ones(1, 4), ones(1, 4)));
        Fails("labels", () => new NTXentLoss().Compute(TwoViews.Inputs(ones(3, 4), ones(3, 4)).With(("labels", ones(3)))));
        Fails("queue", () => new InfoNCELoss().Compute(TwoViews.Inputs(ones(3, 4), ones(3, 4)).With(("queue", ones(2, 5)))));
        Fails("targetB", () => new SimSiamLoss().Compute(TwoViews.Inputs(ones(3, 4), ones(3, 4)).With(("targetA", ones(3, 4)))));
        Fails("weights", () => new NTXentLoss().Compute(ones(3, 4), ones(3, 4), weights: ones(6)));
        Fails("EmbeddingSize", () => new InfoNCELoss { QueueSize = 4 }.Build());
        Fails("ClassCount", () => new SwAVLoss().Build(new() { EmbeddingSize = 4 }));
        using var dino = new DINOLoss().Build(new() { EmbeddingSize = 4 });
        Fails("student", () => dino.Evaluate(new() { ["student"] = ones(1, 3, 4), ["teacher"] = ones(1, 3, 4) }));
        Fails("teacher", () => dino.Evaluate(new() { ["student"] = ones(2, 3, 4), ["teacher"] = ones(3, 3, 4) }));
        using var swav = new SwAVLoss { GlobalCrops = 3 }.Build(new() { EmbeddingSize = 4, ClassCount = 2 });
        Fails("views", () => swav.Evaluate(new() { ["views"] = ones(2, 3, 4) }));
        var masked = new MaskedReconstructionLoss { PatchSize = 3 };
        var inputs = new LossInputs
        {
            ["predictions"] = ones(1, 4, 12),
            ["targets"] = ones(1, 3, 4, 4),
            ["mask"] = ones(1, 4, ScalarType.Bool),
        };
        Fails("targets", () => masked.Compute(inputs));
        Fails("mask", () => (masked with { PatchSize = 2 }).Compute(inputs.With(("mask", ones(1, 5, ScalarType.Bool)))));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new NTXentLoss { Temperature = 0 });
    }

    private static void Fails(string parameter, Action action)
    {
        var error = Assert.ThrowsExactly<ArgumentException>(action);
        Assert.AreEqual(parameter, error.ParamName, error.Message);
    }
}
