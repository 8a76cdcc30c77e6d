using System.Numerics;
using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>Probabilities and cross-entropies of pixels.</summary>
internal static class PixelScores
{
    /// <summary>The number of pixels of an image: the product of the axes after [N, C].</summary>
    public static long PixelCount(Tensor logits) => logits.shape.AsSpan(2).Product();

    /// <summary>Whether class 0 is a background that can be left out: a softmax has one, sigmoids have not.</summary>
    public static bool HaveBackground(ClassTargets targets) => targets.AreIndices && targets.ClassCount > 1;

    /// <summary>Softmax over the classes for indices, a sigmoid for labels and for a single logit; [N, C, ...].</summary>
    public static Tensor Probabilities(Tensor logits, ClassTargets targets) =>
        HaveBackground(targets) ? nn.functional.softmax(logits, 1) : logits.sigmoid();

    /// <summary>1 where a pixel counts and 0 where not, broadcastable to [N, C, ...].</summary>
    public static Tensor ValidByChannel(Tensor logits, ClassTargets targets)
    {
        var valid = targets.Weights(logits) ?? ones_like(targets.Raw, logits.dtype);
        return targets.AreIndices ? valid.unsqueeze(1) : valid;
    }

    /// <summary>-ln p_y of index targets, [N, ...]; 0 where ignored. C = 1: of one sigmoid with indices 0 and 1.</summary>
    public static Tensor NegativeLogLikelihood(SegmentationLoss loss, Tensor logits, ClassTargets targets) =>
        targets.ClassCount > 1
            ? ClassScores.Cost(loss, logits, targets)
            : LogLikelihood(loss, logits, targets).neg().reshape(targets.Raw.shape);

    /// <summary>ln p_y of index targets, [N, S]; 0 where ignored. C = 1: of one sigmoid with indices 0 and 1.</summary>
    public static Tensor LogLikelihood(SegmentationLoss loss, Tensor logits, ClassTargets targets) =>
        SoftmaxLogLikelihood.Of(logits, ByPixel(targets.Raw), new(loss, targets.IgnoredTarget));

    /// <summary>The sums of weighed costs -w ln p_y and of w over each image.</summary>
    /// <param name="loss">Named by errors.</param>
    /// <param name="logits">[N, C, ...] on the CPU.</param>
    /// <param name="targets">Indices.</param>
    /// <param name="classWeights">The weight of each target; null: 1.</param>
    /// <param name="pixelWeights">What else each pixel is weighed by, [N, S], without gradient; null: nothing.</param>
    public static LossTerms CostSums(
        SegmentationLoss loss,
        Tensor logits,
        ClassTargets targets,
        IReadOnlyList<double>? classWeights,
        Tensor? pixelWeights = null
    )
    {
        var sums = Losses.CostSums.Of(logits, ByPixel(targets.Raw), new(loss, targets.IgnoredTarget, classWeights, pixelWeights));
        return new(sums[0], sums[1].detach()) { Weighted = true };
    }

    /// <summary>Adds to numbers of pixels [N, S] on the CPU, in place, the weight of each pixel's class; nothing where ignored.</summary>
    public static void AddClassWeights(Tensor numbers, ClassTargets targets, IReadOnlyList<double> classWeights)
    {
        if (numbers.dtype == ScalarType.Float64)
            AddClassWeights<double>(numbers, targets, classWeights);
        else
            AddClassWeights<float>(numbers, targets, classWeights);
    }

    private static void AddClassWeights<T>(Tensor numbers, ClassTargets targets, IReadOnlyList<double> classWeights)
        where T : unmanaged, INumber<T>
    {
        var indices = targets.Raw.contiguous();
        var (memory, classes) = (new TensorMemory<T>(numbers), new TensorMemory<long>(indices));
        T[] weights = [.. classWeights.Select(T.CreateTruncating)];
        var runs = CpuWork.Runs(1, indices.numel());
        CpuWork.For(
            runs.Length,
            r =>
            {
                var x = memory[runs[r].From, runs[r].Length];
                var y = classes[runs[r].From, runs[r].Length];
                for (var i = 0; i < y.Length; i++)
                    if ((ulong)y[i] < (ulong)weights.Length && y[i] != targets.IgnoredTarget)
                        x[i] += weights[y[i]];
            }
        );
        GC.KeepAlive(numbers);
        GC.KeepAlive(indices);
    }

    /// <summary>[N, ...] as [N, S].</summary>
    public static Tensor ByPixel(Tensor pixels) => pixels.reshape(pixels.shape[0], pixels.shape.AsSpan(1).Product());

    /// <summary>The weight of each pixel: that of its class, 0 where ignored; [N, ...].</summary>
    public static Tensor Weights(Tensor logits, ClassTargets targets, Tensor? classWeights)
    {
        var valid = targets.Weights(logits)!;
        return classWeights is null ? valid : classWeights.take(targets.Safe) * valid;
    }

    /// <summary>
    /// What a formula needs of every channel of labels, [K, N, C]: channels do not depend on each other, and only a few are worked on at once.
    /// </summary>
    /// <param name="logits">[N, C, ...].</param>
    /// <param name="labels">Labels [N, C, ...].</param>
    /// <param name="work">From some channels [n, 1, ...] and their labels to [K, n, 1]. Called again in the backward pass, where it must not throw.</param>
    public static Tensor ByChannel(Tensor logits, ClassTargets labels, Func<Tensor, ClassTargets, Tensor> work)
    {
        long[] planes = [logits.shape[0] * logits.shape[1], 1, .. logits.shape.AsSpan(2)];
        var x = logits.reshape(planes);
        var rows = PartByPart.Of(
            x,
            PartByPart.Length(x),
            (part, others) => work(part, labels.Part(others[0])).squeeze(2).transpose(0, 1),
            labels.Raw.reshape(planes)
        );
        return rows.transpose(0, 1).reshape(rows.shape[1], logits.shape[0], logits.shape[1]);
    }

    /// <summary>The sum over all axes but the first, [N].</summary>
    public static Tensor SumByImage(Tensor values) => ByPixel(values).sum(1);

    private static long Product(this ReadOnlySpan<long> sizes)
    {
        var product = 1L;
        foreach (var size in sizes)
            product *= size;
        return product;
    }

    private static long Product(this Span<long> sizes) => Product((ReadOnlySpan<long>)sizes);
}
