using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using MLNetLosses.UnitTests.Losses.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.Segmentation;

/// <summary>What holds of every segmentation loss for every form of targets and any number of axes; losses are found by reflection.</summary>
[TestClass]
public class FormsAndAxesTests
{
    private DisposeScope scope = null!;

    [TestInitialize]
    public void Open() => scope = NewDisposeScope();

    [TestCleanup]
    public void Close() => scope.Dispose();

    /// <summary>Losses that look at the neighbours of a pixel: an image is more to them than a list of pixels.</summary>
    private static readonly string[] SeeNeighbours = ["Boundary", "BoundaryWeightedCrossEntropy", "CenterlineDice", "HausdorffDistance"];

    private static IEnumerable<SegmentationLoss> All =>
        from info in LossCatalog.For<SegmentationLoss>()
        where info.Family == "Segmentation" && info.Type.Assembly == typeof(Loss).Assembly
        where !info.Type.IsDefined(typeof(DefinitionExampleAttribute), false) // losses around another
        select Loss.Parse<SegmentationLoss>($"{info.Name}()");

    public static IEnumerable<object[]> Losses => All.Select(loss => new object[] { loss.ToString() });

    public static IEnumerable<object[]> LossesOfLabels =>
        All.Where(loss => loss.TargetForms.HasFlag(TargetForms.Labels)).Select(loss => new object[] { loss.ToString() });

    public static IEnumerable<object[]> LossesOfSoftLabels =>
        All.Where(loss => loss.TargetForms.HasFlag(TargetForms.SoftLabels)).Select(loss => new object[] { loss.ToString() });

    /// <summary>Classification losses serve pixel by pixel; these take probabilities.</summary>
    public static IEnumerable<object[]> LossesOfProbabilities =>
        from info in LossCatalog.For<ClassificationLoss>()
        where info.Type.Assembly == typeof(Loss).Assembly && !info.Type.IsDefined(typeof(DefinitionExampleAttribute), false)
        let loss = Loss.Parse<ClassificationLoss>($"{info.Name}()")
        where loss.TargetForms.HasFlag(TargetForms.Probabilities) && loss.TargetForms.HasFlag(TargetForms.Indices)
        where loss.RequiredInputs.Count == 2
        select new object[] { loss.ToString() };

    private static readonly long[][] Spatial =
    [
        [9],
        [4, 5],
        [3, 4, 5],
    ];

    [TestMethod]
    [DynamicData(nameof(LossesOfLabels))]
    public void LabelsOfOneLogitAreItsIndices(string text)
    {
        var loss = Loss.Parse<SegmentationLoss>(text);
        foreach (var spatial in Spatial)
        {
            var (x, y) = (Samples.Logits(1, [2, 1, .. spatial]), Samples.Indices(1, 2, [2, .. spatial]));
            y.view(-1)[3] = -100;
            foreach (var type in new[] { ScalarType.Int64, ScalarType.Int16, ScalarType.Float32, ScalarType.Float64 })
                Samples.AreSame(loss, (x, y), (x, y.unsqueeze(1).to(type)));
            y.view(-1)[3] = 1;
            foreach (var type in new[] { ScalarType.Bool, ScalarType.Byte })
                Samples.AreSame(loss, (x, y), (x, y.unsqueeze(1).to(type)));
        }
    }

    [TestMethod]
    [DynamicData(nameof(LossesOfLabels))]
    public void HardLabelsCountTheSameInEveryType(string text)
    {
        var loss = Loss.Parse<SegmentationLoss>(text);
        foreach (var spatial in Spatial)
        {
            var (x, y) = (Samples.Logits(2, [2, 3, .. spatial]), Samples.Indices(2, 2, [2, 3, .. spatial]));
            y.view(-1)[5] = -100;
            foreach (var type in new[] { ScalarType.Int32, ScalarType.Float32, ScalarType.Float64 })
                Samples.AreSame(loss, (x, y), (x, y.to(type)));
        }
    }

    [TestMethod]
    [DynamicData(nameof(LossesOfProbabilities))]
    public void OneHotProbabilitiesAreIndices(string text)
    {
        var loss = Loss.Parse<SegmentationLoss>(text);
        foreach (var spatial in Spatial)
        {
            var (x, y) = (Samples.Logits(3, [2, 3, .. spatial]), Samples.Indices(3, 3, [2, .. spatial]));
            var probabilities = zeros_like(x).scatter_(1, y.unsqueeze(1), ones_like(x));
            var (indices, soft) = (Samples.Evaluate(loss, x, y), Samples.Evaluate(loss, x, probabilities));
            Assert.AreEqual(indices.Value, soft.Value, 1e-12, text);
            Samples.AreClose(indices.Gradient, soft.Gradient, 1e-12, text);
        }
    }

    [TestMethod]
    [DynamicData(nameof(LossesOfSoftLabels))]
    public void SoftLabelsLieBetweenHardOnes(string text)
    {
        // Of one pixel: the nearer the label to what is predicted, the less it costs; nothing jumps when a label becomes soft.
        var loss = Loss.Parse<SegmentationLoss>(text);
        var x = Samples.Logits(4, 2, 2, 3, 4, 5);
        var hard = Samples.Indices(4, 2, 2, 2, 3, 4, 5).to(ScalarType.Float64);
        double At(double softness) => loss.Compute(x, hard * (1 - 2 * softness) + softness).Number();
        var value = At(0);
        Assert.AreEqual(value, At(1e-7), 1e-4 * (1 + Math.Abs(value)), text);
        Assert.AreNotEqual(value, At(0.2), text);
        Assert.AreNotEqual(At(0.2), At(0.3), text);
    }

    [TestMethod]
    [DynamicData(nameof(LossesOfSoftLabels))]
    public void SoftLabelsOfAVolumeAreThoseOfItsChannels(string text)
    {
        // Channels do not depend on each other: each by itself as one logit.
        var loss = Loss.Parse<SegmentationLoss>(text);
        if (loss is GeneralizedDiceLoss)
            return; // one value of all channels together
        var (x, y) = (Samples.Logits(5, 1, 3, 3, 4, 5), Samples.Logits(6, 1, 3, 3, 4, 5).sigmoid());
        y.view(-1)[7] = -100;
        var whole = Samples.Evaluate(loss, x, y);
        var parts = Enumerable
            .Range(0, 3)
            .Select(c => Samples.Evaluate(loss, x.narrow(1, c, 1).contiguous(), y.narrow(1, c, 1).contiguous()))
            .ToArray();
        if (loss is RegionLoss) // a mean over channels that all count alike
            Assert.AreEqual(parts.Average(part => part.Value), whole.Value, 1e-12, text);
        foreach (var (c, part) in parts.Index())
        {
            var factors = part.Gradient.Zip(whole.Gradient.Skip(c * 60)).Where(pair => Math.Abs(pair.First) > 1e-9);
            var ratios = factors.Select(pair => pair.Second / pair.First).ToArray();
            Assert.IsGreaterThan(10, ratios.Length, text);
            Assert.AreEqual(
                ratios.Min(),
                ratios.Max(),
                1e-6 * Math.Abs(ratios.Max()),
                $"{text}: the gradient of channel {c} points elsewhere"
            );
        }
    }

    [TestMethod]
    [DynamicData(nameof(Losses))]
    public void AVolumeOfDepthOneIsItsImage(string text)
    {
        var loss = Loss.Parse<SegmentationLoss>(text);
        foreach (var (form, x, y) in Forms(loss, 6, 7))
        foreach (var axis in new long[] { -3, -2 })
        {
            // Axes after the class: [D, H, W] with one of them 1.
            var (logits, targets) = (x.unsqueeze(axis), y.unsqueeze(axis));
            var (image, volume) = (Samples.Evaluate(loss, x, y), Samples.Evaluate(loss, logits, targets));
            Assert.AreEqual(image.Value, volume.Value, 1e-12 * (1 + Math.Abs(image.Value)), $"{text}, {form}");
            Samples.AreClose(image.Gradient, volume.Gradient, 1e-12, $"{text}, {form}");
        }
    }

    [TestMethod]
    [DynamicData(nameof(Losses))]
    public void AVolumeOfEqualSlicesIsTheSlice(string text)
    {
        const int depth = 3;
        var loss = Loss.Parse<SegmentationLoss>(text);
        // Smooth is a number of pixels, of which there are more.
        var option = DefinitionSchema.Of(loss.GetType()).Options.SingleOrDefault(o => o.Name == "Smooth");
        var (of2D, of3D) = (loss, loss);
        if (loss is GeneralizedDiceLoss generalized) // its classes are weighed by 1 / pixels^2
            of2D = of3D = generalized with { Smooth = 1e-14 };
        else if (option is not null)
            of3D = OptionVariants.With(loss, option, (double)option.Property.GetValue(loss)! * depth)!;
        foreach (var (form, x, y) in Forms(loss, 6, 7))
        {
            Tensor Stacked(Tensor slice) =>
                slice.unsqueeze(-3).expand([.. slice.shape.AsSpan(..^2), depth, .. slice.shape.AsSpan(^2)]).contiguous();
            var (image, volume) = (Samples.Evaluate(of2D, x, y), Samples.Evaluate(of3D, Stacked(x), Stacked(y)));
            Assert.AreEqual(image.Value, volume.Value, 1e-9 * (1 + Math.Abs(image.Value)), $"{text}, {form}");
            if (loss is LovaszLoss or CenterlineDiceLoss) // equal numbers: which of them has the gradient is open
                continue;
            var slices = tensor(volume.Gradient).reshape([.. x.shape.AsSpan(..^2), depth, .. x.shape.AsSpan(^2)]).sum(-3);
            Samples.AreClose(image.Gradient, slices.Numbers(), 1e-9, $"{text}, {form}");
        }
    }

    [TestMethod]
    [DynamicData(nameof(Losses))]
    public void AVolumeIsTheListOfItsPixels(string text)
    {
        var loss = Loss.Parse<SegmentationLoss>(text);
        if (SeeNeighbours.Contains(loss.Name))
            return;
        foreach (var (form, x, y) in Forms(loss, 3, 4, 5))
            Samples.AreSame(loss, (x, y), (x.flatten(2), y.flatten(y.dim() == x.dim() ? 2 : 1)));
    }

    [TestMethod]
    [DynamicData(nameof(Losses))]
    public void GradientsOfVolumesAreTheSlopes(string text)
    {
        var loss = Loss.Parse<SegmentationLoss>(text);
        foreach (var (form, x, y) in Forms(loss, 3, 4, 5))
        {
            var (_, gradient) = Samples.Evaluate(loss, x, y);
            var values = x.view(-1);
            for (var i = 0L; i < values.numel(); i += 1 + values.numel() / 12)
            {
                double At(double step)
                {
                    using var one = NewDisposeScope();
                    var moved = x.clone();
                    moved.view(-1)[i] = values[i] + step;
                    return loss.Compute(moved, y).Number();
                }
                var slope = (At(1e-5) - At(-1e-5)) / 2e-5;
                Assert.AreEqual(slope, gradient[i], 1e-7 + 1e-5 * Math.Abs(slope), $"{text}, {form}: element {i}");
            }
        }
    }

    /// <summary>Logits and targets in every form that the loss takes, some of them ignored.</summary>
    private static IEnumerable<(string Form, Tensor Logits, Tensor Targets)> Forms(SegmentationLoss loss, params long[] spatial)
    {
        Tensor Ignored(Tensor targets)
        {
            targets.view(-1)[4] = loss.IgnoredTarget!.Value;
            return targets;
        }
        yield return ("indices", Samples.Logits(7, [2, 3, .. spatial]), Ignored(Samples.Indices(7, 3, [2, .. spatial])));
        yield return ("one logit", Samples.Logits(8, [2, 1, .. spatial]), Ignored(Samples.Indices(8, 2, [2, .. spatial])));
        if (loss.TargetForms.HasFlag(TargetForms.Labels))
            yield return ("labels", Samples.Logits(9, [2, 3, .. spatial]), Ignored(Samples.Indices(9, 2, [2, 3, .. spatial])));
        if (loss.TargetForms.HasFlag(TargetForms.SoftLabels))
            yield return ("soft labels", Samples.Logits(10, [2, 3, .. spatial]), Ignored(Samples.Logits(11, [2, 3, .. spatial]).sigmoid()));
    }
}
