using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;

namespace MLNetLosses.UnitTests.Losses.Core;

[TestClass]
public class LossTextTests
{
    [TestMethod]
    [DataRow("CrossEntropy()")]
    [DataRow("CrossEntropy(labelSmoothing: 0.1)")]
    [DataRow("CrossEntropy(ignoreIndex: 255, classWeights: [1, 2.5, 0])")]
    [DataRow("0.5 * CrossEntropy()")]
    [DataRow("CrossEntropy(labelSmoothing: 0.1) + 0.5 * CrossEntropy()")]
    [DataRow("CrossEntropy() + hard: 0.25 * CrossEntropy(labelSmoothing: 0.2)")]
    [DataRow("WeightRamp(kind: Cosine, to: 0.1, end: 500) * CrossEntropy() + 2 * CrossEntropy()")]
    public void TextReadsBack(string text)
    {
        var loss = Loss.Parse(text);
        Assert.AreEqual(text, loss.ToString());
        Assert.AreEqual(loss, Loss.Parse(loss.ToString()));
        Assert.AreEqual(loss, Loss.FromJson(loss.ToJson()));
    }

    [TestMethod]
    [DataRow("Crossentropy()", "'Crossentropy' is not the name of a Loss. Allowed:")]
    [DataRow("CrossEntropy(gamma: 2)", "CrossEntropy has no option 'gamma'. Options:")]
    [DataRow("CrossEntropy(labelSmoothing: 2)", "LabelSmoothing must lie in [0, 1]")]
    [DataRow("CrossEntropy(labelSmoothing: [1])", "number is wanted")]
    [DataRow("CrossEntropy(", "a name is wanted")]
    [DataRow("CrossEntropy() + ", "a name is wanted")]
    [DataRow("CrossEntropy() CrossEntropy()", "nothing more is wanted")]
    [DataRow("{\"loss\": \"CrossEntropy\", \"gamma\": 1}", "has no option 'gamma'")]
    [DataRow("{\"loss\": 3}", "the property \"loss\"")]
    [DataRow("{\"loss\": \"Sum\", \"terms\": []}", "at least one term")]
    [DataRow("-1 * CrossEntropy()", "[0, inf)")]
    public void ErrorsSayWhatIsWrongAndWhatIsAllowed(string text, string expected)
    {
        var error = Assert.ThrowsExactly<FormatException>(() => Loss.Parse(text));
        StringAssert.Contains(error.Message, expected);
    }

    [TestMethod]
    public void ALossOfAnotherFamilyIsRefused()
    {
        var error = Assert.ThrowsExactly<FormatException>(() => Loss.Parse<ClassificationLoss>("Huber()"));
        StringAssert.Contains(error.Message, "'Huber' is a RegressionLoss; a ClassificationLoss is wanted here.");
    }

    [TestMethod]
    public void SumsKeepTheirFamilyAndNameTheirTerms()
    {
        ClassificationLoss sum = new CrossEntropyLoss() + 0.5 * new CrossEntropyLoss { LabelSmoothing = 0.1 };
        Assert.IsInstanceOfType<ClassificationSumLoss>(sum);
        CollectionAssert.AreEqual(new[] { "crossEntropy", "crossEntropy2" }, ((ISumLoss)sum).Terms.Select(t => t.Name).ToArray());
        Assert.AreEqual(1.0, ((ISumLoss)(2 * sum)).Terms[1].Weight);
        Assert.AreEqual(new CrossEntropyLoss() + 0.5 * new CrossEntropyLoss { LabelSmoothing = 0.1 }, sum);
    }
}
