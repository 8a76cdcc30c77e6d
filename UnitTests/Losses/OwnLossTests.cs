using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using MLNetLosses.UnitTests.ImageClassification;
using static TorchSharp.torch;
using ClassifierTraining = MLNetLosses.UnitTests.ImageClassification.Training;

namespace MLNetLosses.UnitTests.Losses;

/// <summary>A loss that is defined outside the library is a loss like any other. The page of losses shows the code of these two.</summary>
[TestClass]
public class OwnLossTests
{
    [TestMethod]
    public void ItHasATextAndAJsonForm()
    {
        var loss = new CappedCrossEntropyLoss { Cap = 3 };
        Assert.AreEqual("CappedCrossEntropy(cap: 3)", loss.ToString());
        Assert.AreEqual(loss, Loss.Parse("CappedCrossEntropy(cap: 3)"));
        Assert.AreEqual(loss, Loss.FromJson<ClassificationLoss>("""{ "loss": "CappedCrossEntropy", "cap": 3 }"""));
        Assert.AreEqual(loss, Loss.FromJson(loss.ToJson()));
        Assert.AreNotEqual(loss, loss with { Cap = 4 });
    }

    [TestMethod]
    public void ItsOptionsAreCheckedAndListedLikeAnyOther()
    {
        StringAssert.Contains(Assert.Throws<ArgumentOutOfRangeException>(() => new CappedCrossEntropyLoss { Cap = 0 }).Message, "(0, inf)");
        StringAssert.Contains(
            Assert.ThrowsExactly<FormatException>(() => Loss.Parse("CappedCrossEntropy(top: 3)")).Message,
            "cap: number in (0, inf)"
        );
        var info = LossCatalog.For<ClassificationLoss>().Single(l => l.Type == typeof(CappedCrossEntropyLoss));
        Assert.AreEqual("CappedCrossEntropy", info.Name);
        Assert.AreEqual("Classification", info.Family);
        Assert.AreEqual("cap", info.Options.Single().JsonName);
        Assert.AreEqual(5.0, info.Options.Single().Default);
        Assert.AreEqual("min(-log p_y, cap)", info.Guide!.Formula);
    }

    [TestMethod]
    public void ItAddsUpWithLossesOfTheLibrary()
    {
        using var scope = NewDisposeScope();
        ClassificationLoss sum = new CappedCrossEntropyLoss { Cap = 1 } + 0.5 * new FocalLoss { Gamma = 3 };
        Assert.AreEqual("CappedCrossEntropy(cap: 1) + 0.5 * Focal(gamma: 3)", sum.ToString());
        Assert.AreEqual(sum, Loss.Parse<ClassificationLoss>(sum.ToString()));
        Assert.AreEqual(sum, Loss.FromJson<ClassificationLoss>(sum.ToJson()));

        var (logits, targets) = (
            tensor(
                new[,]
                {
                    { 4.0, 0 },
                    { 4.0, 0 },
                }
            ),
            tensor(new[] { 0L, 1L })
        );
        var right = Math.Log(1 + Math.Exp(-4));
        var capped = new CappedCrossEntropyLoss { Cap = 1 }
            .Compute(logits, targets)
            .item<double>();
        Assert.AreEqual((right + 1) / 2, capped, 1e-12, "the wrong row costs the cap");
        Assert.AreEqual(
            capped
                + 0.5
                    * new FocalLoss { Gamma = 3 }
                        .Compute(logits, targets)
                        .item<double>(),
            sum.Compute(logits, targets).item<double>(),
            1e-12
        );
    }

    [TestMethod]
    public void ItKeepsThePromisesOfEveryLoss()
    {
        LossContract.CheckAll(new CappedCrossEntropyLoss());
        LossContract.CheckAll(new CappedCrossEntropyLoss { Cap = 0.5 });
        LossContract.CheckAll(new LearnedTemperatureLoss { InitialTemperature = 2 });
    }

    /// <summary>The value depends on the order of rows, and is infinite far out.</summary>
    public sealed record CarelessLoss : ClassificationLoss
    {
        protected override LossTerms Score(Tensor logits, ClassTargets targets, LossCall call) =>
            new(-targets.Pick(logits).exp() * arange(logits.shape[0], dtype: logits.dtype));
    }

    [TestMethod]
    public void ABrokenPromiseIsNamed()
    {
        var loss = new CarelessLoss();
        StringAssert.Contains(
            Assert.ThrowsExactly<LossContractException>(() => LossContract.CheckAll(loss)).Message,
            "finite value at scale 10000"
        );
        var order = LossContract.Checks.Single(c => c.Name == "order of rows does not matter").Check;
        StringAssert.Contains(
            Assert.ThrowsExactly<LossContractException>(() => order(loss, inputs => inputs)).Message,
            "the value does not depend on the order of rows"
        );
    }

    /// <summary>A loss of no family, with inputs of its own.</summary>
    public sealed record DepthLoss : Loss
    {
        public override IReadOnlyList<string> RequiredInputs => ["depths", "trueDepths"];

        protected internal override LossTerms ComputeTerms(LossCall call) => new((call["depths"] - call["trueDepths"]).square());
    }

    [TestMethod]
    public void SamplesOfItsOwnInputsAreGiven()
    {
        StringAssert.Contains(
            Assert.ThrowsExactly<NotSupportedException>(() => LossContract.CheckAll(new DepthLoss())).Message,
            "no sample of the input 'depths' is known"
        );
        LossContract.CheckAll(
            new DepthLoss(),
            inputs => inputs.With(("depths", tensor(new[] { 1.0, 2 })), ("trueDepths", tensor(new[] { 2.0, 4 })))
        );
    }

    [TestMethod]
    public void ItTrainsANetworkAndIsSavedWithTheModel()
    {
        ClassificationLoss loss = new CappedCrossEntropyLoss { Cap = 3 } + 0.5 * new LearnedTemperatureLoss();
        var context = ClassifierTraining.Context();
        var data = DrawnImages.Keyed(context, DrawnImages.Bytes(12, size: 8));
        using var model = ClassifierTraining.Fit(data, ClassifierTraining.Small(o => (o.Loss, o.ImageSize) = (loss, 8)), context);
        CollectionAssert.AreEqual(
            new[] { "cappedCrossEntropy", "learnedTemperature" },
            model.Summary.History.Single().Terms.Select(t => t.Name).ToArray()
        );
        using var stream = new MemoryStream();
        context.Model.Save(model, data.Schema, stream);
        stream.Position = 0;
        using var loaded = (ImageClassificationTransformer)context.Model.Load(stream, out _);
        Assert.AreEqual(loss, Loss.Parse<ClassificationLoss>(loaded.Loss));
        CollectionAssert.AreEqual(ClassifierTraining.Probe(model), ClassifierTraining.Probe(loaded));
    }
}
