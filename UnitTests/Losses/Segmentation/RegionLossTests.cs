using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.Segmentation;

[TestClass]
public class RegionLossTests
{
    private DisposeScope scope = null!;

    [TestInitialize]
    public void Open() => scope = NewDisposeScope();

    [TestCleanup]
    public void Close() => scope.Dispose();

    [TestMethod]
    [DataRow(3, false)]
    [DataRow(3, true)]
    [DataRow(1, false)]
    public void DiceIsTheFormulaWrittenAsLoops(int classes, bool squared)
    {
        var (logits, targets) = (Samples.Logits(1, 2, classes, 3, 4), Samples.Indices(1, Math.Max(classes, 2), 2, 3, 4));
        targets[0, 0, 0] = 255;
        var loss = new DiceLoss
        {
            IgnoreIndex = 255,
            Smooth = 0.3,
            Squared = squared,
        };
        var (x, y) = (logits.Numbers(), targets.data<long>().ToArray());
        var total = 0.0;
        for (var n = 0; n < 2; n++)
        for (var c = 0; c < classes; c++)
        {
            var (right, predicted, target) = (0.0, 0.0, 0.0);
            for (var i = 0; i < 12; i++)
            {
                if (y[n * 12 + i] == 255)
                    continue;
                var own = Math.Exp(x[(n * classes + c) * 12 + i]);
                var all = Enumerable.Range(0, classes).Sum(k => Math.Exp(x[(n * classes + k) * 12 + i]));
                var p = classes == 1 ? own / (1 + own) : own / all;
                var isTarget = y[n * 12 + i] == (classes == 1 ? 1 : c) ? 1 : 0;
                right += p * isTarget;
                predicted += squared ? p * p : p;
                target += isTarget;
            }
            total += 1 - (2 * right + 0.3) / (predicted + target + 0.3);
        }
        Assert.AreEqual(total / (2 * classes), loss.Compute(logits, targets).Number(), 1e-12);
    }

    [TestMethod]
    [DataRow("Dice(ignoreIndex: 255)")]
    [DataRow("SensitivitySpecificity(ignoreIndex: 255)")]
    [DataRow("CenterlineDice(ignoreIndex: 255)")]
    public void LabelsCountTheSameInEveryType(string text)
    {
        var loss = Loss.Parse<RegionLoss>(text);
        var (x, y) = (Samples.Logits(4, 2, 3, 9, 8), Samples.Indices(4, 2, 2, 3, 9, 8));
        y[1, 2, 3, 4] = 255;
        Samples.AreSame(loss, (x, y), (x, y.to(ScalarType.Float64)));
        Samples.AreSame(loss, (x, y), (x, y.to(ScalarType.Byte)));
    }

    [TestMethod]
    public void LossesAreRelatedAsTheFormulasSay()
    {
        var (x, y) = (Samples.Logits(2, 3, 4, 5, 6), Samples.Indices(2, 4, 3, 5, 6));
        double[] Cells(SegmentationLoss loss) => loss.Compute(x, y, reduction: Reduction.None).Numbers();
        void Equal(IEnumerable<double> expected, SegmentationLoss loss) =>
            Samples.AreClose([.. expected], Cells(loss), 1e-12, loss.ToString());
        var dice = Cells(new DiceLoss { Smooth = 2 });
        Equal(
            dice,
            new TverskyLoss
            {
                Alpha = 0.5,
                Beta = 0.5,
                Smooth = 1,
            }
        );
        Equal(dice.Select(d => 2 * d / (1 + d)), new JaccardLoss { Smooth = 1 });
        Equal(dice.Select(d => Math.Log(Math.Cosh(d))), new LogCoshDiceLoss { Smooth = 2 });
        Equal(dice.Select(d => -Math.Log(1 - d)), new DiceLoss { Smooth = 2, Log = true });
        Equal(Cells(new JaccardLoss()), new TverskyLoss { Alpha = 1, Beta = 1 });
        Equal(Cells(new TverskyLoss()), new FocalTverskyLoss { Gamma = 1 });
        Equal(Cells(new TverskyLoss()).Select(t => t * t), new FocalTverskyLoss { Gamma = 2 });
    }

    public static IEnumerable<object[]> Losses =>
        [
            ["Dice()"],
            ["Dice(squared: true, perImage: false)"],
            ["GeneralizedDice()"],
            ["Jaccard(poolClasses: true)"],
            ["Tversky(includeBackground: false)"],
            ["MatthewsCorrelation()"],
            ["SensitivitySpecificity()"],
            ["Lovasz()"],
            ["Lovasz(perImage: true)"],
        ];

    [TestMethod]
    [DynamicData(nameof(Losses))]
    public void AnyNumberOfSpatialAxesIsServed(string text)
    {
        var loss = Loss.Parse<SegmentationLoss>(text);
        var (x, y) = (Samples.Logits(3, 2, 3, 12), Samples.Indices(3, 3, 2, 12));
        Samples.AreSame(loss, (x, y), (x.reshape(2, 3, 3, 4), y.reshape(2, 3, 4)));
        Samples.AreSame(loss, (x, y), (x.reshape(2, 3, 3, 2, 2), y.reshape(2, 3, 2, 2)));
    }

    [TestMethod]
    [DynamicData(nameof(Losses))]
    public void AnIgnoredPixelIsAsIfItWereNotThere(string text)
    {
        var loss = Loss.Parse<SegmentationLoss>(text);
        var (x, y) = (Samples.Logits(4, 2, 3, 10), Samples.Indices(4, 3, 2, 10));
        var padded = cat([x, Samples.Logits(5, 2, 3, 4) * 50], 2).requires_grad_();
        var value = loss.Compute(padded, cat([y, full([2, 4], -100L)], 1));
        value.backward();
        var expected = Samples.Evaluate(loss, x, y);
        Assert.AreEqual(expected.Value, value.Number(), 1e-12);
        Samples.AreClose(expected.Gradient, padded.grad!.narrow(2, 0, 10).Numbers(), 1e-12);
        Assert.AreEqual(0, padded.grad!.narrow(2, 10, 4).abs().max().Number());
    }

    [TestMethod]
    [DynamicData(nameof(Losses))]
    public void NothingLeftIsZeroAndConnected(string text)
    {
        var loss = Loss.Parse<SegmentationLoss>(text);
        var (value, gradient) = Samples.Evaluate(loss, Samples.Logits(6, 2, 3, 4, 4), full([2, 4, 4], -100L));
        Assert.AreEqual(0, value);
        Assert.IsTrue(gradient.All(g => g == 0));
    }

    [TestMethod]
    public void SoftTargetsCountTheSmallerOfPAndYAndArePerfectAtEquality()
    {
        var y = Samples.Logits(7, 1, 2, 3, 3).sigmoid();
        var at = y.logit();
        var p = Samples.Logits(8, 1, 2, 3, 3);
        foreach (
            var loss in new SegmentationLoss[]
            {
                new DiceLoss { Smooth = 0 },
                new JaccardLoss { Smooth = 0 },
                new DiceLoss { Squared = true },
            }
        )
        {
            Assert.AreEqual(0, loss.Compute(at, y).Number(), 1e-12, loss.ToString());
            Assert.IsTrue(loss.Compute(at + 0.1, y).Number() > 1e-4, loss.ToString());
        }
        var right = ((p.sigmoid() + y - (p.sigmoid() - y).abs()) / 2).sum([2, 3]);
        var dice = 1 - 2 * right / (p.sigmoid().sum([2, 3]) + y.sum([2, 3]));
        Assert.AreEqual(
            dice.mean().Number(),
            new DiceLoss { Smooth = 0 }
                .Compute(p, y)
                .Number(),
            1e-12
        );
    }

    [TestMethod]
    public void LabelsOfAnyTypeGiveTheSame()
    {
        var (x, y) = (Samples.Logits(9, 2, 3, 4, 4), Samples.Indices(9, 2, 2, 3, 4, 4));
        foreach (var type in new[] { ScalarType.Float64, ScalarType.Float32, ScalarType.Int32, ScalarType.Byte })
            Samples.AreSame(new DiceLoss(), (x, y), (x, y.to(type)));
    }

    [TestMethod]
    public void PooledClassesAreOneRegion()
    {
        var (x, y) = (Samples.Logits(10, 2, 3, 4, 4), Samples.Indices(10, 3, 2, 4, 4));
        var p = nn.functional.softmax(x, 1).reshape(2, 3, 16);
        var right = p.gather(1, y.reshape(2, 1, 16)).sum([1, 2]);
        var expected = 1 - 2 * right / 32; // every pixel is predicted once and expected once
        var loss = new DiceLoss { PoolClasses = true, Smooth = 0 };
        Samples.AreClose(expected.Numbers(), loss.Compute(x, y, reduction: Reduction.None).Numbers(), 1e-12);
        Assert.AreEqual(0, (loss with { PerImage = false }).Compute(x, y, reduction: Reduction.None).dim());
    }

    [TestMethod]
    public void AbsentClassesMayBeLeftOut()
    {
        var (x, y) = (Samples.Logits(11, 2, 3, 4, 4), Samples.Indices(11, 2, 2, 4, 4));
        var cells = new DiceLoss().Compute(x, y, reduction: Reduction.None);
        Assert.IsTrue(cells[0, 2].Number() > 0.9);
        Assert.AreEqual(
            cells.narrow(1, 0, 2).mean().Number(),
            new DiceLoss { PresentClassesOnly = true }
                .Compute(x, y)
                .Number(),
            1e-12
        );
    }

    [TestMethod]
    public void WithoutSmoothAnEmptyCellPredictedEmptyIsPerfect()
    {
        var x = full([1, 1, 4, 4], -200.0).requires_grad_();
        foreach (var log in new[] { false, true })
        {
            var value = new DiceLoss { Smooth = 0, Log = log }.Compute(x, zeros([1, 4, 4], ScalarType.Int64));
            value.backward();
            Assert.AreEqual(0, value.Number());
            Assert.AreEqual(0, x.grad!.abs().max().Number());
        }
    }

    [TestMethod]
    public void RowWeightsWeighImages()
    {
        var (x, y) = (Samples.Logits(12, 2, 3, 4, 4), Samples.Indices(12, 3, 2, 4, 4));
        var weights = tensor([1.0, 3.0]);
        var each = new DiceLoss().Compute(x, y, reduction: Reduction.None).mean([1]).Numbers();
        Assert.AreEqual((each[0] + 3 * each[1]) / 4, new DiceLoss().Compute(x, y, weights).Number(), 1e-12);
        var error = Assert.ThrowsExactly<ArgumentException>(() => new DiceLoss { PerImage = false }.Compute(x, y, weights));
        StringAssert.Contains(error.Message, "PerImage");
    }

    [TestMethod]
    public void WrongUseIsRefusedWithItsReason()
    {
        var (x, y) = (Samples.Logits(13, 2, 3, 4, 4), Samples.Indices(13, 3, 2, 4, 4));
        void Refused(SegmentationLoss loss, Tensor logits, Tensor targets, string argument, params string[] words)
        {
            var error = Assert.ThrowsExactly<ArgumentException>(() => loss.Compute(logits, targets));
            Assert.AreEqual(argument, error.ParamName);
            foreach (var word in words)
                StringAssert.Contains(error.Message, word);
        }
        Refused(new DiceLoss { ClassWeights = [1, 2] }, x, y, "ClassWeights", "Dice", "2 entries", "3 are needed");
        Refused(new DiceLoss { ClassWeights = [0, 0, 0] }, x, y, "ClassWeights", "all 0");
        Refused(new DiceLoss { ClassWeights = [1] }, x.narrow(1, 0, 1), y.clamp(max: 1), "ClassWeights", "one sigmoid");
        Refused(new DiceLoss { ClassWeights = [1, 2, 3], PoolClasses = true }, x, y, "PoolClasses");
        Refused(new TverskyLoss { Alpha = 0, Beta = 0 }, x, y, "Alpha", "both 0");
        Refused(new DiceLoss(), x, y.narrow(2, 0, 3), "targets", "[2, 4, 3]", "[2, 4, 4]");
        Refused(new DiceLoss(), x, y + 1, "targets", "3", "[0, 2]");
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new DiceLoss { Smooth = -1 });
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new DiceLoss { ClassWeights = [1, double.NaN] });
    }

    [TestMethod]
    [DataRow("Dice()")]
    [DataRow("Lovasz()")]
    public void AnIndexOutOfRangeIsFoundAlsoWhereValuesAreNotChecked(string text)
    {
        using var function = Loss.Parse(text).Build();
        function.CheckValues = false;
        var targets = Samples.Indices(14, 3, 2, 4, 4);
        targets[1, 2, 3] = 255;
        var error = Assert.ThrowsExactly<ArgumentException>(() =>
            function.Evaluate(new LossInputs { ["logits"] = Samples.Logits(14, 2, 3, 4, 4), ["targets"] = targets })
        );
        StringAssert.Contains(error.Message, "255");
    }
}
