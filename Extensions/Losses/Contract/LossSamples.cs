using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Small valid inputs for any loss, made from the names of its inputs: for contract tests, examples and measurements. A loss with inputs that no
/// convention covers is given its own through the <c>adjust</c> callback of <see cref="LossContract"/>.
/// </summary>
public static class LossSamples
{
    internal const int Rows = 6;
    internal const int Classes = 4;
    internal const int Width = 4;

    /// <summary>The facts that go with the sample inputs: 4 classes, embeddings of 4 numbers.</summary>
    public static LossContext Context(ScalarType precision = ScalarType.Float64) =>
        new()
        {
            DType = precision,
            ClassCount = Classes,
            ClassCounts = [40, 10, 5, 20],
            EmbeddingSize = Width,
            TaskCount = 3,
        };

    /// <summary>Inputs for a loss.</summary>
    /// <param name="loss">The loss.</param>
    /// <param name="seed">From which they are drawn.</param>
    /// <param name="scale">Multiplies logits and predictions.</param>
    /// <param name="rows">The size of the batch.</param>
    /// <param name="precision">The type of floating-point inputs.</param>
    /// <returns>Tensors in the caller's dispose scope; without the inputs that no convention covers.</returns>
    public static LossInputs For(Loss loss, long seed = 1, double scale = 1, int rows = Rows, ScalarType precision = ScalarType.Float64)
    {
        using var generator = new Generator((ulong)seed, CPU);
        var inputs = new LossInputs();
        foreach (var name in loss.RequiredInputs)
            if (One(loss, name, generator, scale, rows, precision) is { } sample)
                inputs[name] = sample;
        if (loss.OptionalInputs.Contains("noise")) // drawn anew at each call otherwise: nothing to compare
            inputs["noise"] = randn(3, rows, Classes, dtype: precision, generator: generator);
        return inputs;
    }

    private static Tensor? One(Loss loss, string name, Generator generator, double scale, int rows, ScalarType precision)
    {
        Tensor Normal(params long[] shape) => randn(shape, dtype: precision, generator: generator) * scale;
        Tensor Uniform(params long[] shape) => rand(shape, dtype: precision, generator: generator);
        Tensor Index(long high, params long[] shape) => randint(0, high, shape, ScalarType.Int64, generator: generator);
        return (loss, name) switch
        {
            (LossWeighting, "taskGradients") => Normal(3, 5),
            (LossWeighting, _) => (Uniform(3) + 0.5) * scale,
            (SuperLoss, _) => Normal(rows),
            (ClassificationLoss { TargetForms: var forms }, "targets") when forms.HasFlag(TargetForms.Indices) => arange(
                    rows,
                    ScalarType.Int64
                )
                .remainder(Classes),
            (ClassificationLoss { TargetForms: var forms }, "targets") when forms.HasFlag(TargetForms.Probabilities) =>
                nn.functional.softmax(Uniform(rows, Classes), 1),
            (ClassificationLoss, "targets") => Index(2, rows, Classes).to(precision),
            (ClassificationLoss, _) => Normal(rows, Classes),
            (SegmentationLoss, "mask") => Index(2, rows, 5, 6),
            (SegmentationLoss, "targets") => Index(Classes, rows, 5, 6),
            (SegmentationLoss, _) => Normal(rows, Classes, 5, 6),
            (AdaptiveWingLoss, "targets") => Uniform(rows, Width),
            (RegressionLoss, _) => Normal(rows, Width),
            (GenerationLoss, "predictedFeatures0" or "targetFeatures0") => Normal(rows, 3, 4, 4),
            (ImageLoss, _) => Uniform(rows, 3, 16, 16),
            (GenerationLoss, "timesteps") => Index(10, rows),
            (GenerationLoss, "alphasCumprod") => linspace(0.99, 0.01, 10, precision),
            (GenerationLoss, "sigmas") => Uniform(rows) + 0.5,
            (GenerationLoss, "logVariances") => Uniform(rows, Width) * 4 - 2,
            (GenerationLoss, "means") => Normal(rows, Width),
            (GenerationLoss, _) => Normal(rows, 3, 4, 4),
            (SelfSupervisedLoss, "student" or "views") => Normal(3, rows, Width),
            (SelfSupervisedLoss, "teacher") => Normal(2, rows, Width),
            (SelfSupervisedLoss, "predictions" or "targets") => Normal(rows, 5, 6),
            (SelfSupervisedLoss, "mask") => Index(2, rows, 5).to(ScalarType.Bool),
            (SelfSupervisedLoss, _) => Normal(rows, Width),
            (MetricLoss, "labels") => arange(rows, ScalarType.Int64).remainder(3),
            (MetricLoss, _) => Normal(rows, Width),
            (BoxLoss, _) => Boxes(Uniform(rows, 2) * scale, Uniform(rows, 2) * scale),
            (DenseDetectionLoss, "targets") => Index(3, rows, 5, Classes) - 1,
            (DenseDetectionLoss, _) => Normal(rows, 5, Classes),
            (DistributionFocalLoss, "targets") => Uniform(rows, 4) * Width,
            (DistributionFocalLoss, _) => Normal(rows, 4, Width + 1),
            _ => null, // a loss of your own with inputs of its own
        };
    }

    private static Tensor Boxes(Tensor corner, Tensor size) => cat(new Tensor[] { corner, corner + size }, 1);
}
