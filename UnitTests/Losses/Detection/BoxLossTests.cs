using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.Detection;

[TestClass]
public class BoxLossTests
{
    private static readonly double[,] Predicted =
    {
        { 10, 10, 40, 30 },
        { 0, 0, 10, 10 },
        { 5, 5, 8, 20 },
        { 20, 20, 60, 50 },
        { 1, 2, 3, 9 },
    };

    private static readonly double[,] Targets =
    {
        { 15, 12, 45, 33 }, // overlapping
        { 30, 40, 50, 45 }, // disjoint
        { 2, 3, 12, 25 }, // inside
        { 30, 25, 41, 44 }, // around
        { 2, 1, 8, 7 },
    };

    private static OverlapLoss[] All =>
        [
            new IoULoss(),
            new IoULoss { Log = true },
            new GeneralizedIoULoss(),
            new DistanceIoULoss(),
            new CompleteIoULoss(),
            new EfficientIoULoss(),
            .. Enum.GetValues<AlphaIoUVariant>().Select(v => new AlphaIoULoss { Variant = v }),
            new AlphaIoULoss { Alpha = 0.5, Variant = AlphaIoUVariant.CompleteIoU },
        ];

    [TestMethod]
    public void ValuesAreThoseOfTheFormulasForOnePair()
    {
        using var scope = NewDisposeScope();
        foreach (var loss in All)
        {
            var values = loss.Compute(tensor(Predicted), tensor(Targets), reduction: Reduction.None).data<double>().ToArray();
            for (var i = 0; i < values.Length; i++)
                Assert.AreEqual(ByHand(loss, i), values[i], 1e-12, $"{loss}, pair {i}");
        }
    }

    [TestMethod]
    public void GradientIsThatOfTheChainOfOperations()
    {
        using var scope = NewDisposeScope();
        // The last pairs touch or share coordinates: there max and min split the gradient in halves.
        var predicted = tensor(Predicted);
        predicted = cat(
            new Tensor[]
            {
                predicted,
                tensor(
                    new double[,]
                    {
                        { 0, 0, 4, 4 },
                        { 0, 0, 4, 4 },
                        { 1, 1, 3, 3 },
                    }
                ),
            }
        );
        var targets = cat(
            new Tensor[]
            {
                tensor(Targets),
                tensor(
                    new double[,]
                    {
                        { 0, 1, 4, 6 },
                        { 4, 1, 7, 3 },
                        { 1, 1, 3, 3 },
                    }
                ),
            }
        );
        foreach (var (loss, formula) in Chains())
        {
            var (p, t) = (predicted.clone().requires_grad_(), targets.clone().requires_grad_());
            loss.Compute(p, t, reduction: Reduction.Sum).backward();
            var (q, u) = (predicted.clone().requires_grad_(), targets.clone().requires_grad_());
            formula(q, u).sum().backward();
            Assert.IsTrue(p.grad!.allclose(q.grad!, 1e-9, 1e-12), $"{loss}: by the predicted boxes");
            Assert.IsTrue(t.grad!.allclose(u.grad!, 1e-9, 1e-12), $"{loss}: by the target boxes");
        }
    }

    [TestMethod]
    public void TensorOperationsGiveWhatTheLoopGives()
    {
        using var scope = NewDisposeScope();
        manual_seed(3);
        // Many of these coordinates are equal, and many boxes are points, lines or apart.
        var corners = randint(8, [40, 4], ScalarType.Float64);
        var boxes = cat([corners.narrow(1, 0, 2), corners.narrow(1, 0, 2) + corners.narrow(1, 2, 2)], 1);
        var (p, t) = (boxes.repeat_interleave(40, 0), boxes.repeat(40, 1));
        foreach (var loss in All)
        {
            var (q, u) = (p.clone().requires_grad_(), t.clone().requires_grad_());
            var loop = OverlapValues.Of(loss.Formula(), q, u);
            var tensors = OverlapValues.ByTensors(loss.Formula(), p, t, wantsPredicted: true, wantsTarget: true);
            Assert.IsTrue(loop.Values.allclose(tensors.Values, 1e-12, 1e-14), $"{loss}");
            Assert.IsTrue(loop.ByPredicted!.allclose(tensors.ByPredicted!, 1e-12, 1e-14), $"{loss}: by the predicted boxes");
            Assert.IsTrue(loop.ByTarget!.allclose(tensors.ByTarget!, 1e-12, 1e-14), $"{loss}: by the target boxes");
            Assert.IsNull(OverlapValues.ByTensors(loss.Formula(), p, t, wantsPredicted: true, wantsTarget: false).ByTarget);
        }
    }

    [TestMethod]
    public void OnlyWhatWantsAGradientGetsOne()
    {
        using var scope = NewDisposeScope();
        var (predicted, targets) = (tensor(Predicted).requires_grad_(), tensor(Targets));
        var both = new GeneralizedIoULoss().Compute(predicted, targets.clone().requires_grad_());
        both.backward();
        var expected = predicted.grad!.clone();
        predicted.grad.zero_();
        new GeneralizedIoULoss().Compute(predicted, targets).backward();
        Assert.IsTrue(predicted.grad!.allclose(expected, 0, 0));
        Assert.IsNull(targets.grad);
        using var frozen = no_grad();
        Assert.IsFalse(new GeneralizedIoULoss().Compute(predicted, targets).requires_grad);
    }

    [TestMethod]
    public void DegenerateBoxesCostWhatTheyShouldAndHaveFiniteGradients()
    {
        using var scope = NewDisposeScope();
        double[,] boxes =
        {
            { 3, 3, 3, 3 }, // a point
            { 3, 3, 3, 9 }, // a line
            { 0, 0, 5, 5 },
            { 5, 5, 9, 9 }, // touches the one before at a corner
            { 5, 0, 9, 5 }, // and at a side
            { 2, 2, 2.000001, 2.000001 },
        };
        var all = tensor(boxes);
        var (rows, columns) = (all.repeat_interleave(6, 0), all.repeat(6, 1));
        foreach (var loss in All)
        foreach (var precision in new[] { ScalarType.Float64, ScalarType.Float32 })
        {
            var (p, t) = (rows.to(precision, copy: true).requires_grad_(), columns.to(precision, copy: true).requires_grad_());
            var values = loss.Compute(p, t, reduction: Reduction.None);
            values.sum().backward();
            Assert.IsTrue(values.isfinite().all().item<bool>(), $"{loss}: {values.jlstr()}");
            Assert.IsTrue(p.grad!.isfinite().all().item<bool>(), $"{loss} by the predicted boxes");
            Assert.IsTrue(t.grad!.isfinite().all().item<bool>(), $"{loss} by the target boxes");
            if (loss is not IoULoss { Log: true })
                Assert.AreEqual(1, values[0].to(ScalarType.Float64).item<double>(), 1e-6, $"{loss}: two equal points cost 1");
        }
    }

    [TestMethod]
    public void IdenticalBoxesCostNextToNothingAndPullNowhere()
    {
        using var scope = NewDisposeScope();
        foreach (var loss in All.Where(l => l is not AlphaIoULoss { Alpha: < 1 }))
        {
            var boxes = tensor(Predicted).requires_grad_();
            var values = loss.Compute(boxes, tensor(Predicted), reduction: Reduction.None);
            values.sum().backward();
            Assert.AreEqual(0, values.max().item<double>(), 1e-7, $"{loss}");
            Assert.AreEqual(0, boxes.grad!.abs().max().item<double>(), 1e-6, $"{loss}");
        }
        // e / A for an area of 1
        var one = tensor(
            new double[,]
            {
                { 0, 0, 1, 1 },
            }
        );
        Assert.AreEqual(
            1e-3,
            new IoULoss { Epsilon = 1e-3 }
                .Compute(one, one)
                .item<double>(),
            1e-5
        );
    }

    [TestMethod]
    public void GeneralizedIoUIsIoUWhenOneBoxContainsTheOther()
    {
        using var scope = NewDisposeScope();
        var (inner, outer) = (
            tensor(
                new double[,]
                {
                    { 4, 5, 8, 9 },
                }
            ),
            tensor(
                new double[,]
                {
                    { 1, 2, 12, 10 },
                }
            )
        );
        Assert.AreEqual(
            new IoULoss().Compute(inner, outer).item<double>(),
            new GeneralizedIoULoss().Compute(inner, outer).item<double>(),
            1e-12
        );
    }

    [TestMethod]
    public void NoPairCostsNothingAndStaysOnTheGraph()
    {
        using var scope = NewDisposeScope();
        foreach (var loss in All)
        {
            var none = zeros(0, 4).requires_grad_();
            var value = loss.Compute(none, zeros(0, 4));
            value.backward();
            Assert.AreEqual(0f, value.item<float>());
            CollectionAssert.AreEqual(new long[] { 0, 4 }, none.grad!.shape);
        }
    }

    [TestMethod]
    public void RowWeightsWeighPairs()
    {
        using var scope = NewDisposeScope();
        var (predicted, targets) = (tensor(Predicted), tensor(Targets));
        var weights = tensor(new double[] { 1, 0, 3, 0, 0 });
        var each = new DistanceIoULoss().Compute(predicted, targets, reduction: Reduction.None).data<double>().ToArray();
        Assert.AreEqual((each[0] + 3 * each[2]) / 4, new DistanceIoULoss().Compute(predicted, targets, weights).item<double>(), 1e-12);
    }

    [TestMethod]
    public void ManyPairsAreComputedLikeFew()
    {
        using var scope = NewDisposeScope();
        var repeats = 30_011; // 150,055 pairs: two runs, the last pairs fill no register
        foreach (var loss in All)
        {
            var (p, t) = (tensor(Predicted).repeat(repeats, 1).requires_grad_(), tensor(Targets).repeat(repeats, 1).requires_grad_());
            var (q, u) = (tensor(Predicted).requires_grad_(), tensor(Targets).requires_grad_());
            var (many, few) = (loss.Compute(p, t), loss.Compute(q, u));
            many.backward();
            few.backward();
            Assert.AreEqual(few.item<double>(), many.item<double>(), 1e-10, $"{loss}");
            Assert.IsTrue((p.grad! * repeats).allclose(q.grad!.repeat(repeats, 1), 1e-9, 1e-12), $"{loss} by the predicted boxes");
            Assert.IsTrue((t.grad! * repeats).allclose(u.grad!.repeat(repeats, 1), 1e-9, 1e-12), $"{loss} by the target boxes");
            var each = loss.Compute(p, t, reduction: Reduction.None);
            Assert.IsTrue(each.allclose(loss.Compute(q, u, reduction: Reduction.None).repeat(repeats), 1e-12, 1e-14), $"{loss}: none");
        }
    }

    [TestMethod]
    public void SumsStayBoxLosses()
    {
        BoxLoss sum = new GeneralizedIoULoss() + 0.5 * new IoULoss { Log = true };
        Assert.AreEqual("GeneralizedIoU() + 0.5 * IoU(log: true)", sum.ToString());
        Assert.AreEqual(sum, Loss.Parse<BoxLoss>(sum.ToString()));
        using var scope = NewDisposeScope();
        var (p, t) = (tensor(Predicted), tensor(Targets));
        Assert.AreEqual(
            new GeneralizedIoULoss().Compute(p, t).item<double>()
                + 0.5
                    * new IoULoss { Log = true }
                        .Compute(p, t)
                        .item<double>(),
            sum.Compute(p, t).item<double>(),
            1e-12
        );
        var error = Assert.ThrowsExactly<FormatException>(() => Loss.Parse<BoxLoss>("Huber()"));
        StringAssert.Contains(error.Message, "'Huber' is a RegressionLoss; a BoxLoss is wanted here.");
    }

    [TestMethod]
    public void WrongInputsAreRefused()
    {
        using var scope = NewDisposeScope();
        var loss = new GeneralizedIoULoss();
        void Refused(Tensor predicted, Tensor targets, string name, string message)
        {
            var error = Assert.ThrowsExactly<ArgumentException>(() => loss.Compute(predicted, targets));
            Assert.AreEqual(name, error.ParamName);
            StringAssert.Contains(error.Message, message);
        }
        Refused(zeros(3, 5), zeros(3, 5), "predictedBoxes", "[N, 4]: x0 y0 x1 y1; it is Float32 [3, 5]");
        Refused(zeros(4), zeros(4), "predictedBoxes", "[N, 4]");
        Refused(zeros(3, 4), zeros(2, 4), "predictedBoxes", "must have the same shape");
        Refused(zeros(3, 4, dtype: ScalarType.Int64), zeros(3, 4), "predictedBoxes", "floating-point");
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new IoULoss { Epsilon = 0 });
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new AlphaIoULoss { Alpha = 0 });
    }

    private static double ByHand(OverlapLoss loss, int i)
    {
        const double e = 1e-7;
        var (p, t) = (
            Enumerable.Range(0, 4).Select(k => Predicted[i, k]).ToArray(),
            Enumerable.Range(0, 4).Select(k => Targets[i, k]).ToArray()
        );
        double Side(int axis) => Math.Max(0, Math.Min(p[axis + 2], t[axis + 2]) - Math.Max(p[axis], t[axis]));
        double Hull(int axis) => Math.Max(p[axis + 2], t[axis + 2]) - Math.Min(p[axis], t[axis]);
        double Size(double[] box, int axis) => box[axis + 2] - box[axis];
        double Centre(double[] box, int axis) => (box[axis] + box[axis + 2]) / 2;
        var intersection = Side(0) * Side(1);
        var union = Size(p, 0) * Size(p, 1) + Size(t, 0) * Size(t, 1) - intersection;
        var iou = intersection / (union + e);
        var hull = Hull(0) * Hull(1);
        var excess = (hull - union) / (hull + e);
        var distance =
            (Math.Pow(Centre(p, 0) - Centre(t, 0), 2) + Math.Pow(Centre(p, 1) - Centre(t, 1), 2))
            / (Hull(0) * Hull(0) + Hull(1) * Hull(1) + e);
        var sides = new[] { 0, 1 }.Sum(axis => Math.Pow(Size(p, axis) - Size(t, axis), 2) / (Hull(axis) * Hull(axis) + e));
        var v = 4 / (Math.PI * Math.PI) * Math.Pow(Math.Atan(Size(t, 0) / Size(t, 1)) - Math.Atan(Size(p, 0) / Size(p, 1)), 2);
        var aspect = v / (1 - iou + v + e) * v;
        double Powers(double power, params double[] penalties) => 1 - Math.Pow(iou, power) + penalties.Sum(x => Math.Pow(x, power));
        return loss switch
        {
            IoULoss { Log: true } => -Math.Log(Math.Max(iou, e)),
            IoULoss => Powers(1),
            GeneralizedIoULoss => Powers(1, excess),
            DistanceIoULoss => Powers(1, distance),
            CompleteIoULoss => Powers(1, distance, aspect),
            EfficientIoULoss => Powers(1, distance, sides),
            AlphaIoULoss { Variant: AlphaIoUVariant.IoU } alpha => Powers(alpha.Alpha),
            AlphaIoULoss { Variant: AlphaIoUVariant.GeneralizedIoU } alpha => Powers(alpha.Alpha, excess),
            AlphaIoULoss { Variant: AlphaIoUVariant.DistanceIoU } alpha => Powers(alpha.Alpha, distance),
            AlphaIoULoss alpha => Powers(alpha.Alpha, distance, aspect),
            _ => throw new NotSupportedException(),
        };
    }

    private static IEnumerable<(OverlapLoss, Func<Tensor, Tensor, Tensor>)> Chains()
    {
        const double e = 1e-7;
        static (Tensor IoU, Tensor Union, Tensor[] Hull, Tensor[] Centre, Tensor[] Size) Parts(Tensor p, Tensor t)
        {
            var (a, b) = (p.unbind(1), t.unbind(1));
            var sides = new[] { 0, 1 }.Select(k => minimum(a[k + 2], b[k + 2]) - maximum(a[k], b[k])).ToArray();
            var intersection = where(sides[0].gt(0).logical_and(sides[1].gt(0)), sides[0] * sides[1], zeros_like(sides[0]));
            var union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - intersection;
            return (
                intersection / (union + e),
                union,
                [.. new[] { 0, 1 }.Select(k => maximum(a[k + 2], b[k + 2]) - minimum(a[k], b[k]))],
                [.. new[] { 0, 1 }.Select(k => (a[k] + a[k + 2] - b[k] - b[k + 2]) / 2)],
                [a[2] - a[0], a[3] - a[1], b[2] - b[0], b[3] - b[1]]
            );
        }
        static Tensor Excess(Tensor[] hull, Tensor union) => (hull[0] * hull[1] - union) / (hull[0] * hull[1] + e);
        static Tensor Distance(Tensor[] centre, Tensor[] hull) =>
            (centre[0].square() + centre[1].square()) / (hull[0].square() + hull[1].square() + e);
        static Tensor Aspect(Tensor iou, Tensor[] size)
        {
            var v = 4 / (Math.PI * Math.PI) * ((size[2] / size[3]).atan() - (size[0] / size[1]).atan()).square();
            return (v / (1 - iou + v + e)).detach() * v;
        }
        yield return (new IoULoss(), (p, t) => 1 - Parts(p, t).IoU);
        yield return (new IoULoss { Log = true }, (p, t) => -Parts(p, t).IoU.clamp(min: e).log());
        yield return (
            new GeneralizedIoULoss(),
            (p, t) =>
            {
                var (iou, union, hull, _, _) = Parts(p, t);
                return 1 - iou + Excess(hull, union);
            }
        );
        yield return (
            new CompleteIoULoss(),
            (p, t) =>
            {
                var (iou, _, hull, centre, size) = Parts(p, t);
                return 1 - iou + Distance(centre, hull) + Aspect(iou, size);
            }
        );
        yield return (
            new EfficientIoULoss(),
            (p, t) =>
            {
                var (iou, _, hull, centre, size) = Parts(p, t);
                return 1
                    - iou
                    + Distance(centre, hull)
                    + (size[0] - size[2]).square() / (hull[0].square() + e)
                    + (size[1] - size[3]).square() / (hull[1].square() + e);
            }
        );
        yield return (
            new AlphaIoULoss { Alpha = 2, Variant = AlphaIoUVariant.CompleteIoU },
            (p, t) =>
            {
                var (iou, _, hull, centre, size) = Parts(p, t);
                return 1 - iou.square() + Distance(centre, hull).square() + Aspect(iou, size).square();
            }
        );
    }
}
