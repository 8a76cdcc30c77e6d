using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.Detection;

[TestClass]
public class DenseDetectionLossTests
{
    private static readonly double[] Logits = [-2, -0.3, 0, 0.7, 1.5, 3, -1, 0.2];
    private static readonly double[] Hard = [0, 1, 0, 1, -1, 0, 0, 1];
    private static readonly double[] Soft = [0, 0.3, 0.9, 1, -1, 0, 0.5, 1];

    private static DenseDetectionLoss[] All =>
        [
            new SigmoidFocalLoss(),
            new SigmoidFocalLoss { Alpha = null, Gamma = 0.5 },
            new QualityFocalLoss(),
            new QualityFocalLoss { Beta = 0.5 },
            new VariFocalLoss { Gamma = 0.5 },
            new GaussianHeatmapFocalLoss { Alpha = 0.5, Beta = 1 },
            new GaussianHeatmapFocalLoss(),
        ];

    private static Tensor Logit => tensor(Logits).reshape(2, 4);

    private static Tensor TargetsFor(DenseDetectionLoss loss) => tensor(loss is SigmoidFocalLoss ? Hard : Soft).reshape(2, 4);

    [TestMethod]
    public void ValuesAreThoseOfTheFormulas()
    {
        using var scope = NewDisposeScope();
        foreach (var loss in All)
        {
            var values = loss.Compute(Logit, TargetsFor(loss), reduction: Reduction.None).data<double>().ToArray();
            var targets = loss is SigmoidFocalLoss ? Hard : Soft;
            for (var i = 0; i < values.Length; i++)
                Assert.AreEqual(ByHand(loss, Logits[i], targets[i]), values[i], 1e-12, $"{loss} at {i}");
        }
    }

    [TestMethod]
    public void MeanDividesByThePositives()
    {
        using var scope = NewDisposeScope();
        foreach (var loss in All)
        {
            var positives = loss is QualityFocalLoss or VariFocalLoss ? Soft.Count(y => y > 0) : TargetsFor(loss).eq(1).sum().item<long>();
            Assert.AreEqual(
                loss.Compute(Logit, TargetsFor(loss), reduction: Reduction.Sum).item<double>() / positives,
                loss.Compute(Logit, TargetsFor(loss)).item<double>(),
                1e-12,
                $"{loss}"
            );
            var none = loss.Compute(Logit, zeros_like(Logit), reduction: Reduction.Sum).item<double>();
            Assert.AreEqual(none, loss.Compute(Logit, zeros_like(Logit)).item<double>(), 1e-12, $"{loss}: no positive divides by 1");
        }
    }

    [TestMethod]
    public void IgnoredPlacesDoNotCount()
    {
        using var scope = NewDisposeScope();
        foreach (var loss in All)
        {
            var logits = Logit.requires_grad_();
            var targets = TargetsFor(loss);
            loss.Compute(logits, targets).backward();
            Assert.AreEqual(0, logits.grad![1, 0].item<double>(), $"{loss}");
            var counted = targets.ge(0);
            Assert.AreEqual(
                loss.Compute(Logit.masked_select(counted), targets.masked_select(counted)).item<double>(),
                loss.Compute(Logit, targets).item<double>(),
                1e-12,
                $"{loss}"
            );
            var all = Logit.requires_grad_();
            var value = loss.Compute(all, full_like(Logit, -1));
            value.backward();
            Assert.AreEqual(0, value.item<double>(), $"{loss}");
            Assert.AreEqual(0, all.grad!.abs().max().item<double>(), $"{loss}");
        }
    }

    [TestMethod]
    public void ExtremeLogitsStayFinite()
    {
        using var scope = NewDisposeScope();
        foreach (var loss in All)
        {
            var logits = tensor(new float[] { -1e4f, -300, -100, -20, 20, 100, 300, 1e4f }).repeat(2, 1).requires_grad_();
            var targets = stack(new Tensor[] { zeros(8), ones(8) });
            var value = loss.Compute(logits, targets, reduction: Reduction.None);
            value.sum().backward();
            Assert.IsTrue(value.isfinite().all().item<bool>(), $"{loss}");
            Assert.IsTrue(logits.grad!.isfinite().all().item<bool>(), $"{loss}");
        }
    }

    [TestMethod]
    public void WithoutFocusItIsCrossEntropy()
    {
        using var scope = NewDisposeScope();
        var (x, y) = (Logit, tensor(Hard).reshape(2, 4).clamp(min: 0));
        var expected = nn.functional.binary_cross_entropy_with_logits(x, y, reduction: nn.Reduction.None);
        Assert.IsTrue(
            new SigmoidFocalLoss { Alpha = null, Gamma = 0 }
                .Compute(x, y, reduction: Reduction.None)
                .allclose(expected, 1e-12)
        );
        Assert.IsTrue(
            new GaussianHeatmapFocalLoss { Alpha = 0, Beta = 0 }
                .Compute(x, y, reduction: Reduction.None)
                .allclose(expected, 1e-12)
        );
        Assert.IsTrue(
            new VariFocalLoss { Alpha = 1, Gamma = 0 }
                .Compute(x, y, reduction: Reduction.None)
                .allclose(expected, 1e-12)
        );
        // With targets 0/1, |y - s|^Beta is the focal factor.
        Assert.IsTrue(
            new QualityFocalLoss { Beta = 1.5 }
                .Compute(x, y, reduction: Reduction.None)
                .allclose(new SigmoidFocalLoss { Alpha = null, Gamma = 1.5 }.Compute(x, y, reduction: Reduction.None), 1e-12)
        );
    }

    [TestMethod]
    public void ManyPlacesAreComputedLikeFew()
    {
        using var scope = NewDisposeScope();
        const int repeats = 5003;
        foreach (var loss in All)
        {
            var (many, few) = (Logit.repeat(repeats, 1).requires_grad_(), Logit.requires_grad_());
            var (mean, expected) = (loss.Compute(many, TargetsFor(loss).repeat(repeats, 1)), loss.Compute(few, TargetsFor(loss)));
            mean.backward();
            expected.backward();
            Assert.AreEqual(expected.item<double>(), mean.item<double>(), 1e-10, $"{loss}");
            Assert.IsTrue((many.grad! * repeats).allclose(few.grad!.repeat(repeats, 1), 1e-9, 1e-12), $"{loss}");
            var none = loss.Compute(many, TargetsFor(loss).repeat(repeats, 1), reduction: Reduction.None);
            Assert.IsTrue(
                none.allclose(loss.Compute(few, TargetsFor(loss), reduction: Reduction.None).repeat(repeats, 1), 1e-12, 1e-14),
                $"{loss}: none"
            );
        }
    }

    [TestMethod]
    public void TheMeanWithoutWeightsIsTheMeanOfWeightsOfOne()
    {
        using var scope = NewDisposeScope();
        foreach (var loss in All)
        {
            var (plain, weighed) = (Logit.requires_grad_(), Logit.requires_grad_());
            var value = loss.Compute(plain, TargetsFor(loss));
            var same = loss.Compute(weighed, TargetsFor(loss), ones(2, dtype: ScalarType.Float64));
            value.backward();
            same.backward();
            Assert.AreEqual(same.item<double>(), value.item<double>(), 1e-12, $"{loss}");
            Assert.IsTrue(plain.grad!.allclose(weighed.grad!, 1e-12, 1e-14), $"{loss}");
        }
    }

    [TestMethod]
    public void DistributionFocalIsSmallestAtTheTwoNeighbours()
    {
        using var scope = NewDisposeScope();
        var loss = new DistributionFocalLoss();
        var target = tensor(new[] { 2.25 });
        double At(params double[] probabilities) =>
            loss.Compute(tensor(probabilities).clamp(min: 1e-30).log().unsqueeze(0), target).item<double>();
        var best = At(0, 0, 0.75, 0.25, 0);
        Assert.AreEqual(-(0.75 * Math.Log(0.75) + 0.25 * Math.Log(0.25)), best, 1e-12);
        Assert.IsTrue(best < At(0, 0, 0.7, 0.3, 0));
        Assert.IsTrue(best < At(0, 0.1, 0.65, 0.25, 0));
        // The last bin is reached, beyond it and below 0 the target is held.
        var logits = randn(3, 5, dtype: ScalarType.Float64);
        Assert.IsTrue(
            loss.Compute(logits, tensor(new[] { 4.0, 9, -3 }), reduction: Reduction.None)
                .allclose(
                    -nn
                        .functional.log_softmax(logits, 1)
                        .gather(
                            1,
                            tensor(
                                new long[,]
                                {
                                    { 4 },
                                    { 4 },
                                    { 0 },
                                }
                            )
                        )
                        .squeeze(1),
                    1e-12
                )
        );
        var none = zeros(0, 4, 5).requires_grad_();
        var value = loss.Compute(none, zeros(0, 4));
        value.backward();
        Assert.AreEqual(0f, value.item<float>());
    }

    [TestMethod]
    public void SumsStayDenseDetectionLosses()
    {
        DenseDetectionLoss sum = new SigmoidFocalLoss() + 0.5 * new VariFocalLoss();
        Assert.AreEqual("SigmoidFocal() + 0.5 * VariFocal()", sum.ToString());
        Assert.AreEqual(sum, Loss.Parse<DenseDetectionLoss>(sum.ToString()));
    }

    [TestMethod]
    public void WrongInputsAreRefused()
    {
        using var scope = NewDisposeScope();
        void Refused(Action call, string name, string message)
        {
            var error = Assert.ThrowsExactly<ArgumentException>(call);
            Assert.AreEqual(name, error.ParamName);
            StringAssert.Contains(error.Message, message);
        }
        Refused(() => new SigmoidFocalLoss().Compute(zeros(2, 3), zeros(3, 2)), "targets", "must have the same shape");
        Refused(
            () => new SigmoidFocalLoss().Compute(zeros(2, 3), full(2, 3, 0.5)),
            "targets",
            "targets[0, 0] is 0.5; it must be 0 or 1, or below 0 to be ignored"
        );
        Refused(() => new VariFocalLoss().Compute(zeros(2, 3), full(2, 3, 1.5)), "targets", "is 1.5; it must be in [0, 1]");
        Refused(() => new VariFocalLoss().Compute(zeros(2, 3), full(2, 3, double.NaN)), "targets", "is NaN");
        Refused(() => new DistributionFocalLoss().Compute(zeros(2, 1), zeros(2)), "logits", "at least two bins");
        Refused(() => new DistributionFocalLoss().Compute(zeros(2, 4), zeros(3)), "targets", "[2]");
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new SigmoidFocalLoss { Alpha = 1.5 });
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => new BalancedL1Loss { Alpha = 0.001 }.Build()).Message,
            "keep Gamma/Alpha at most 60"
        );
    }

    private static double ByHand(DenseDetectionLoss loss, double x, double y)
    {
        if (y < 0)
            return 0;
        var s = 1 / (1 + Math.Exp(-x));
        var entropy = -y * Math.Log(s) - (1 - y) * Math.Log(1 - s);
        return loss switch
        {
            SigmoidFocalLoss focal => y == 1
                ? -(focal.Alpha ?? 1) * Math.Pow(1 - s, focal.Gamma) * Math.Log(s)
                : -(1 - (focal.Alpha ?? 0)) * Math.Pow(s, focal.Gamma) * Math.Log(1 - s),
            QualityFocalLoss quality => Math.Pow(Math.Abs(y - s), quality.Beta) * entropy,
            VariFocalLoss vari => y > 0 ? y * entropy : -vari.Alpha * Math.Pow(s, vari.Gamma) * Math.Log(1 - s),
            GaussianHeatmapFocalLoss heat => y == 1
                ? -Math.Pow(1 - s, heat.Alpha) * Math.Log(s)
                : -Math.Pow(1 - y, heat.Beta) * Math.Pow(s, heat.Alpha) * Math.Log(1 - s),
            _ => throw new NotSupportedException(),
        };
    }
}
