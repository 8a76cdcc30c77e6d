using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.Regression;

[TestClass]
public class RegressionInputTests
{
    [TestMethod]
    public void NothingIsBroadcastSilently()
    {
        using var scope = NewDisposeScope();
        foreach (var info in LossCatalog.For<RegressionLoss>())
        {
            if (LossSamples.For((Loss)Example(info)) is var inputs && inputs.Find("predictions") is not { } predictions)
                continue;
            var error = Assert.ThrowsExactly<ArgumentException>(() =>
                Example(info).Compute(inputs.With(("predictions", predictions[.., ..1])))
            );
            StringAssert.Contains(error.Message, "[6, 1]");
            StringAssert.Contains(error.Message, "[6, 4]");
            StringAssert.Contains(error.Message, info.Name);
        }

        static RegressionLoss Example(LossInfo info) => (RegressionLoss)Activator.CreateInstance(info.Type)!;
    }

    [TestMethod]
    public void BadInputsAreNamed()
    {
        using var scope = NewDisposeScope();
        var (x, y) = (zeros(2, 3), zeros(2, 3));
        void Refused(string argument, string message, Action compute)
        {
            var error = Assert.ThrowsExactly<ArgumentException>(compute);
            Assert.AreEqual(argument, error.ParamName);
            StringAssert.Contains(error.Message, message);
        }
        var loss = new HuberLoss();
        Refused("predictions", "must be of a floating-point type; it is Int64 [2, 3]", () => loss.Compute(x.to(int64), y));
        Refused(
            "weights",
            "weights[1, 0] is -1",
            () =>
                loss.Compute(
                    x,
                    y,
                    tensor(
                        new float[,]
                        {
                            { 1 },
                            { -1 },
                        }
                    )
                )
        );
        Refused("weights", "not NaN", () => loss.Compute(x, y, full_like(x, float.NaN)));
        Refused("weights", "broadcastable to [2, 3]", () => loss.Compute(x, y, ones(2)));
        Refused("targets", "'targets' is missing", () => loss.Compute(new LossInputs { ["predictions"] = x }));
        Refused(
            "logVariances",
            "the same shape",
            () =>
                new GaussianNegativeLogLikelihoodLoss().Compute(
                    new LossInputs
                    {
                        ["predictions"] = x,
                        ["targets"] = y,
                        ["logVariances"] = zeros(2, 1),
                    }
                )
        );
        var two = new QuantileLoss { Quantiles = [0.1, 0.9] };
        Refused("predictions", "[N, 2]", () => two.Compute(x, y));
        Refused("targets", "[2] or [2, 1]", () => two.Compute(zeros(2, 2), zeros(2, 2)));
    }

    [TestMethod]
    public void OptionsOutsideTheirRangeThrow()
    {
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new HuberLoss { Delta = 0 });
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new HuberLoss { Delta = double.NaN });
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new SmoothL1Loss { Beta = -1 });
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new CharbonnierLoss { Delta = 0 });
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new QuantileLoss { Quantiles = [0.5, 1] });
        Assert.ThrowsExactly<ArgumentException>(() => new QuantileLoss { Quantiles = [0.5, 0.5] });
        Assert.ThrowsExactly<ArgumentException>(() => new QuantileLoss { Quantiles = [] });
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new AdaptiveWingLoss { Alpha = 1 });
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new AdaptiveLoss { Scale = 0 });
    }

    [TestMethod]
    public void AdaptiveSaysWhatItsParametersNeed()
    {
        void Refused(string message, AdaptiveLoss loss, LossContext? context = null) =>
            StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => loss.Build(context).Dispose()).Message, message);
        var facts = new LossContext { EmbeddingSize = 3 };
        Refused("LossContext.EmbeddingSize", new AdaptiveLoss { LearnScale = true });
        Refused("between 0.001 and 1.999", new AdaptiveLoss { LearnAlpha = true, Alpha = 2 }, facts);
        Refused("at least 0", new AdaptiveLoss { LearnScale = true, Alpha = -1 }, facts);
        Refused("exceed MinimumScale", new AdaptiveLoss { LearnScale = true, Scale = 1e-6 }, facts);
        Refused("must be below MaximumAlpha", new AdaptiveLoss { MinimumAlpha = 1, MaximumAlpha = 0.5 });
        using var built = new AdaptiveLoss { LearnScale = true }.Build(facts);
        using var scope = NewDisposeScope();
        var inputs = new LossInputs { ["predictions"] = zeros(2, 4), ["targets"] = zeros(2, 4) };
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => built.Evaluate(inputs)).Message, "[N, 3, ...]");
    }

    [TestMethod]
    public void WeightsDoNotLearn()
    {
        using var scope = NewDisposeScope();
        var (x, w) = (randn(3, 2).requires_grad_(), rand(3, 2).requires_grad_());
        new MeanSquaredErrorLoss().Compute(x, zeros(3, 2), w).backward();
        Assert.IsNotNull(x.grad);
        Assert.IsNull(w.grad);
    }

    [TestMethod]
    public void NaNComesOutAgain()
    {
        using var scope = NewDisposeScope();
        foreach (var info in LossCatalog.For<RegressionLoss>())
        {
            var loss = (RegressionLoss)Activator.CreateInstance(info.Type)!;
            var inputs = LossSamples.For(loss);
            var name = loss.RequiredInputs[0];
            inputs[name][0, 0] = double.NaN;
            Assert.IsTrue(loss.Compute(inputs).isnan().item<bool>(), info.Name);
        }
    }

    [TestMethod]
    public void BFloat16IsComputedInSinglePrecision()
    {
        using var scope = NewDisposeScope();
        var (x, y) = (full(10_000, 1, bfloat16).requires_grad_(), zeros(10_000, bfloat16));
        var value = new MeanSquaredErrorLoss().Compute(x, y, reduction: Reduction.Sum);
        Assert.AreEqual(10_000f, value.item<float>());
        value.backward();
        Assert.AreEqual(bfloat16, x.grad!.dtype);
    }
}
