using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.Core;

/// <summary>Losses on many pixels, which go over parts of them, are what their terms say.</summary>
[TestClass]
public class PixelSumsTests
{
    private const string Matrix = "[[0.7, 0.3, 0], [0, 0.9, 0.1], [0.2, 0, 0.8]]";

    [TestMethod]
    [DataRow("ActivePassive", "indices")]
    [DataRow("Asymmetric", "indices")]
    [DataRow("Asymmetric", "labels")]
    [DataRow("BackwardCorrection(transitionMatrix: " + Matrix + ")", "indices")]
    [DataRow("Asymmetric", "one logit")]
    [DataRow("BinaryCrossEntropy", "labels")]
    [DataRow("BinaryCrossEntropy", "one logit")]
    [DataRow("BinaryCrossEntropy(positiveWeight: [3], labelSmoothing: 0.1)", "soft labels")]
    [DataRow("BinaryCrossEntropy(positiveWeight: [2])", "indices")]
    [DataRow("BinaryCrossEntropy(classWeights: [1, 2, 3])", "soft labels")]
    [DataRow("BinaryCrossEntropy(classWeights: [1, 2])", "one logit")]
    [DataRow("Bootstrapping", "indices")]
    [DataRow("ClassBalanced", "indices")]
    [DataRow("CrossEntropy(classWeights: [1, 2, 3], labelSmoothing: 0.1)", "indices")]
    [DataRow("CrossEntropy", "one logit")]
    [DataRow("CrossEntropy(classWeights: [1, 2, 3])", "probabilities")]
    [DataRow("Distillation", "indices")]
    [DataRow("EvidentialClassification(evidence: Softplus)", "indices")]
    [DataRow("Focal(alpha: 0.3, classWeights: [1, 2, 3])", "labels")]
    [DataRow("Focal(alpha: 0.3)", "one logit")]
    [DataRow("ForwardCorrection(transitionMatrix: " + Matrix + ")", "indices")]
    [DataRow("GeneralizedCrossEntropy", "indices")]
    [DataRow("HeteroscedasticClassification", "indices")]
    [DataRow("Hinge(classWeights: [1, 2, 3], squared: true)", "indices")]
    [DataRow("Hinge", "labels")]
    [DataRow("JensenShannon", "indices")]
    [DataRow("JensenShannon", "probabilities")]
    [DataRow("KullbackLeibler", "probabilities")]
    [DataRow("LabelDistributionAwareMargin(scale: 3)", "indices")]
    [DataRow("LogitAdjusted", "indices")]
    [DataRow("Poly(gamma: 1)", "labels")]
    [DataRow("Poly(gamma: 0.5)", "one logit")]
    [DataRow("ProbabilityMeanAbsoluteError", "probabilities")]
    [DataRow("SuperClassification", "indices")]
    [DataRow("SuperClassification", "one logit")]
    [DataRow("SymmetricCrossEntropy", "indices")]
    [DataRow("AutomatedFocal", "indices")]
    [DataRow("AutomatedFocal", "labels")]
    [DataRow("AutomatedFocal", "one logit")]
    public void ManyPixelsGiveWhatTheirTermsGive(string text, string form)
    {
        foreach (var (type, tolerance) in new[] { (ScalarType.Float64, 1e-10), (ScalarType.Float32, 1e-4) })
        foreach (var reduction in new[] { Reduction.Mean, Reduction.Sum })
        foreach (var weighed in new[] { false, true })
        {
            using var scope = NewDisposeScope();
            var (inputs, leaves) = Inputs(text, form, type);
            if (weighed)
                inputs["weights"] = tensor(new[] { 0.5, 2, 1 }, dtype: type);
            var parts = Evaluate(text, inputs, leaves, (function, given) => function.Evaluate(given, reduction));
            var whole = Evaluate(text, inputs, leaves, (function, given) => Whole(function, given, reduction));
            for (var i = 0; i < whole.Length; i++)
                Assert.IsLessThanOrEqualTo(
                    tolerance * Math.Max(1e-30, whole[i].norm().item<double>()),
                    (parts[i] - whole[i]).norm().item<double>(),
                    $"{type}, {reduction}, weighed {weighed}, number {i}"
                );
            Assert.IsGreaterThan(0, whole[1].norm().item<double>());
        }
    }

    [TestMethod]
    [DataRow("Focal(activation: Sigmoid)", "indices")]
    [DataRow("Bootstrapping", "indices")]
    [DataRow("BinaryCrossEntropy", "one logit")]
    [DataRow("Asymmetric", "labels")]
    [DataRow("HeteroscedasticClassification", "drawn")]
    public void AGraphThatIsKeptGivesItsGradientAgain(string text, string form)
    {
        using var scope = NewDisposeScope();
        var (inputs, leaves) = Inputs(text, form, ScalarType.Float64);
        using var function = Build(text);
        var value = function.Evaluate(inputs);
        value.backward(retain_graph: true);
        var first = leaves[0].grad!.clone();
        value.backward(retain_graph: true); // adds to the first
        (value * 3).backward();
        Assert.IsTrue(allclose(first * 5, leaves[0].grad!, rtol: 1e-9, atol: 1e-16));
        Assert.IsTrue(first.ne(0).any().item<bool>());
    }

    [TestMethod]
    [DataRow("Bootstrapping", "indices")]
    [DataRow("Focal", "one logit")]
    [DataRow("BinaryCrossEntropy", "soft labels")]
    public void TheGradientMayBeDifferentiatedAgain(string text, string form)
    {
        using var scope = NewDisposeScope();
        var (inputs, leaves) = Inputs(text, form, ScalarType.Float64);
        using var function = Build(text);
        Tensor Second(Tensor value)
        {
            var gradient = autograd.grad([value], [leaves[0]], retain_graph: true, create_graph: true)[0];
            return autograd.grad([gradient.square().sum()], [leaves[0]])[0];
        }
        var (parts, whole) = (Second(function.Evaluate(inputs)), Second(Whole(function, inputs, Reduction.Mean)));
        Assert.IsTrue(allclose(whole, parts, rtol: 1e-8, atol: 1e-24));
        Assert.IsTrue(whole.ne(0).any().item<bool>());
    }

    [TestMethod]
    public void InputsMayBeDisposedBeforeTheBackwardPass()
    {
        using var scope = NewDisposeScope();
        using var leaf = ones(1, ScalarType.Float64).requires_grad_();
        Tensor Gradient(bool disposed)
        {
            leaf.grad = null;
            var (inputs, _) = Inputs("Distillation", "indices", ScalarType.Float64);
            var logits = inputs["logits"].detach() * leaf;
            Tensor value;
            using (var function = Build("Distillation"))
                value = function.Evaluate(inputs.With(("logits", logits)));
            if (disposed)
                foreach (var (_, tensor) in inputs.With(("logits", logits)))
                    tensor.Dispose();
            value.backward(retain_graph: true);
            value.backward();
            return leaf.grad!.clone();
        }
        Assert.AreEqual(Gradient(false).item<double>(), Gradient(true).item<double>(), 1e-12);
    }

    [TestMethod]
    public void NothingIsLeftBehindAndAStateIsChangedOnceAStep()
    {
        using var function = Build("AutomatedFocal");
        function.train();
        void Step(bool backward)
        {
            using var scope = NewDisposeScope();
            var (inputs, _) = Inputs("AutomatedFocal", "labels", ScalarType.Float32);
            var value = function.Evaluate(inputs);
            if (backward)
                value.backward();
        }
        Step(true);
        var before = function.State!["meanCorrectProbability"].item<float>();
        var tensors = Tensor.TotalCount;
        for (var i = 0; i < 3; i++)
            Step(i != 1);
        Assert.AreEqual(tensors, Tensor.TotalCount);
        Assert.AreEqual(before, function.State["meanCorrectProbability"].item<float>(), 1e-6f); // the same batch: the same mean
    }

    [TestMethod]
    public void WrongTargetsAreNamedByTheirPlaceInTheWhole()
    {
        using var scope = NewDisposeScope();
        var (inputs, _) = Inputs("Bootstrapping", "indices", ScalarType.Float32);
        inputs["targets"][2, 410, 7] = 5;
        var error = Assert.ThrowsExactly<ArgumentException>(() => new BootstrappingLoss().Compute(inputs));
        StringAssert.Contains(error.Message, "targets[2, 410, 7] is 5");
        inputs["targets"] = inputs["targets"].narrow(1, 0, 400);
        error = Assert.ThrowsExactly<ArgumentException>(() => new BootstrappingLoss().Compute(inputs));
        StringAssert.Contains(error.Message, "[3, 420, 300]");
    }

    // Images larger than a part, of a number of pixels that parts do not divide; some pixels are ignored.
    private static (LossInputs Inputs, Tensor[] Leaves) Inputs(string text, string form, ScalarType type)
    {
        using var random = new Generator(5);
        var classes = form == "one logit" ? 1 : 3;
        var (high, wide) = form == "one logit" ? (1210, 303) : (420, 300);
        Tensor Normal() => randn([3, classes, high, wide], dtype: type, generator: random);
        var logits = Normal().requires_grad_();
        var ignored = rand([3, high, wide], generator: random).lt(0.1);
        var labels = rand([3, classes, high, wide], dtype: type, generator: random);
        var inputs = new LossInputs
        {
            ["logits"] = logits,
            ["targets"] = form switch
            {
                "labels" => labels.gt(0.5).to(type).masked_fill(ignored.unsqueeze(1), -100),
                "soft labels" => labels,
                "probabilities" => nn.functional.softmax(labels, 1),
                _ => randint(0, Math.Max(2, classes), [3, high, wide], dtype: ScalarType.Int64, generator: random)
                    .masked_fill(ignored, -100),
            },
        };
        var leaves = new List<Tensor> { logits };
        if (form is "probabilities" or "soft labels" && !text.StartsWith("Probability", StringComparison.Ordinal))
            leaves.Add(inputs["targets"].requires_grad_());
        if (text.StartsWith("Distillation", StringComparison.Ordinal))
            inputs["teacherLogits"] = Normal();
        if (text.StartsWith("Heteroscedastic", StringComparison.Ordinal))
        {
            leaves.Add(inputs["logVariances"] = Normal().requires_grad_());
            if (form != "drawn")
                inputs["noise"] = stack([Normal(), Normal()]);
        }
        if (text.StartsWith("JensenShannon", StringComparison.Ordinal))
            leaves.Add(inputs["viewLogits"] = stack([Normal(), Normal()]).requires_grad_());
        return (inputs, [.. leaves]);
    }

    private static LossFunction Build(string text) => Loss.Parse(text).Build(new() { ClassCount = 3, ClassCounts = [10, 200, 3000] });

    private static Tensor Whole(LossFunction function, LossInputs inputs, Reduction reduction)
    {
        var terms = function.EvaluateUnreduced(inputs);
        Assert.IsGreaterThan(1 << 17, terms.Values.numel());
        var weights = inputs.Find("weights") is { } rows ? function.Definition.ShapeWeights(rows, terms.Values) : null;
        return LossReducer.Reduce(function.Definition, terms, reduction, weights);
    }

    private static Tensor[] Evaluate(string text, LossInputs inputs, Tensor[] leaves, Func<LossFunction, LossInputs, Tensor> evaluate)
    {
        using var function = Build(text);
        foreach (var leaf in leaves)
            leaf.grad = null;
        var value = evaluate(function, inputs);
        value.backward();
        return [value.detach().to(ScalarType.Float64), .. leaves.Select(leaf => leaf.grad!.to(ScalarType.Float64))];
    }
}
