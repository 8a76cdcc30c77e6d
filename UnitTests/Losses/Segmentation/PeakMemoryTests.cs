using System.Globalization;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.Segmentation;

/// <summary>
/// One forward and backward of a loss on pixels holds at most three times its logits at once, the gradient included, for every form of targets, and in sums.
/// </summary>
[TestClass]
public class PeakMemoryTests
{
    private const int Images = 2;
    private const int Classes = 18;
    private const int Side = 384;

    /// <summary>
    /// What holds more, and how much: sums, where the gradient of a term that goes over parts of the pixels waits while another term makes its own.
    /// </summary>
    private static readonly Dictionary<string, double> Above = new()
    {
        ["Lovasz + BinaryCrossEntropy, indices"] = 3.1,
        ["Lovasz + BinaryCrossEntropy, one logit"] = 4,
        ["Lovasz + BinaryCrossEntropy, labels"] = 3.1,
        ["Focal + Dice, labels"] = 3.1,
    };

    [TestMethod]
    public void PixelLossesHoldAtMostThreeTimesTheirLogits()
    {
        var lines = PeakMemory.Lines(Measure);
        Assert.AreEqual(Cases.Count(), lines.Length);
        var wrong = new List<string>();
        foreach (var line in lines)
        {
            Console.WriteLine(line);
            var (name, multiple) = (line.Split(':')[0], double.Parse(line.Split(' ')[^1], CultureInfo.InvariantCulture));
            if (multiple >= Above.GetValueOrDefault(name, 3))
                wrong.Add($"{line} times the logits is too much");
            if (multiple <= 0.5)
                wrong.Add($"{line} times the logits: at least their gradient must show");
        }
        Assert.AreEqual(0, wrong.Count, string.Join("\n", wrong));
    }

    private static IEnumerable<string> PixelLosses =>
        from info in LossCatalog.For<SegmentationLoss>()
        where info.Family is "Segmentation" or "Classification" || info.Name is "AutomatedFocal" or "SuperClassification"
        where info.Name is not ("AveragePrecision" or "RankSort") && info.Type.Assembly == typeof(Loss).Assembly // the two rank a batch
        where !info.Type.IsDefined(typeof(DefinitionExampleAttribute), false) // losses around another
        select info.Name;

    private static IEnumerable<(string Loss, string Form)> Cases =>
        from text in PixelLosses.Concat([
            "Dice + CrossEntropy",
            "Dice + Focal",
            "Focal + Dice",
            "0.5 * Dice + 0.5 * CenterlineDice",
            "Lovasz + BinaryCrossEntropy",
        ])
        from form in new[] { "indices", "one logit", "labels", "soft labels", "probabilities" }
        where Takes(Loss.Parse<SegmentationLoss>(text), form)
        select (text, form);

    private static bool Takes(SegmentationLoss loss, string form) =>
        loss is SegmentationSumLoss sum ? sum.Terms.All(term => Takes((SegmentationLoss)term.Loss, form))
        : loss is ClassificationSumLoss rows ? rows.Terms.All(term => Takes((SegmentationLoss)term.Loss, form))
        : loss.TargetForms.HasFlag(
            form switch
            {
                "labels" => TargetForms.Labels,
                "soft labels" => TargetForms.SoftLabels,
                "probabilities" => TargetForms.Probabilities,
                _ => TargetForms.Indices,
            }
        ) && (form != "one logit" || TakesOneLogit(loss));

    // Those that do not say that they need two classes.
    private static bool TakesOneLogit(SegmentationLoss loss)
    {
        using var function = Build(loss, "one logit");
        try
        {
            Step(function, "one logit", 16);
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    private static LossFunction Build(Loss loss, string form) =>
        loss.Build(
            new() { ClassCount = form == "one logit" ? 1 : Classes, ClassCounts = [.. Enumerable.Range(1, Classes).Select(n => 10L * n)] }
        );

    private static int Measure(string[] arguments)
    {
        PeakMemory.Prepare();
        foreach (var (text, form) in Cases)
        {
            using var function = Build(Loss.Parse(text), form);
            Step(function, form, 16); // code and constants
            Console.WriteLine(FormattableString.Invariant($"{text}, {form}: {Step(function, form, Side):0.00}"));
        }
        return 0;
    }

    private static double Step(LossFunction function, string form, int side)
    {
        using var scope = NewDisposeScope();
        var (images, classes) = form == "one logit" ? (Images * Classes, 1) : (Images, Classes);
        using var leaf = randn(1).requires_grad_();
        var logits = randn(images, classes, side, side).add_(leaf); // a network's output
        var bands = arange(side * side, ScalarType.Int64).div(side * 32, RoundingMode.floor).to(ScalarType.Int64).reshape(1, side, side);
        var labels = bands.remainder(2).expand(images, classes, side, side);
        var targets = form switch
        {
            "labels" => labels.to(ScalarType.Float32),
            "soft labels" => (labels.to(ScalarType.Float32) * 0.7).add_(0.1),
            "probabilities" => (labels.to(ScalarType.Float32) + 1).div_(labels.to(ScalarType.Float32).add_(1).sum(1, keepdim: true)),
            _ => bands.remainder(Math.Max(2, classes)).repeat(images, 1, 1),
        };
        var inputs = new LossInputs { ["logits"] = logits, ["targets"] = targets };
        foreach (var name in function.Definition.RequiredInputs.Except(["logits", "targets"]))
            inputs[name] = randn(images, classes, side, side);
        function.CheckValues = false; // as in a training after its first step
        return PeakMemory.Bytes(() => function.Evaluate(inputs).backward()) / (logits.numel() * 4);
    }
}
