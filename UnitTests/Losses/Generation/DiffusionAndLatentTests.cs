using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.Generation;

/// <summary>Diffusion, score matching and Gaussian latents at the ends of their schedules.</summary>
[TestClass]
public class DiffusionAndLatentTests
{
    [TestMethod]
    public void WeightsOfAllPredictionTypesAreOneErrorOfTheImage()
    {
        using var scope = NewDisposeScope();
        // The same model error seen as epsilon, x0 or v must cost the same under a weight of the x0 error.
        var (x0, e) = (randn(3, 1, 2, 2, dtype: ScalarType.Float64), randn(3, 1, 2, 2, dtype: ScalarType.Float64));
        var schedule = tensor(new[] { 0.9, 0.5, 0.1 });
        var a = schedule.reshape(3, 1, 1, 1);
        var xt = a.sqrt() * x0 + (1 - a).sqrt() * e;
        var guess = x0 + 0.1 * randn(3, 1, 2, 2, dtype: ScalarType.Float64);
        var epsilon = (xt - a.sqrt() * guess) / (1 - a).sqrt();
        var velocity = a.sqrt() * epsilon - (1 - a).sqrt() * guess;
        foreach (var weighting in new[] { DiffusionWeighting.Snr, DiffusionWeighting.MinSnr, DiffusionWeighting.TruncatedSnr })
        {
            double Value(DiffusionPrediction type, Tensor prediction) =>
                new DenoisingDiffusionLoss
                {
                    PredictionType = type,
                    Weighting = weighting,
                    Gamma = 2,
                }
                    .Compute(Inputs(prediction, x0, e, arange(3, ScalarType.Int64), schedule))
                    .item<double>();
            var expected = Value(DiffusionPrediction.Sample, guess);
            Assert.AreEqual(expected, Value(DiffusionPrediction.Epsilon, epsilon), 1e-9, $"{weighting}");
            if (weighting != DiffusionWeighting.TruncatedSnr)
                Assert.AreEqual(expected, Value(DiffusionPrediction.Velocity, velocity), 1e-9, $"{weighting}");
        }
    }

    [TestMethod]
    public void EveryWeightIsFiniteAtBothEndsOrSaysSo()
    {
        using var scope = NewDisposeScope();
        var image = randn(2, 1, 2, 2);
        var schedule = tensor(new[] { 1f, 0f });
        foreach (var type in Enum.GetValues<DiffusionPrediction>())
        foreach (var weighting in Enum.GetValues<DiffusionWeighting>())
        {
            var loss = new DenoisingDiffusionLoss { PredictionType = type, Weighting = weighting };
            var infinite =
                (type, weighting)
                is
                    (DiffusionPrediction.Sample, DiffusionWeighting.Snr or DiffusionWeighting.TruncatedSnr)
                    or
                    (DiffusionPrediction.Epsilon, DiffusionWeighting.TruncatedSnr);
            var inputs = Inputs(image, image * 2, image + 1, arange(2, ScalarType.Int64), schedule);
            if (infinite)
                Images.Fails("alphasCumprod", () => loss.Compute(inputs));
            else
                Assert.IsTrue(float.IsFinite(loss.Compute(inputs).item<float>()), $"{type} {weighting}");
        }
    }

    [TestMethod]
    public void WrongSchedulesAreNamed()
    {
        using var scope = NewDisposeScope();
        var image = randn(2, 1, 2, 2);
        var loss = new DenoisingDiffusionLoss();
        Images.Fails("timesteps", () => loss.Compute(Inputs(image, image, image, tensor(new long[] { 0, 3 }), ones(3))));
        Images.Fails("timesteps", () => loss.Compute(Inputs(image, image, image, ones(2), ones(3))));
        Images.Fails("alphasCumprod", () => loss.Compute(Inputs(image, image, image, zeros(2, ScalarType.Int64), full(3, 1.5f))));
        Images.Fails("noise", () => loss.Compute(Inputs(image, image, ones(2, 1, 2, 3), zeros(2, ScalarType.Int64), ones(3))));
        Images.Fails(
            "sigmas",
            () => new DenoisingScoreMatchingLoss().Compute(Images.Inputs(("predictions", image), ("noise", image), ("sigmas", zeros(2))))
        );
    }

    [TestMethod]
    public void SmallSigmasStayAccurateInSinglePrecision()
    {
        using var scope = NewDisposeScope();
        var noise = randn(2, 1, 3, 3);
        var sigmas = full(2, 1e-4f);
        var score = -noise / 1e-4 + 1;
        var value = new DenoisingScoreMatchingLoss().Compute(Images.Inputs(("predictions", score), ("noise", noise), ("sigmas", sigmas)));
        Assert.AreEqual(0.5 * 1e-8 * 9, value.item<float>(), 1e-9);
    }

    [TestMethod]
    public void ThePriorItselfCostsNothingAndNearItDigitsRemain()
    {
        using var scope = NewDisposeScope();
        var small = full([1, 4], 1e-3f);
        var loss = new KullbackLeiblerGaussianLoss();
        var near = loss.Compute(Images.Inputs(("means", zeros(1, 4)), ("logVariances", small))).item<float>();
        Assert.AreEqual(4 * 0.25e-6 * (1 + 1e-3 / 3), near, 1e-9); // (e^r - 1 - r) / 2, four times
        var far = loss.Compute(Images.Inputs(("means", zeros(1, 4)), ("logVariances", tensor(new[] { -100f, 20f, 0f, 1f }).reshape(1, 4))));
        Assert.IsTrue(float.IsFinite(far.item<float>()));
    }

    [TestMethod]
    public void FreeBitsCostTheirBoundAndPassNoGradientBelowIt()
    {
        using var scope = NewDisposeScope();
        var means = tensor(new double[] { 0.1, 3, 0.1, -3 }).reshape(2, 2).requires_grad_();
        var loss = new KullbackLeiblerGaussianLoss { FreeBits = 0.5, Beta = 2 };
        var inputs = Images.Inputs(("means", means), ("logVariances", zeros(2, 2, dtype: ScalarType.Float64)));
        var value = loss.Compute(inputs);
        value.backward();
        Assert.AreEqual(2 * (0.5 + 4.5), value.item<double>(), 1e-12);
        Assert.AreEqual(0, means.grad![0, 0].item<double>());
        Assert.AreEqual(3, means.grad[0, 1].item<double>(), 1e-12);
        Assert.ThrowsExactly<NotSupportedException>(() => loss.Compute(inputs, Reduction.Sum));
        Assert.ThrowsExactly<NotSupportedException>(() => loss.Compute(inputs, Reduction.None));
        Images.Fails("priorMeans", () => loss.Compute(inputs.With(("priorMeans", zeros(2, 3)))));
    }

    private static LossInputs Inputs(Tensor predictions, Tensor targets, Tensor noise, Tensor timesteps, Tensor schedule) =>
        Images.Inputs(
            ("predictions", predictions),
            ("targets", targets),
            ("noise", noise),
            ("timesteps", timesteps),
            ("alphasCumprod", schedule)
        );
}
