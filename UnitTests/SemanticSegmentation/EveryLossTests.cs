using System.Reflection;
using Microsoft.ML;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using MLNetLosses.Training;
using MLNetLosses.UnitTests.ImageClassification;

namespace MLNetLosses.UnitTests.SemanticSegmentation;

/// <summary>Every loss that may stand where a segmentation loss is wanted trains two steps, or is refused with the reason.</summary>
[TestClass]
public class EveryLossTests
{
    private static readonly string[] FourClasses = [.. DrawnShapes.Classes, "absent"];

    public static IEnumerable<object[]> Losses()
    {
        foreach (var info in LossCatalog.For<SegmentationLoss>().Where(info => info.Type.Assembly == typeof(Loss).Assembly))
        {
            var text = info.Type.GetCustomAttribute<DefinitionExampleAttribute>()?.Text ?? $"{info.Name}()";
            yield return [text];
        }
        yield return ["CrossEntropy() + Dice() + 0.1 * Boundary()"];
        yield return ["Boundary() + 0.01 * HausdorffDistance()"];
        yield return ["DeepSupervision(inner: CrossEntropy() + Dice())"];
        yield return ["DeepSupervision(inner: Dice(), weights: [1])"];
        yield return ["DeepSupervision(inner: Dice(), weights: [1, 0.5]) + DeepSupervision(inner: CrossEntropy(), weights: [1])"];
        yield return ["Boundary() + DeepSupervision(inner: Boundary())"];
        yield return ["BoundaryWeightedCrossEntropy() + DeepSupervision(inner: BoundaryWeightedCrossEntropy())"];
        yield return ["CrossEntropy() + 0.4 * DeepSupervision(inner: CrossEntropy(), weights: [0, 1])"];
    }

    /// <summary>What tells classes apart by several outputs; one output, which is binary, is refused.</summary>
    private static readonly string[] NeedSeveralOutputs =
    [
        "ActivePassive",
        "BackwardCorrection",
        "Bootstrapping",
        "ClassBalanced",
        "EvidentialClassification",
        "ForwardCorrection",
        "GeneralizedCrossEntropy",
        "JensenShannon",
        "LabelDistributionAwareMargin",
        "LogitAdjusted",
        "ProbabilityMeanAbsoluteError",
        "SymmetricCrossEntropy",
    ];

    /// <summary>Ground and shapes; the squares are ignored where the loss can.</summary>
    private static IDataView TwoClasses(bool ignores) =>
        new MLContext(1).Data.LoadFromEnumerable(
            DrawnShapes
                .Rows(8)
                .ConvertAll(row => new DrawnShapes.Row
                {
                    ImagePath = row.ImagePath,
                    Mask = ignores
                        ? row.Mask
                        : SegmentationMask.OfIndices(24, 24, [.. row.Mask.Values.ToArray().Select(index => Math.Min(index, (byte)1))]),
                })
        );

    [TestMethod]
    [DynamicData(nameof(Losses))]
    public void TwoStepsOfEveryLoss(string text)
    {
        var loss = Loss.Parse<SegmentationLoss>(text);
        var steps = new Recorder();
        var options = Segmenting.Small(o =>
        {
            (o.Loss, o.Progress, o.ProgressInterval, o.Epoch, o.LearningRate) = (loss, steps, 1, 1, 1e-3);
            (o.Optimizer, o.BatchSize) = (new Sgd(), 4);
        });
        if (SegmentationLosses.Missing(loss) is { } missing)
        {
            StringAssert.Contains(
                Assert.ThrowsExactly<ArgumentException>(() => Segmenting.Fit(DrawnShapes.Data(8), options)).Message,
                missing
            );
            return;
        }
        var passes = 0;
        if (SegmentationLosses.NotTaking(loss, TargetForms.Indices).Count == 0)
        {
            options.ClassNames = FourClasses;
            options.IgnoreIndex = SegmentationLosses.CannotIgnore(loss) is null ? 2 : null;
            Check(DrawnShapes.Data(8));
            (options.Mode, options.ClassNames) = (SegmentationMode.Binary, null);
            if (!NeedSeveralOutputs.Contains(text.Split('(')[0]))
                Check(TwoClasses(options.IgnoreIndex is not null));
            else
                StringAssert.Contains(
                    Assert.ThrowsExactly<ArgumentException>(() => Check(TwoClasses(options.IgnoreIndex is not null))).Message,
                    "logits must be [N, "
                );
            options.Mode = SegmentationMode.Auto;
        }
        if (SegmentationLosses.NotTaking(loss, TargetForms.Labels).Count == 0)
        {
            (options.ClassNames, options.IgnoreIndex) = (null, null);
            Check(DrawnShapes.Layers(8, ignored: SegmentationLosses.CannotIgnore(loss) is null));
        }
        Assert.IsGreaterThan(0, passes, "Neither class indices nor layers were tried.");

        void Check(IDataView data)
        {
            passes++;
            steps.Reports.Clear();
            using var trained = Segmenting.Fit(data, options);
            Assert.AreEqual(2L, trained.Summary.Steps);
            Assert.AreEqual(text, trained.Loss);
            foreach (var report in steps.Reports)
            {
                Assert.IsTrue(double.IsFinite(report.Loss), $"The loss is {report.Loss}.");
                Assert.IsGreaterThan(0, report.GradientNorm);
            }
        }
    }

    [TestMethod]
    public void TheOnlyLossesThatAreRefusedNeedSecondNetworksMasksOrProbabilities()
    {
        var refused = LossCatalog
            .For<SegmentationLoss>()
            .Where(info => info.Type.Assembly == typeof(Loss).Assembly)
            .Where(info =>
                SegmentationLosses.Missing(Loss.Parse(info.Type.GetCustomAttribute<DefinitionExampleAttribute>()?.Text ?? $"{info.Name}()"))
                    is not null
            )
            .Select(info => info.Name)
            .ToArray();
        CollectionAssert.AreEquivalent(new[] { "Distillation", "HeteroscedasticClassification", "KullbackLeibler", "Masked" }, refused);
    }
}
