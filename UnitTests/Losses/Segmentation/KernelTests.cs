using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.Segmentation;

/// <summary>The loops over memory that serve the CPU compute what tensor operations, which serve every device, compute.</summary>
[TestClass]
public class KernelTests
{
    private DisposeScope scope = null!;

    [TestInitialize]
    public void Open() => scope = NewDisposeScope();

    [TestCleanup]
    public void Close() => scope.Dispose();

    public static IEnumerable<object[]> Sizes =>
        from size in new[] { (2, 2, 7), (2, 1, 9000), (1, 3, 20_000), (3, 100, 190), (1, 300, 65) }
        from precision in new[] { ScalarType.Float64, ScalarType.Float32 }
        select new object[] { size.Item1, size.Item2, size.Item3, precision };

    public static IEnumerable<object[]> Cases => from size in Sizes from option in new[] { false, true } select (object[])[.. size, option];

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void RegionSumsAgree(int images, int classes, int pixels, ScalarType precision, bool squared)
    {
        var (x, y) = Inputs(images, classes, pixels, precision);
        // Without background a false positive is 0, which tensors in single precision miss by their rounding.
        foreach (
            var ignored in classes > 1 ? new[] { 1 }
            : precision == ScalarType.Float64 ? [1, 0, 255]
            : [1, 255]
        )
        {
            y[0, 3] = ignored;
            Agree(
                scores => FusedRegionSums.Of(scores, y, new(new DiceLoss(), ignored, squared)),
                scores => RegionSums.ByTensors(scores, y, ignored, squared),
                x,
                precision
            );
        }
        var wrong = classes + 7;
        y[0, 3] = wrong;
        var error = Assert.ThrowsExactly<ArgumentException>(() => FusedRegionSums.Of(x, y, new(new DiceLoss(), 1, squared)));
        StringAssert.Contains(error.Message, $"{wrong}");
    }

    [TestMethod]
    public void RegionSumsOfOneLogitGiveTheirGradientAgain()
    {
        var x = Samples.Logits(3, 2, 1, 700).requires_grad_();
        var sums = FusedRegionSums.Of(x, Samples.Indices(3, 2, 2, 700), new(new DiceLoss(), null, false));
        Tensor Gradient(Tensor outer) => autograd.grad([sums], [x], [outer], retain_graph: true)[0];
        var outer = rand(5, 2, 1, dtype: float64);
        var first = Gradient(outer);
        Assert.IsTrue(Gradient(outer * 3).allclose(first * 3, 1e-12, 1e-14));
        Assert.IsTrue(Gradient(outer).allclose(first, 1e-12, 1e-14));
        Assert.IsTrue(first.ne(0).all().item<bool>());
    }

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void LovaszAgrees(int images, int classes, int pixels, ScalarType precision, bool perImage)
    {
        var (x, y) = Inputs(images, Math.Max(2, classes), pixels, precision);
        foreach (var presentOnly in new[] { true, false })
        {
            var options = new LovaszSoftmax.Options(new LovaszLoss(), 1, perImage, presentOnly, 1);
            Agree(scores => LovaszSoftmax.Of(scores, y, options), scores => LovaszSoftmax.ByTensors(scores, y, options), x, precision);
        }
    }

    [TestMethod]
    [DynamicData(nameof(Sizes))]
    public void LogLikelihoodsAgree(int images, int classes, int pixels, ScalarType precision)
    {
        var (x, y) = Inputs(images, classes, pixels, precision);
        var ignored = Ignore(y, classes);
        foreach (var scale in new[] { 1, 1e4 })
            Agree(
                scores => SoftmaxLogLikelihood.Of(scores, y, new(new DiceLoss(), ignored)),
                scores => SoftmaxLogLikelihood.ByTensors(scores, y, ignored),
                x * scale,
                precision
            );
    }

    [TestMethod]
    [DynamicData(nameof(Sizes))]
    public void CostSumsAgree(int images, int classes, int pixels, ScalarType precision)
    {
        var (x, y) = Inputs(images, classes, pixels, precision);
        var ignored = Ignore(y, classes);
        double[] classWeights = [.. Enumerable.Range(0, Math.Max(2, classes)).Select(c => 0.5 + c % 7)];
        var pixelWeights = Samples.Logits(7, images, pixels).abs().to(precision);
        foreach (var curve in new CostCurve?[] { null, new PowerCurve(0.3), new PowerCurve(2.5), new BackgroundFocalCurve(0.5) })
        foreach (var weighed in new[] { false, true })
        {
            var options = new CostOptions(new DiceLoss(), ignored, weighed ? classWeights : null, weighed ? pixelWeights : null, curve);
            Agree(
                scores => CostSums.Of(scores, y, options)[0] / pixels,
                scores => options.ByTensors(scores, y, options.PixelWeights)[0] / pixels,
                x,
                precision
            );
            Samples.AreClose(
                options.ByTensors(x, y, options.PixelWeights)[1].Numbers(),
                CostSums.Of(x, y, options)[1].Numbers(),
                precision == ScalarType.Float64 ? 1e-12 : 1e-5,
                "weights"
            );
        }
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(4)]
    public void WhereAllIsIgnoredCostsAndTheirGradientAreZero(int classes)
    {
        var x = (Samples.Logits(2, 2, classes, 300) * 1e4).requires_grad_();
        var y = full(2, 300, 255, ScalarType.Int64);
        var sums = CostSums.Of(x, y, new(new DiceLoss(), 255, Curve: new PowerCurve(0.3)));
        sums[0].sum().backward();
        CollectionAssert.AreEqual(new double[4], sums.Numbers());
        Assert.AreEqual(0, x.grad!.abs().max().Number());
    }

    [TestMethod]
    public void CostsOfOneLogitAreExactFarFromTheBorder()
    {
        // ln(1 + exp(z)) with z = -40 is exp(-40) and not 0.
        var x = tensor(new[] { 40f, -40f, 40f, -40f, 1e4f, -1e4f }).reshape(1, 1, 6).requires_grad_();
        var y = tensor(new long[] { 1, 0, 0, 1, 0, 0 }).reshape(1, 6);
        var values = SoftmaxLogLikelihood.Of(x, y, new(new DiceLoss(), null));
        values.sum().backward();
        var small = Math.Exp(-40);
        double[] expected = [-small, -small, -40, -40, -1e4, 0],
            slopes = [small, -small, -1, 1, -1, 0];
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.AreEqual(expected[i], values.Numbers()[i], 1e-5 * Math.Abs(expected[i]));
            Assert.AreEqual(slopes[i], x.grad!.Numbers()[i], 1e-5 * Math.Abs(slopes[i]));
        }
    }

    [TestMethod]
    [DynamicData(nameof(Sizes))]
    public void RegionSumsWithCostsAgree(int images, int classes, int pixels, ScalarType precision)
    {
        var (x, y) = Inputs(images, classes, pixels, precision);
        var ignored = Ignore(y, classes);
        foreach (var curve in new CostCurve?[] { null, new BackgroundFocalCurve(0.5) })
        {
            var costs = new CostOptions(new DiceLoss(), ignored, Curve: curve);
            Agree(
                scores =>
                {
                    var (sums, cost) = FusedRegionSums.WithCosts(scores, y, new(new DiceLoss(), ignored, false), costs);
                    return cat([sums.flatten(), cost[0] / pixels]);
                },
                scores => cat([RegionSums.ByTensors(scores, y, ignored, false).flatten(), costs.ByTensors(scores, y, null)[0] / pixels]),
                x,
                precision
            );
        }
    }

    // Of one logit every index is a target: another one is ignored.
    private static long Ignore(Tensor indices, int classes)
    {
        var ignored = classes == 1 ? 255 : 1;
        indices[0, 3] = ignored;
        return ignored;
    }

    [TestMethod]
    [DynamicData(nameof(Sizes))]
    public void SquaredErrorsAgree(int images, int classes, int pixels, ScalarType precision)
    {
        var (x, y) = Inputs(images, classes, pixels, precision);
        var ignored = Ignore(y, classes);
        Agree(
            scores => FusedSquaredErrors.Of(scores, y, new(new DiceLoss(), ignored)),
            scores => FusedSquaredErrors.ByTensors(scores, y, ignored),
            x,
            precision
        );
    }

    [TestMethod]
    [DataRow(ScalarType.Float32)]
    [DataRow(ScalarType.Float64)]
    public void SmallestIsThatOfASort(ScalarType precision)
    {
        var values = Samples.Logits(3, 3_000_000).to(precision);
        values[TensorIndex.Slice(stop: 2_000_000)] = values[TensorIndex.Slice(stop: 2_000_000)].round(); // ties, and -0 beside 0
        values[5] = double.PositiveInfinity;
        values[6] = double.NegativeInfinity;
        var sorted = values.sort().Values.Numbers();
        foreach (var k in new long[] { 1, 2, 3, 1000, 1_500_000, 1_500_001, 2_999_999, 3_000_000 })
            Assert.AreEqual(sorted[k - 1], OrderStatistic.Smallest(values, k), $"{k}");
        Assert.AreEqual(7, OrderStatistic.Smallest(tensor(7.0, precision).reshape(1), 1));
    }

    public static IEnumerable<object[]> Images =>
        from shape in new long[][]
        {
            [2, 3, 9, 7],
            [1, 1, 12, 5],
            [1, 2, 4, 5, 6],
            [2, 2, 11],
            [1, 1, 163, 600],
            [1, 2, 70, 40, 41],
            [1, 1, 140_000],
        }
        from precision in new[] { ScalarType.Float64, ScalarType.Float32 }
        from iterations in new[] { 0, 3 }
        select new object[] { shape, precision, iterations };

    [TestMethod]
    [DynamicData(nameof(Images))]
    public void CenterlinesAgree(long[] shape, ScalarType precision, int iterations)
    {
        var (classes, spatial) = ((int)shape[1], shape[2..]);
        var first = classes == 1 ? 0 : 1;
        var x = Samples.Logits(3, shape).to(precision).flatten(2);
        var y = Samples.Indices(3, Math.Max(2, classes), [shape[0], .. spatial]).flatten(1);
        y[0, 3] = 255;
        Agree(
            scores => CenterlineSums.Of(scores, y, new(new DiceLoss(), 255, first, [.. spatial.Select(s => (int)s)], iterations)),
            scores =>
            {
                var valid = y.ne(255).unsqueeze(1).to(precision).reshape([shape[0], 1, .. spatial]);
                var p = classes == 1 ? scores.sigmoid() : nn.functional.softmax(scores, 1).narrow(1, 1, classes - 1);
                var known = stack([.. Enumerable.Range(1, Math.Max(1, classes - 1)).Select(c => y.eq(c))], 1).to(precision);
                long[] cells = [shape[0], Math.Max(1, classes - 1), .. spatial];
                return CenterlineSums.OfMasks(p.reshape(cells) * valid, known.reshape(cells), valid, iterations);
            },
            x,
            precision
        );
    }

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void LovaszHingeAgrees(int images, int classes, int pixels, ScalarType precision, bool perImage)
    {
        var (x, y) = Inputs(images * classes, 1, pixels, precision);
        y[0, 3] = 255;
        var options = new LovaszHinge.Options(255, classes, perImage);
        foreach (var type in new[] { ScalarType.Int64, ScalarType.Byte, ScalarType.Float32, precision })
            Agree(
                scores => LovaszHinge.Of(scores.reshape(images, classes, pixels), y.to(type), options),
                scores => LovaszHinge.ByTensors(scores, y, options),
                x,
                precision
            );
    }

    [TestMethod]
    public void SecondDerivativesAreThoseOfTheTensorOperations()
    {
        var y = Samples.Indices(5, 3, 2, 50);
        double[] Second(Func<Tensor, Tensor> sums, Tensor? logits = null)
        {
            var leaf = (logits ?? Samples.Logits(5, 2, 3, 50)).clone().requires_grad_();
            var value = sums(leaf)[0].square().sum();
            var first = autograd.grad([value], [leaf], retain_graph: true, create_graph: true)[0];
            return autograd.grad([first.square().sum()], [leaf])[0].Numbers();
        }
        var (one, mask) = (Samples.Logits(8, 2, 1, 50), y.remainder(2));
        foreach (var squared in new[] { false, true })
            Samples.AreClose(
                Second(x => RegionSums.ByTensors(x, mask, null, squared), one),
                Second(x => FusedRegionSums.Of(x, mask, new(new DiceLoss(), null, squared)), one),
                1e-10
            );
        var costs = new CostOptions(new DiceLoss(), null, [1, 2, 3], Curve: new PowerCurve(1.5));
        Samples.AreClose(
            Second(x => RegionSums.ByTensors(x, y, null, false)),
            Second(x => FusedRegionSums.Of(x, y, new(new DiceLoss(), null, false))),
            1e-10
        );
        Samples.AreClose(
            Second(x => SoftmaxLogLikelihood.ByTensors(x, y, null)),
            Second(x => SoftmaxLogLikelihood.Of(x, y, new(new DiceLoss(), null))),
            1e-10
        );
        Samples.AreClose(
            Second(x => RegionSums.ByTensors(x, y, null, false) + costs.ByTensors(x, y, null).sum().square()),
            Second(x =>
            {
                var (sums, cost) = FusedRegionSums.WithCosts(x, y, new(new DiceLoss(), null, false), costs);
                return sums + cost.sum().square();
            }),
            1e-10
        );
        var weighed = costs with { PixelWeights = Samples.Logits(8, 2, 50).abs() };
        Samples.AreClose(Second(x => weighed.ByTensors(x, y, weighed.PixelWeights)), Second(x => CostSums.Of(x, y, weighed)), 1e-10);
        Samples.AreClose(
            Second(x => FusedSquaredErrors.ByTensors(x, y, null)),
            Second(x => FusedSquaredErrors.Of(x, y, new(new DiceLoss(), null))),
            1e-10
        );
        var line = new CenterlineSums.Options(new DiceLoss(), null, 1, [10, 5], 2);
        var known = y.unsqueeze(1).eq(arange(1, 3, ScalarType.Int64).view(1, -1, 1)).to(ScalarType.Float64).view(2, 2, 10, 5);
        Samples.AreClose(
            Second(x =>
                CenterlineSums.OfMasks(nn.functional.softmax(x, 1).narrow(1, 1, 2).reshape(2, 2, 10, 5), known, ones(1, 1, 1, 1), 2)
            ),
            Second(x => CenterlineSums.Of(x, y, line)),
            1e-10
        );
        var options = new LovaszSoftmax.Options(new LovaszLoss(), null, false, true, 0);
        Samples.AreClose(Second(x => LovaszSoftmax.ByTensors(x, y, options)), Second(x => LovaszSoftmax.Of(x, y, options)), 1e-10);
    }

    [TestMethod]
    [DataRow(5000, 60, false)]
    [DataRow(5000, 60, true)]
    [DataRow(200_000, 60, true)]
    [DataRow(200_000, 0, true)]
    [DataRow(200_000, 0, false)]
    public void OrderIsDescendingInMagnitude(int count, int decades, bool sparing)
    {
        var random = new Random(1);
        var values = Enumerable
            .Range(0, count)
            .Select(i =>
                decades > 0
                    ? (float)((random.NextDouble() - 0.5) * Math.Pow(10, random.Next(decades) - decades / 2))
                    : 1 + random.Next(3000) * 1e-6f * (i % 2 == 0 ? 1 : -1) // many share their upper bits, many are the same
            )
            .ToArray();
        values[7] = -0f;
        values[8] = float.MaxValue;
        var (least, order) = (0.25f, zeros(count, ScalarType.Int32));
        var numbers = tensor(values);
        var found = DescendingOrder.Sort(new TensorMemory<float>(numbers), count, least, new(order), sparing);
        GC.KeepAlive(numbers);
        var places = order.data<int>().ToArray()[..found];
        var expected = Enumerable.Range(0, count).Where(i => float.IsNegative(values[i]) || values[i] >= least).ToArray();
        CollectionAssert.AreEquivalent(expected, places);
        CollectionAssert.AreEqual(
            expected.Select(i => Math.Abs(values[i])).OrderDescending().ToArray(),
            places.Select(i => Math.Abs(values[i])).ToArray()
        );
    }

    [TestMethod]
    public void ResultsDoNotDependOnTheNumberOfThreads()
    {
        var (x, y) = Inputs(2, 5, 40_000, ScalarType.Float32);
        var before = get_num_threads();
        double[] With(int threads)
        {
            set_num_threads(threads);
            var leaf = x.detach().clone().requires_grad_();
            var value = (new DiceLoss() + new LovaszLoss()).Compute(leaf, y);
            value.backward();
            return [value.Number(), .. leaf.grad!.Numbers()];
        }
        try
        {
            CollectionAssert.AreEqual(With(1), With(2));
        }
        finally
        {
            set_num_threads(before);
        }
    }

    [TestMethod]
    [DataRow("Dice()")]
    [DataRow("Lovasz()")]
    [DataRow("UnifiedFocal()")]
    [DataRow("SensitivitySpecificity()")]
    [DataRow("Boundary()")]
    [DataRow("HausdorffDistance()")]
    [DataRow("CenterlineDice()")]
    public void TrainingStepsLeaveNoTensorBehind(string text)
    {
        using var function = Loss.Parse(text).Build();
        using var x = Samples.Logits(6, 2, 3, 8, 8).requires_grad_();
        using var y = Samples.Indices(6, 3, 2, 8, 8);
        long Step()
        {
            using (NewDisposeScope())
            {
                function.Evaluate(new LossInputs { ["logits"] = x, ["targets"] = y }).backward();
                x.grad!.zero_();
            }
            return DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        }
        Step();
        var after = Step();
        for (var i = 0; i < 5; i++)
            Assert.AreEqual(after, Step());
    }

    private static (Tensor Logits, Tensor Targets) Inputs(int images, int classes, int pixels, ScalarType precision) =>
        (Samples.Logits(classes, images, classes, pixels).to(precision), Samples.Indices(classes, Math.Max(2, classes), images, pixels));

    private static void Agree(Func<Tensor, Tensor> kernel, Func<Tensor, Tensor> tensors, Tensor scores, ScalarType precision)
    {
        (double[] Value, double[] Gradient) Run(Func<Tensor, Tensor> sums)
        {
            var leaf = scores.detach().clone().requires_grad_();
            var value = sums(leaf);
            var outer = Samples.Logits(9, value.shape).to(precision);
            (value * outer).sum().backward();
            return (value.Numbers(), leaf.grad!.Numbers());
        }
        var (expected, actual) = (Run(tensors), Run(kernel));
        var tolerance = precision == ScalarType.Float64 ? 1e-10 : 2e-4;
        Samples.AreClose(expected.Value, actual.Value, tolerance, "value");
        Samples.AreClose(expected.Gradient, actual.Gradient, tolerance, "gradient");
    }
}
