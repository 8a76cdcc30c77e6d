using MLNetLosses.Losses;
using MLNetLosses.Training;
using MLNetLosses.UnitTests.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Monitoring;

/// <summary>Where a value first was no number: each place is named, and the first of them where several are.</summary>
[TestClass]
public sealed class NotANumberOriginTests
{
    private static readonly float[] Fine = [1, 2, 3];
    private static readonly float[] Broken = [1, float.NaN, float.PositiveInfinity];

    [TestMethod]
    [DataRow("input", "The input holds 2 values that are no finite numbers, in rows 21, 22.", "Mend or remove these rows, or")]
    [DataRow("targets", "The boxes hold values that are no finite numbers, in rows 21, 22.", "Mend or remove these rows.")]
    [DataRow("weights", "1 tensor of the weights hold values that are no finite numbers, the first of them network/last.bias:", "warm up")]
    [DataRow("output", "the network's logits hold 2 values that are not finite: the network overflows on rows 21, 22.", "extreme values")]
    [DataRow("formula", "the formula of this term overflows on them.", "border of its domain")]
    [DataRow("gradient", "the gradient overflows on its way back.", "single precision")]
    public void PlaceIsNamedWithItsRows(string place, string evidence, string advice)
    {
        var finding = Find(place, term: place == "gradient" ? "gradient" : "focal");
        StringAssert.Contains(finding.Evidence, evidence);
        StringAssert.Contains(finding.Advice, advice);
        StringAssert.StartsWith(finding.Evidence, $"'{finding.Subject}' became NaN in step 7 (epoch 2, batch 3). ");
        Assert.AreEqual((FindingKind.NotANumber, 7L), (finding.Kind, finding.Step));
    }

    [TestMethod]
    public void FirstPlaceOfSeveralIsNamed()
    {
        StringAssert.Contains(Find("input, targets, weights, output").Evidence, "The input holds");
        StringAssert.Contains(Find("targets, weights, output").Evidence, "The boxes hold");
        StringAssert.Contains(Find("weights, output").Evidence, "1 tensor of the weights");
    }

    [TestMethod]
    public void StatisticsThatBreakWithTheOutputAreNoBrokenWeights() =>
        StringAssert.Contains(Find("statistics, output").Evidence, "the network overflows");

    [TestMethod]
    public void BatchThatIsGoneIsNotAskedFor()
    {
        StringAssert.Contains(Find("input, weights", hasBatch: false).Evidence, "1 tensor of the weights");
        StringAssert.Contains(Find("input", hasBatch: false).Evidence, "the formula of this term");
    }

    [TestMethod]
    public void ClippingThatIsSetIsNotAdvisedAgain()
    {
        StringAssert.Contains(Find("weights").Advice, "GradientClipNorm = 1");
        StringAssert.Contains(Find("weights", clip: "10").Advice, "harder (GradientClipNorm is 10)");
    }

    private static Finding Find(string broken, string term = "focal", bool hasBatch = true, string? clip = null)
    {
        using var scope = NewDisposeScope();
        using var toy = new Toy();
        var arena = new WeightArena(toy.Network, null, []);
        using (no_grad())
        {
            if (broken.Contains("weights", StringComparison.Ordinal))
                toy.Network.named_parameters().First(p => p.name == "last.bias").parameter.fill_(double.NaN);
            if (broken.Contains("statistics", StringComparison.Ordinal))
                toy.Network.named_buffers().First(b => b.name == "norm.running_mean").buffer.fill_(double.NaN);
        }
        using var batch = new TrainingBatch(
            Values("input"),
            new() { ["targets"] = tensor(new[] { 0L, 1, 2 }), ["boxes"] = Values("targets") },
            [20, 21, 22]
        );
        var inputs = batch.Targets.With(("logits", Values("output").requires_grad_()));
        var error = new TrainingDivergedException(term, double.NaN, 7, 2, 3, batch.Rows, "");
        var run = new RunRecord();
        if (clip is not null)
            run = run with { Settings = new Dictionary<string, string> { ["GradientClipNorm"] = clip } };
        return NotANumberOrigin.Find(error, arena, hasBatch ? batch : null, hasBatch ? inputs : null, new(run));

        Tensor Values(string place) => tensor(broken.Contains(place, StringComparison.Ordinal) ? Broken : Fine);
    }
}
