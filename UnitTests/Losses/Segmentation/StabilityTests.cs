using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.Segmentation;

/// <summary>Every segmentation loss, found by reflection: full and empty masks, saturated logits, nothing left to count.</summary>
[TestClass]
public class StabilityTests
{
    private DisposeScope scope = null!;

    [TestInitialize]
    public void Open() => scope = NewDisposeScope();

    [TestCleanup]
    public void Close() => scope.Dispose();

    private static IEnumerable<string> Names =>
        from info in LossCatalog.For<SegmentationLoss>()
        where info.Family == "Segmentation" && info.Type.Assembly == typeof(Loss).Assembly
        where !info.Type.IsDefined(typeof(DefinitionExampleAttribute), false) // losses around another
        select $"{info.Name}()";

    public static IEnumerable<object[]> Losses =>
        from text in Names.Concat([
            "Dice(smooth: 0)",
            "Dice(smooth: 0, log: true)",
            "Dice(squared: true, perImage: false)",
            "FocalTversky(gamma: 0.2, smooth: 0)",
            "MatthewsCorrelation(perImage: true)",
            "MatthewsCorrelation(poolClasses: true)",
            "Lovasz(perImage: true)",
            "UnifiedFocal(gamma: 0.9)",
            "Boundary(includeBackground: true)",
            "HausdorffDistance(includeBackground: true, log: true)",
        ])
        from precision in new[] { ScalarType.Float64, ScalarType.Float32 }
        select new object[] { text, precision };

    [TestMethod]
    [DynamicData(nameof(Losses))]
    public void FullAndEmptyMasksAreFinite(string text, ScalarType precision)
    {
        var loss = Loss.Parse<SegmentationLoss>(text);
        foreach (var (form, shape, mask) in Masks(loss))
        foreach (var (logits, x) in Logits(mask, shape, precision))
            AssertFinite(loss, x, mask, $"{text}, {form}, {logits}");
    }

    [TestMethod]
    [DynamicData(nameof(Losses))]
    public void EverythingIgnoredIsZeroAndConnected(string text, ScalarType precision)
    {
        var loss = Loss.Parse<SegmentationLoss>(text);
        foreach (var (form, shape, mask) in Masks(loss))
        foreach (var scale in new[] { 1.0, 1e4 })
        {
            var x = (Samples.Logits(2, shape) * scale).to(precision).requires_grad_();
            var value = loss.Compute(x, full_like(mask, loss.IgnoredTarget!.Value));
            value.backward();
            Assert.AreEqual(0, value.Number(), $"{text}, {form}");
            Assert.IsTrue(x.grad!.eq(0).all().item<bool>(), $"{text}, {form}: gradient");
        }
    }

    public static IEnumerable<object[]> OnCounts =>
        from text in new[]
        {
            "MatthewsCorrelation()",
            "MatthewsCorrelation(perImage: true)",
            "MatthewsCorrelation(poolClasses: true)",
            "SensitivitySpecificity()",
            "GeneralizedDice()",
            "Jaccard(smooth: 0)",
            "FocalTversky(gamma: 0.5, smooth: 0)",
        }
        from classes in new[] { 1, 2, 3 }
        select new object[] { text, classes };

    // What is left of a count when all pixels are of one class is rounding, of either sign.
    [TestMethod]
    [DynamicData(nameof(OnCounts))]
    public void AFullMaskOfAnySizeIsFinite(string text, int classes)
    {
        var loss = Loss.Parse<SegmentationLoss>(text);
        for (var side = 1; side < 130; side += 2)
            foreach (var lean in new[] { 0.0, 5, 12 }) // how sure the network is
            {
                using var part = NewDisposeScope();
                var mask = full([2, side, side + 3], classes == 1 ? 1 : classes - 1, ScalarType.Int64);
                var x = Samples.Logits(side, 2, classes, side, side + 3).to(ScalarType.Float32);
                x.select(1, classes - 1).add_(lean);
                AssertFinite(loss, x, mask, $"{text}, {classes} classes, side {side}, lean {lean}");
                AssertFinite(loss, x.neg(), mask, $"{text}, {classes} classes, side {side}, lean {-lean}");
                if (classes > 1 && loss.TargetForms.HasFlag(TargetForms.Labels))
                    AssertFinite(loss, x + lean, ones_like(x), $"{text}, {classes} channels, side {side}, lean {lean}");
            }
    }

    public static IEnumerable<object[]> OfPixels =>
        from info in LossCatalog.For<ClassificationLoss>()
        where info.Type.Assembly == typeof(Loss).Assembly && !info.Type.IsDefined(typeof(DefinitionExampleAttribute), false)
        where ((ClassificationLoss)Activator.CreateInstance(info.Type)!).TargetForms.HasFlag(TargetForms.Labels)
        select new object[] { info.Name };

    [TestMethod]
    [DynamicData(nameof(OfPixels))]
    public void SigmoidsOfAClassificationLossAreFiniteWhenSaturated(string name)
    {
        var loss = Loss.Parse<ClassificationLoss>($"{name}()");
        long[] shape = [2, 3, 4, 5];
        List<Tensor> all = [zeros(shape), ones(shape), Samples.Indices(4, 2, shape)];
        if (loss.TargetForms.HasFlag(TargetForms.SoftLabels))
            all.Add(full(shape, 0.3));
        foreach (var precision in new[] { ScalarType.Float64, ScalarType.Float32 })
        foreach (var labels in all)
        foreach (var (logits, x) in Logits(labels, shape, precision))
            AssertFinite(loss, x, labels.to(precision), $"{name}, {precision}, {logits}");
    }

    public static IEnumerable<object[]> OfOneLogit =>
        from info in LossCatalog.For<ClassificationLoss>()
        where info.Type.Assembly == typeof(Loss).Assembly && !info.Type.IsDefined(typeof(DefinitionExampleAttribute), false)
        let loss = (ClassificationLoss)Activator.CreateInstance(info.Type)!
        where loss.RequiredInputs.Count == 2 && loss.TargetForms.HasFlag(TargetForms.Indices) && ServesOneLogit(loss)
        select new object[] { info.Name };

    private static bool ServesOneLogit(ClassificationLoss loss)
    {
        using var scope = NewDisposeScope();
        try
        {
            loss.Compute(zeros(2, 1), zeros(2, ScalarType.Int64));
            return true;
        }
        catch (ArgumentException) // two classes or more, or facts
        {
            return false;
        }
    }

    [TestMethod]
    [DynamicData(nameof(OfOneLogit))]
    public void OneSigmoidOfAClassificationLossIsFiniteWhenSaturated(string name)
    {
        var loss = Loss.Parse<ClassificationLoss>($"{name}()");
        foreach (var precision in new[] { ScalarType.Float64, ScalarType.Float32 })
        foreach (var mask in new[] { zeros([2, 4, 5], int64), ones([2, 4, 5], int64), Samples.Indices(4, 2, 2, 4, 5) })
        foreach (var (logits, x) in Logits(mask, [2, 1, 4, 5], precision))
            AssertFinite(loss, x, mask, $"{name}, {precision}, {logits}");
    }

    /// <summary>Full, empty and mixed masks in every form that the loss takes, and the shape of their logits.</summary>
    private static IEnumerable<(string Form, long[] Shape, Tensor Mask)> Masks(SegmentationLoss loss)
    {
        foreach (var classes in new[] { 1, 3 })
        {
            for (var c = 0; c < Math.Max(2, classes); c++)
                yield return ($"{classes} logits, all {c}", [2, classes, 9, 8], full([2, 9, 8], c, ScalarType.Int64));
            yield return ($"{classes} logits, mixed", [2, classes, 9, 8], Samples.Indices(3, Math.Max(2, classes), 2, 9, 8));
            yield return ($"{classes} logits, one pixel", [1, classes, 1, 1], ones([1, 1, 1], ScalarType.Int64));
        }
        if (!loss.TargetForms.HasFlag(TargetForms.Labels))
            yield break;
        foreach (var type in new[] { ScalarType.Int64, ScalarType.Float32 })
        {
            yield return ($"{type} labels, all 0", [2, 2, 9, 8], zeros([2, 2, 9, 8], type));
            yield return ($"{type} labels, all 1", [2, 2, 9, 8], ones([2, 2, 9, 8], type));
            yield return ($"{type} labels, mixed", [2, 2, 9, 8], Samples.Indices(3, 2, 2, 2, 9, 8).to(type));
        }
    }

    /// <summary>Unsure, sure and right, sure and wrong, and large without sense.</summary>
    private static IEnumerable<(string Name, Tensor Logits)> Logits(Tensor mask, long[] shape, ScalarType precision)
    {
        var right =
            mask.dim() == shape.Length ? mask
            : shape[1] == 1 ? mask.unsqueeze(1)
            : nn.functional.one_hot(mask, shape[1]).movedim([-1], [1]);
        var sure = (right.to(precision) * 2 - 1) * 1e4;
        yield return ("unsure", Samples.Logits(1, shape).to(precision));
        yield return ("all the same", zeros(shape, precision));
        yield return ("right", sure);
        yield return ("wrong", -sure);
        yield return ("large", (Samples.Logits(2, shape) * 1e4).to(precision));
        yield return ("all of 10,000", full(shape, 1e4, precision));
        yield return ("all of -10,000", full(shape, -1e4, precision));
    }

    private static void AssertFinite(SegmentationLoss loss, Tensor logits, Tensor mask, string what)
    {
        var x = logits.detach().clone().requires_grad_();
        var value = loss.Compute(x, mask);
        value.backward();
        Assert.IsTrue(double.IsFinite(value.Number()), $"{what}: {value.Number()}");
        Assert.IsTrue(x.grad!.isfinite().all().item<bool>(), $"{what}: gradient");
    }
}
