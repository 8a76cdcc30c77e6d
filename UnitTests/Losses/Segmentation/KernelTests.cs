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
        var ignored = classes == 1 ? 255 : 1;
        y[0, 3] = ignored;
        Agree(
            scores => FusedRegionSums.Of(scores, y, new(new DiceLoss(), ignored, squared)),
            scores => RegionSums.ByTensors(scores, y, ignored, squared),
            x,
            precision
        );
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
        var (x, y) = Inputs(images, Math.Max(2, classes), pixels, precision);
        foreach (var scale in new[] { 1, 1000 })
            Agree(
                scores => SoftmaxLogLikelihood.Of(scores, y, new(new DiceLoss(), 1)),
                scores => SoftmaxLogLikelihood.ByTensors(scores, y, 1),
                x * scale,
                precision
            );
    }

    [TestMethod]
    [DynamicData(nameof(Sizes))]
    public void RegionSumsWithLikelihoodsAgree(int images, int classes, int pixels, ScalarType precision)
    {
        var (x, y) = Inputs(images, Math.Max(2, classes), pixels, precision);
        Agree(
            scores =>
            {
                var (sums, likelihoods) = FusedRegionSums.WithLikelihoods(scores, y, new(new DiceLoss(), 1, false));
                return cat([sums.flatten(), likelihoods.flatten()]);
            },
            scores => cat([RegionSums.ByTensors(scores, y, 1, false).flatten(), SoftmaxLogLikelihood.ByTensors(scores, y, 1).flatten()]),
            x,
            precision
        );
    }

    [TestMethod]
    [DynamicData(nameof(Sizes))]
    public void SquaredErrorsAgree(int images, int classes, int pixels, ScalarType precision)
    {
        var (x, y) = Inputs(images, Math.Max(2, classes), pixels, precision);
        Agree(
            scores => FusedSquaredErrors.Of(scores, y, new(new DiceLoss(), 1)),
            scores => FusedSquaredErrors.ByTensors(scores, y, 1),
            x,
            precision
        );
    }

    public static IEnumerable<object[]> Images =>
        from shape in new long[][] { [2, 3, 9, 7], [1, 1, 12, 5], [1, 2, 4, 5, 6], [2, 2, 11] }
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
        double[] Second(Func<Tensor, Tensor> sums)
        {
            var leaf = Samples.Logits(5, 2, 3, 50).requires_grad_();
            var value = sums(leaf)[0].square().sum();
            var first = autograd.grad([value], [leaf], retain_graph: true, create_graph: true)[0];
            return autograd.grad([first.square().sum()], [leaf])[0].Numbers();
        }
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
            Second(x => SoftmaxLogLikelihood.ByTensors(x, y, null).exp().sum().square() + RegionSums.ByTensors(x, y, null, false)),
            Second(x =>
            {
                var (sums, likelihoods) = FusedRegionSums.WithLikelihoods(x, y, new(new DiceLoss(), null, false));
                return likelihoods.exp().sum().square() + sums;
            }),
            1e-10
        );
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
    public void OrderIsDescendingInMagnitude()
    {
        var random = new Random(1);
        var values = Enumerable
            .Range(0, 5000)
            .Select(_ => (float)((random.NextDouble() - 0.5) * Math.Pow(10, random.Next(-30, 30))))
            .ToArray();
        values[7] = -0f;
        values[8] = float.MaxValue;
        var order = Enumerable.Range(0, values.Length).ToArray();
        DescendingOrder.Sort<float>(values, order);
        CollectionAssert.AreEqual(values.Select(Math.Abs).OrderDescending().ToArray(), order.Select(i => Math.Abs(values[i])).ToArray());
        CollectionAssert.AreEquivalent(Enumerable.Range(0, values.Length).ToArray(), order);
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
