using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static MLNetLosses.UnitTests.Losses.MetricLearning.Numbers;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.MetricLearning;

/// <summary>Metric losses that own class vectors.</summary>
[TestClass]
public class ClassifierLossTests
{
    private const int Classes = 5;
    private const int Size = 4;

    private static readonly LossContext Context = new()
    {
        ClassCount = Classes,
        EmbeddingSize = Size,
        DType = ScalarType.Float64,
        Seed = 11,
    };

    private static readonly MetricLoss[] All =
    [
        new ArcFaceLoss(),
        new ArcFaceLoss { EasyMargin = true },
        new SubCenterArcFaceLoss(),
        new CosFaceLoss(),
        new NormalizedSoftmaxLoss(),
        new SphereFaceLoss { Scale = 8 },
        new AdaFaceLoss(),
        new MagFaceLoss(),
        new ProxyNCALoss(),
        new ProxyAnchorLoss(),
        new SoftTripleLoss(),
        new CenterLoss(),
    ];

    private static Tensor Labels => tensor(new long[] { 0, 1, 2, 3, 4, 0, 1, 1 });

    private static Tensor Draw(ulong seed = 5)
    {
        using var generator = new Generator(seed, CPU);
        return randn(8, Size, dtype: ScalarType.Float64, generator: generator);
    }

    private static LossInputs Inputs(Tensor embeddings) => new() { ["embeddings"] = embeddings, ["labels"] = Labels };

    [TestMethod]
    public void GradientIsThatOfTheChainOfOperations()
    {
        using var scope = NewDisposeScope();
        static Tensor Cosines(Tensor x, Tensor w) => nn.functional.normalize(x, 2, 1).mm(nn.functional.normalize(w, 2, 1).t());
        static Tensor OneHot() => nn.functional.one_hot(Labels, Classes).to(ScalarType.Float64);
        static Tensor CrossEntropy(Tensor logits) => nn.functional.cross_entropy(logits, Labels);
        static Tensor Arc(Tensor c, Tensor m) => where(c.gt(-m.cos()), (c.acos() + m).cos(), c - m * m.sin());
        var chains = new (MetricLoss Loss, Func<Tensor, Tensor, Tensor> Formula)[]
        {
            (new NormalizedSoftmaxLoss { Temperature = 0.2 }, (x, w) => CrossEntropy(Cosines(x, w) / 0.2)),
            (new CosFaceLoss { Scale = 6 }, (x, w) => CrossEntropy((Cosines(x, w) - OneHot() * 0.35) * 6)),
            (
                new ArcFaceLoss { Scale = 6, Margin = 0.9 },
                (x, w) =>
                {
                    var c = Cosines(x, w);
                    return CrossEntropy(where(OneHot().gt(0), Arc(c, tensor(0.9)), c) * 6);
                }
            ),
            (
                new SubCenterArcFaceLoss { Scale = 6, SubCenters = 3 },
                (x, w) =>
                {
                    var c = Cosines(x, w).view(8, Classes, 3).amax([2]);
                    return CrossEntropy(where(OneHot().gt(0), Arc(c, tensor(0.5)), c) * 6);
                }
            ),
            (
                new MagFaceLoss
                {
                    Scale = 6,
                    LowerNorm = 1,
                    UpperNorm = 3,
                    EasyMargin = false,
                },
                (x, w) =>
                {
                    var c = Cosines(x, w);
                    var a = x.norm(1).clamp(1, 3);
                    var m = ((a - 1) * (0.35 / 2) + 0.45).unsqueeze(1);
                    return CrossEntropy(where(OneHot().gt(0), Arc(c, m), c) * 6) + (a / 9 + 1 / a).mean() * 35;
                }
            ),
            (
                new SphereFaceLoss { Margin = 2, Scale = 3 },
                (x, w) =>
                {
                    var c = Cosines(x, w);
                    var psi = where(c.gt(0), 2 * c * c - 1, 1 - 2 * c * c - 2);
                    return CrossEntropy(where(OneHot().gt(0), psi, c) * x.norm(1, keepdim: true) * 3);
                }
            ),
            (new ProxyNCALoss { Scale = 3 }, (x, w) => CrossEntropy((Cosines(x, w) * 2 - 2) * 3)),
        };
        foreach (var (loss, formula) in chains)
        {
            using var function = loss.Build(Context);
            var (name, weight) = function.State!.named_parameters().Single();
            var x = Draw().requires_grad_();
            var value = function.Evaluate(Inputs(x));
            value.backward();
            var (y, w) = (Draw().requires_grad_(), weight.detach().clone().requires_grad_());
            var expected = formula(y, w);
            expected.backward();
            AreClose(expected.item<double>(), value.item<double>(), $"{loss}");
            Assert.IsTrue(x.grad!.allclose(y.grad!, 1e-9, 1e-12), $"{loss} by the embeddings");
            Assert.IsTrue(weight.grad!.allclose(w.grad!, 1e-9, 1e-12), $"{loss} by {name}");
        }
    }

    [TestMethod]
    public void RelationsBetweenLossesHold()
    {
        using var scope = NewDisposeScope();
        double Value(MetricLoss loss)
        {
            using var function = loss.Build(Context); // the same seed: the same weight
            return function.Evaluate(Inputs(Draw())).item<double>();
        }
        var plain = Value(new NormalizedSoftmaxLoss { Temperature = 1.0 / 16 });
        AreClose(plain, Value(new ArcFaceLoss { Margin = 0, Scale = 16 }), "ArcFace without margin");
        AreClose(plain, Value(new CosFaceLoss { Margin = 0, Scale = 16 }), "CosFace without margin");
        AreClose(plain, Value(new ProxyNCALoss { Scale = 8 }), "ProxyNCA: squared distance of unit vectors is 2 - 2 cos");
        AreClose(Value(new ArcFaceLoss()), Value(new SubCenterArcFaceLoss { SubCenters = 1 }), "one sub-centre");
        Assert.IsTrue(Value(new ArcFaceLoss()) > Value(new ArcFaceLoss { Margin = 0.1 }), "a larger margin costs more");
        var fixedMargin = new MagFaceLoss
        {
            LowerMargin = 0.3,
            UpperMargin = 0.3,
            Lambda = 0,
        };
        AreClose(Value(new ArcFaceLoss { Margin = 0.3, EasyMargin = true }), Value(fixedMargin), "MagFace of one margin");
    }

    [TestMethod]
    public void LogitsPredictWithoutTheMargin()
    {
        using var scope = NewDisposeScope();
        foreach (var loss in All.Where(l => l is IOwnsHead))
        {
            using var function = loss.Build(Context);
            var logits = ((IOwnsHead)loss).Logits(Draw(), function.State!);
            CollectionAssert.AreEqual(new long[] { 8, Classes }, logits.shape, $"{loss}");
            if (loss is SoftTripleLoss)
                continue; // all centres of a class share its score
            // A class vector is scored highest by its own class.
            var vectors = function.State!.named_parameters().Single().parameter.detach();
            var perClass = vectors.shape[0] / Classes;
            var own = ((IOwnsHead)loss).Logits(vectors, function.State!).argmax(1);
            Assert.IsTrue(
                own.eq(arange(vectors.shape[0], dtype: ScalarType.Int64).div(perClass, RoundingMode.floor)).all().item<bool>(),
                $"{loss}"
            );
        }
        using var arc = new ArcFaceLoss { Margin = 0.4 }.Build(Context);
        var cosines = nn.functional.normalize(Draw(), 2, 1).mm(nn.functional.normalize(arc.State!["weight"], 2, 1).t());
        Assert.IsTrue(((IOwnsHead)arc.Definition).Logits(Draw(), arc.State!).allclose(cosines * 64, 1e-12));
    }

    [TestMethod]
    public void EveryLossLearns()
    {
        using var scope = NewDisposeScope();
        foreach (var loss in All)
        {
            using var function = loss.Build(Context);
            using var embeddings = new TorchSharp.Modules.Parameter(Draw().mul(20));
            var rate = loss is CenterLoss ? 0.5 : 0.01;
            using var optimizer = optim.Adam([embeddings, .. function.parameters()], rate);
            var first = function.Evaluate(Inputs(embeddings)).item<double>();
            for (var step = 0; step < 40; step++)
            {
                using var one = NewDisposeScope();
                optimizer.zero_grad();
                function.Evaluate(Inputs(embeddings)).backward();
                optimizer.step();
            }
            Assert.IsTrue(function.Evaluate(Inputs(embeddings)).item<double>() < first, $"{loss}");
        }
    }

    [TestMethod]
    public void OnItsClassVectorTheGradientIsFinite()
    {
        using var scope = NewDisposeScope();
        foreach (var loss in All)
        foreach (var precision in new[] { ScalarType.Float64, ScalarType.Float32 })
        foreach (var sign in new[] { 1, -1, 0 })
        {
            using var function = loss.Build(Context with { DType = precision });
            var (_, vectors) = function.State!.named_parameters().Single();
            var perClass = vectors.shape[0] / Classes;
            var x = (vectors.detach().index_select(0, Labels * perClass) * sign).requires_grad_();
            var value = function.Evaluate(Inputs(x));
            value.backward();
            Assert.IsTrue(value.isfinite().item<bool>(), $"{loss} at {sign} times its class vector");
            Assert.IsTrue(x.grad!.isfinite().all().item<bool>(), $"{loss} at {sign} times its class vector");
            Assert.IsTrue(vectors.grad!.isfinite().all().item<bool>(), $"{loss} at {sign} times its class vector");
        }
    }

    [TestMethod]
    public void EvaluationLeavesTheStatisticsAsTheyAre()
    {
        using var scope = NewDisposeScope();
        using var function = new AdaFaceLoss { Momentum = 0.5 }.Build(Context);
        var lengths = Draw().norm(1);
        function.Evaluate(Inputs(Draw()));
        AreClose(10 + lengths.mean().item<double>() / 2, function.State!["batchMean"].item<double>(), "mean");
        AreClose(50 + lengths.std().item<double>() / 2, function.State!["batchStd"].item<double>(), "deviation");
        var before = function.State["batchMean"].item<double>();
        function.eval();
        function.Evaluate(Inputs(Draw()));
        Assert.AreEqual(before, function.State["batchMean"].item<double>());
    }

    [TestMethod]
    public void WrongUseIsRefused()
    {
        using var scope = NewDisposeScope();
        foreach (var loss in All)
        {
            using var function = loss.Build(Context);
            var range = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() =>
                function.Evaluate(Inputs(Draw()).With(("labels", Labels + 1)))
            );
            Assert.AreEqual("labels", range.ParamName);
            StringAssert.Contains(range.Message, "labels[4] is 5; it must lie in [0, 5)");
            var size = Assert.ThrowsExactly<ArgumentException>(() => function.Evaluate(Inputs(rand(8, Size + 1))));
            StringAssert.Contains(size.Message, "[N, 4], the size that the loss was built for");
            var context = Assert.ThrowsExactly<ArgumentException>(() => loss.Build());
            StringAssert.Contains(context.Message, "LossContext.ClassCount");
        }
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new ArcFaceLoss { Margin = 28.6 });
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new SphereFaceLoss { Margin = 9 });
        Assert.ThrowsExactly<ArgumentException>(() => new MagFaceLoss { LowerNorm = 200 }.Validate());
        Assert.AreEqual(22.6, new MagFaceLoss().SmallestLambda, 0.05);
    }
}
