using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.Classification;

/// <summary>Every error names the argument, what came and what was expected.</summary>
[TestClass]
public class ClassificationErrorTests
{
    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void BadInputsAreNamed(string text, string argument, string[] message, Func<(Tensor X, Tensor Y)> inputs)
    {
        using var scope = NewDisposeScope();
        var (x, y) = inputs();
        var error = Assert.ThrowsExactly<ArgumentException>(() => Loss.Parse<ClassificationLoss>(text).Compute(x, y));
        Assert.AreEqual(argument, error.ParamName, error.Message);
        StringAssert.StartsWith(error.Message, text.Split('(')[0]);
        foreach (var part in message)
            StringAssert.Contains(error.Message, part);
    }

    public static IEnumerable<object[]> Cases()
    {
        static object[] Row(string text, string argument, string[] message, Func<(Tensor, Tensor)> inputs) =>
            [text, argument, message, inputs];
        static Tensor Index(params long[] values) => tensor(values);
        yield return Row("CrossEntropy()", "targets", ["targets[1] is 3", "[0, 2]", "IgnoreIndex -100"], () => (zeros(2, 3), Index(0, 3)));
        yield return Row("CrossEntropy()", "targets", ["targets[0] is -1"], () => (zeros(2, 3), Index(-1, 0)));
        yield return Row("CrossEntropy()", "targets", ["class indices int64 [2]", "Int64 [3]"], () => (zeros(2, 3), Index(0, 1, 2)));
        yield return Row("CrossEntropy()", "targets", ["Float32 [2]"], () => (zeros(2, 3), zeros(2)));
        yield return Row("CrossEntropy()", "targets", ["sum to 1"], () => (zeros(2, 3), ones(2, 3)));
        yield return Row("CrossEntropy()", "logits", ["NaN"], () => (full([2, 3], float.NaN), Index(0, 1)));
        yield return Row("CrossEntropy()", "logits", ["floating-point", "Int64 [2, 3]"], () => (zeros(2, 3, int64), Index(0, 1)));
        yield return Row("CrossEntropy()", "logits", ["two axes", "[2]"], () => (zeros(2), Index(0, 1)));
        yield return Row("CrossEntropy()", "targets", ["indices 0 and 1"], () => (zeros(2, 1), ones(2, 1)));
        yield return Row(
            "CrossEntropy(classWeights: [1, 2])",
            "ClassWeights",
            ["2 entries", "3 classes"],
            () => (zeros(2, 3), Index(0, 1))
        );
        yield return Row("CrossEntropy(classWeights: [1, 2, 3])", "ClassWeights", ["2 classes"], () => (zeros(2, 1), Index(0, 1)));
        yield return Row("BinaryCrossEntropy(positiveWeight: [1, 2])", "PositiveWeight", ["2 entries"], () => (zeros(2, 3), zeros(2, 3)));
        yield return Row(
            "BinaryCrossEntropy()",
            "targets",
            ["targets[0, 1] is 2", "[0, 1]"],
            () =>
                (
                    zeros(1, 2),
                    tensor(
                        new float[,]
                        {
                            { 0, 2 },
                        }
                    )
                )
        );
        yield return Row(
            "Focal()",
            "targets",
            ["targets[0, 1] is 0.5", "0 or 1"],
            () =>
                (
                    zeros(1, 2),
                    tensor(
                        new float[,]
                        {
                            { 0, 0.5f },
                        }
                    )
                )
        );
        yield return Row("Focal(alpha: 2)", "Alpha", ["[0, 1]", "is 2"], () => (zeros(1, 2), zeros(1, 2)));
        yield return Row("Focal(activation: Softmax)", "targets", ["class indices"], () => (zeros(1, 2), zeros(1, 2)));
        yield return Row("Focal(activation: Softmax)", "logits", ["at least 2"], () => (zeros(1, 1), Index(0)));
        yield return Row("GeneralizedCrossEntropy()", "logits", ["at least 2"], () => (zeros(1, 1), Index(0)));
        yield return Row("GeneralizedCrossEntropy()", "targets", ["class indices int64 [1]"], () => (zeros(1, 2), zeros(1, 2)));
        yield return Row("Asymmetric(labelSmoothing: 0.1)", "LabelSmoothing", ["labels"], () => (zeros(1, 2), zeros(1, 2)));
        yield return Row("KullbackLeibler()", "targets", ["probabilities [2, 3]"], () => (zeros(2, 3), Index(0, 1)));
        yield return Row(
            "ForwardCorrection(transitionMatrix: [[1, 0], [0, 1]])",
            "logits",
            ["[N, 2, ...]", "[2, 3]"],
            () => (zeros(2, 3), Index(0, 1))
        );
    }

    [TestMethod]
    public void FurtherInputsAreChecked()
    {
        using var scope = NewDisposeScope();
        var inputs = new LossInputs { ["logits"] = zeros(2, 3), ["targets"] = tensor(new long[] { 0, 1 }) };
        void Refused(string argument, string message, Loss loss, params (string, Tensor)[] given)
        {
            var error = Assert.ThrowsExactly<ArgumentException>(() => loss.Compute(inputs.With(given)));
            Assert.AreEqual(argument, error.ParamName, error.Message);
            StringAssert.Contains(error.Message, message);
        }
        Refused("teacherLogits", "is missing", new DistillationLoss());
        Refused("teacherLogits", "the same shape", new DistillationLoss(), ("teacherLogits", zeros(2, 4)));
        Refused("logVariances", "[2, 3], or 1", new HeteroscedasticClassificationLoss(), ("logVariances", zeros(2)));
        Refused("noise", "[S, 2, 3]", new HeteroscedasticClassificationLoss(), ("logVariances", zeros(2, 3)), ("noise", zeros(2, 3)));
        Refused("weights", "one weight a row, here [2]", new CrossEntropyLoss(), ("weights", ones(3)));
        Refused("weights", "weights[1] is -1", new CrossEntropyLoss(), ("weights", tensor(new float[] { 1, -1 })));
        Refused("weights", "a value a row", new AveragePrecisionLoss(), ("weights", ones(2)));
    }

    [TestMethod]
    [DataRow("CrossEntropy(labelSmoothing: 1.1)", "[0, 1]")]
    [DataRow("CrossEntropy(classWeights: [1, -1])", "ClassWeights[1]")]
    [DataRow("BinaryCrossEntropy(positiveWeight: [0])", "(0, inf)")]
    [DataRow("Focal(gamma: -1)", "Gamma must lie in [0, inf)")]
    [DataRow("Focal(activation: Sigmoid, alpha: 2)", "[0, 1]")]
    [DataRow("Focal(activation: Tanh)", "Auto | Softmax | Sigmoid")]
    [DataRow("Hinge(margin: 0)", "(0, inf)")]
    [DataRow("Asymmetric(margin: 1)", "[0, 1)")]
    [DataRow("Poly(epsilon1: -1.5)", "[-1, inf)")]
    [DataRow("ClassBalanced(beta: 1)", "[0, 1)")]
    [DataRow("ClassBalanced(inner: Hinge())", "CrossEntropy, Focal or BinaryCrossEntropy")]
    [DataRow("ClassBalanced(inner: Focal(classWeights: [1, 2]))", "must not have ClassWeights")]
    [DataRow("ClassBalanced(classCounts: [-1])", "ClassCounts[0]")]
    [DataRow("ClassBalanced(inner: Huber())", "'Huber' is a RegressionLoss")]
    [DataRow("GeneralizedCrossEntropy(q: 0)", "(0, 1]")]
    [DataRow("SymmetricCrossEntropy(labelFloor: 1)", "(0, 1)")]
    [DataRow("ForwardCorrection()", "needs the option 'transitionMatrix'")]
    [DataRow("ForwardCorrection(transitionMatrix: [[1, 0]])", "must be square")]
    [DataRow("ForwardCorrection(transitionMatrix: [[0.5, 0.4], [0, 1]])", "row 0 must sum to 1")]
    [DataRow("ForwardCorrection(transitionMatrix: [[1, 0], [1, 0]])", "column 1 is all 0")]
    [DataRow("ForwardCorrection(transitionMatrix: [[2, -1], [0, 1]])", "[0, 1]")]
    [DataRow("BackwardCorrection(transitionMatrix: [[0.5, 0.5], [0.5, 0.5]])", "no usable inverse")]
    [DataRow("HeteroscedasticClassification(samples: 0)", "[1, inf)")]
    [DataRow("JensenShannon(targetWeight: 1)", "[0, 1)")]
    [DataRow("RankSort(delta: 0)", "(0, inf)")]
    public void OptionsOutsideTheirRangeAreRefused(string text, string message) =>
        StringAssert.Contains(Assert.ThrowsExactly<FormatException>(() => Loss.Parse(text)).Message, message);
}
