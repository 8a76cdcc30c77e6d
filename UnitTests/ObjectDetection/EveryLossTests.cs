using System.Collections.Concurrent;
using System.Reflection;
using Microsoft.ML;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using MLNetLosses.Networks;

namespace MLNetLosses.UnitTests.ObjectDetection;

/// <summary>Every loss of the catalog that may be assigned to a detector trains two steps, or is refused with the reason before any data are read.</summary>
[TestClass]
public class EveryLossTests
{
    private static readonly Lazy<IDataView> Four = new(() => DrawnObjects.Data(4, empty: false));
    private static readonly ConcurrentDictionary<(DetectionHead Head, bool HasBackground), byte[]> Untrained = new();
    private static readonly FcosHead Distributions = new()
    {
        Channels = 32,
        Convolutions = 1,
        DistributionBins = 17,
    };

    /// <summary>Of losses on the classes of a softmax, which are two and the background here: what they need to fit.</summary>
    private static readonly Dictionary<string, string> Fitting = new()
    {
        ["BackwardCorrection"] = "transitionMatrix: [[0.7, 0.3, 0], [0, 0.9, 0.1], [0.2, 0, 0.8]]",
        ["ForwardCorrection"] = "transitionMatrix: [[0.7, 0.3, 0], [0, 0.9, 0.1], [0.2, 0, 0.8]]",
        ["ClassBalanced"] = "classCounts: [5, 5, 90]",
        ["LabelDistributionAwareMargin"] = "classCounts: [5, 5, 90]",
        ["LogitAdjusted"] = "classCounts: [5, 5, 90]",
    };

    /// <summary>By loss, what is wrong with it.</summary>
    private static readonly Dictionary<string, string> Refused = new()
    {
        ["Distillation"] = "'teacherLogits' is missing",
        ["HeteroscedasticClassification"] = "'logVariances' is missing",
        ["KullbackLeibler"] = "KullbackLeibler: targets",
        ["ClassBalanced()"] = "ClassCounts has 2 entries; the logits Float32 [8, 3] have 3 classes",
        ["EvidentialRegression"] = "'gamma' is missing",
        ["GaussianNegativeLogLikelihood"] = "'logVariances' is missing",
        ["LaplaceNegativeLogLikelihood"] = "'logScales' is missing",
    };

    private static IEnumerable<string> Texts<TLoss>()
        where TLoss : Loss =>
        LossCatalog
            .For<TLoss>()
            .Where(info => info.Type.Assembly == typeof(Loss).Assembly)
            .Select(info => info.Type.GetCustomAttribute<DefinitionExampleAttribute>()?.Text ?? $"{info.Name}()");

    public static IEnumerable<object[]> Classification =>
        Texts<DenseDetectionLoss>()
            .Concat(Texts<ClassificationLoss>())
            .Append("SigmoidFocal(alpha: 0.5) + 0.5 * QualityFocal()")
            .Select(text => Fitting.TryGetValue(NameOf(text), out var options) ? $"{NameOf(text)}({options})" : text)
            .Append("ClassBalanced()")
            .Select(text => new object[] { text });

    public static IEnumerable<object[]> Boxes =>
        Texts<BoxLoss>()
            .Concat(Texts<RegressionLoss>())
            .Append("GeneralizedIoU() + 0.5 * IoU(log: true)")
            .Select(text => new object[] { text });

    [TestMethod]
    [DynamicData(nameof(Classification))]
    public void TwoStepsOfEveryLossOnClasses(string text)
    {
        TrainsOrIsRefused(text, o => o.ClassificationLoss = DetectorClassificationLoss.Parse(text), model => model.ClassificationLoss);
        // Beside a loss on decoded boxes, of which some losses compare the overlap.
        if (!Refused.ContainsKey(text) && !Refused.ContainsKey(NameOf(text)))
            TrainsOrIsRefused(
                text,
                o => (o.ClassificationLoss, o.BoxLoss) = (DetectorClassificationLoss.Parse(text), new GeneralizedIoULoss()),
                model => model.ClassificationLoss
            );
    }

    [TestMethod]
    [DynamicData(nameof(Boxes))]
    public void TwoStepsOfEveryLossOnBoxes(string text) =>
        TrainsOrIsRefused(text, o => o.BoxLoss = DetectorBoxLoss.Parse(text), model => model.BoxLoss);

    [TestMethod]
    public void TwoStepsOfTheLossOnDistributions()
    {
        const string Text = "DistributionFocal()";
        TrainsOrIsRefused(
            Text,
            o => (o.Head, o.DistributionLoss) = (Distributions, Loss.Parse(Text)),
            model => model.DistributionLoss!,
            "distributions"
        );
    }

    [TestMethod]
    public void OnlyTheLossOnDistributionsOfSidesIsNoneOnClassesOrBoxes()
    {
        var assignable = Classification.Concat(Boxes).Select(row => NameOf((string)row[0])).ToHashSet();
        var others = LossCatalog
            .All.Where(info => info.Family == "Detection" && info.Type.Assembly == typeof(Loss).Assembly)
            .Select(info => info.Name)
            .Except(assignable)
            .ToArray();
        CollectionAssert.AreEqual(new[] { "DistributionFocal" }, others);
        foreach (var parse in new Action<string>[] { text => DetectorBoxLoss.Parse(text), text => DetectorClassificationLoss.Parse(text) })
        {
            var message = Assert.ThrowsExactly<FormatException>(() => parse("DistributionFocal()")).Message;
            StringAssert.Contains(message, "'DistributionFocal()' is no loss on");
            StringAssert.Contains(message, "assign it to DistributionLoss");
            Assert.IsFalse(Assert.ThrowsExactly<FormatException>(() => parse("Triplet()")).Message.Contains("DistributionLoss"));
        }
    }

    private static string NameOf(string text) => text.Split('(')[0];

    private static void TrainsOrIsRefused(
        string text,
        Action<ObjectDetectionTrainer.Options> set,
        Func<ObjectDetectionTransformer, string> told,
        string? term = null
    )
    {
        var options = Detecting.Small(o =>
        {
            (o.BatchSize, o.ImageSize) = (2, 32);
            set(o);
        });
        if ((Refused.GetValueOrDefault(text) ?? Refused.GetValueOrDefault(NameOf(text))) is { } reason)
        {
            // A box that would be refused: no row was read.
            var rows = DrawnObjects.Rows(2, empty: false);
            rows[0].BoundingBoxes[0] = float.NaN;
            var message = Assert
                .ThrowsExactly<ArgumentException>(() => Detecting.Fit(DrawnObjects.Keyed(new MLContext(1), rows), options))
                .Message;
            StringAssert.Contains(message, $"{Loss.Parse(text)} cannot be a detector's loss on ");
            StringAssert.Contains(message, reason);
            return;
        }
        using var model = Detecting.Fit(Four.Value, options);
        Assert.AreEqual(2L, model.Summary.Steps);
        var terms = model.Summary.History[0].Terms;
        Assert.IsTrue(terms.All(found => double.IsFinite(found.Value)), string.Join(", ", terms));
        Assert.IsTrue(term is null || terms.Any(found => found.Name == term), term);
        Assert.AreEqual(Loss.Parse(text).ToString(), told(model));
        var untrained = Untrained.GetOrAdd(
            (options.Head, options.ClassificationLoss.HasBackground),
            _ =>
            {
                options.Epoch = 0;
                using var initial = Detecting.Fit(Four.Value, options);
                return Detecting.Weights(initial);
            }
        );
        CollectionAssert.AreNotEqual(untrained, Detecting.Weights(model));
    }
}
