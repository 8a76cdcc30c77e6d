using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Data;

/// <summary>A batch that is ready for a network. The one who takes it disposes it; its tensors belong to no dispose scope.</summary>
internal sealed class ImageBatch : IDisposable
{
    /// <summary>[N, channels, height, width], float32, normalised and augmented, on the loader's device.</summary>
    public required Tensor Pixels { get; init; }

    /// <summary>[N], int64, class indices, on the loader's device.</summary>
    public required Tensor Targets { get; init; }

    /// <summary>[N], float32, weights of the rows, or null when all count the same.</summary>
    public Tensor? Weights { get; init; }

    /// <summary>The partners' targets where Mixup or CutMix was applied, or null.</summary>
    public MixedTargets? Mixed { get; init; }

    /// <summary>The rows of the data that the batch was made of.</summary>
    public required long[] Rows { get; init; }

    /// <summary>The epoch, from 0.</summary>
    public required int Epoch { get; init; }

    /// <summary>The step within the epoch, from 0.</summary>
    public required int Step { get; init; }

    /// <summary>
    /// Targets as probabilities [N, classes]: 1 - e + e / classes on the class, e / classes elsewhere, mixed where the images were.
    /// </summary>
    public Tensor SoftTargets(int classes, double labelSmoothing = 0)
    {
        using var scope = NewDisposeScope();
        var own = Data.SoftTargets.OneHot(Targets, classes, labelSmoothing);
        if (Mixed is { } mixed)
            own = Data.SoftTargets.Mix(own, Data.SoftTargets.OneHot(mixed.Targets, classes, labelSmoothing), mixed.Lambda);
        return own.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Pixels.Dispose();
        Targets.Dispose();
        Weights?.Dispose();
        Mixed?.Targets.Dispose();
        Mixed?.Weights?.Dispose();
    }
}

/// <summary>What a batch was mixed with: the loss is <c>Lambda * loss(own targets) + (1 - Lambda) * loss(these)</c>.</summary>
/// <param name="Targets">[N], int64.</param>
/// <param name="Weights">[N], float32, or null.</param>
/// <param name="Lambda">The share of the own targets.</param>
internal sealed record MixedTargets(Tensor Targets, Tensor? Weights, double Lambda);

/// <summary>Class indices as probabilities.</summary>
internal static class SoftTargets
{
    /// <summary>[N, classes] from [N]: 1 - e + e / classes on the class, e / classes elsewhere.</summary>
    public static Tensor OneHot(Tensor targets, int classes, double labelSmoothing = 0, ScalarType type = ScalarType.Float32)
    {
        using var scope = NewDisposeScope();
        var off = labelSmoothing / classes;
        var result = full([targets.shape[0], classes], off, type, targets.device);
        var on = full([targets.shape[0], 1], 1 - labelSmoothing + off, type, targets.device);
        return result.scatter_(1, targets.view(-1, 1), on).MoveToOuterDisposeScope();
    }

    /// <summary>lambda own + (1 - lambda) partner.</summary>
    public static Tensor Mix(Tensor own, Tensor partner, double lambda) => own.mul(lambda).add_(partner, alpha: 1 - lambda);
}
