using System.Numerics;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace MLNetLosses.Losses;

/// <summary>How the costs n = -ln p_y of pixels are weighed and added: w f(n), w the weight of the pixel's class times its own, 0 where ignored.</summary>
/// <param name="Loss">Named by errors.</param>
/// <param name="Ignored">The index that counts nowhere.</param>
/// <param name="ClassWeights">The weight of each target; null: 1.</param>
/// <param name="PixelWeights">The weight of each pixel [N, S], in the logits' type and without gradient; null: 1.</param>
/// <param name="Curve">f; null: n itself.</param>
internal sealed record CostOptions(
    Loss Loss,
    long? Ignored,
    IReadOnlyList<double>? ClassWeights = null,
    Tensor? PixelWeights = null,
    CostCurve? Curve = null
)
{
    /// <summary>sum w f(n) and sum w of every image, [2, N], by tensor operations, on any device and differentiable any number of times.</summary>
    /// <param name="scores">[N, C, S].</param>
    /// <param name="indices">[N, S].</param>
    /// <param name="pixelWeights">As <see cref="PixelWeights"/>, which may no longer be there for the gradient.</param>
    public Tensor ByTensors(Tensor scores, Tensor indices, Tensor? pixelWeights)
    {
        var costs = SoftmaxLogLikelihood.ByTensors(scores, indices, Ignored).neg();
        var valid = Ignored is { } none ? indices.ne(none) : ones_like(indices, ScalarType.Bool);
        var (weights, safe) = (valid.to(scores.dtype), indices.masked_fill(valid.logical_not(), 0));
        if (ClassWeights is not null)
            weights = weights * tensor([.. ClassWeights], dtype: scores.dtype, device: scores.device).take(safe);
        if (pixelWeights is not null)
            weights = weights * pixelWeights;
        return stack([((Curve?.ByTensors(costs, safe) ?? costs) * weights).sum(1), weights.sum(1)]);
    }
}

/// <summary>A curve over the cost n = -ln p_y of a pixel, which may depend on the target.</summary>
internal abstract record CostCurve
{
    /// <summary>f(n).</summary>
    /// <param name="targets">The targets of some pixels.</param>
    /// <param name="costs">n of each.</param>
    /// <param name="result">Where to write.</param>
    /// <param name="room">Room for as many numbers.</param>
    public abstract void Values<T>(ReadOnlySpan<long> targets, ReadOnlySpan<T> costs, Span<T> result, Span<T> room)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>;

    /// <summary>f'(n), as <see cref="Values"/>.</summary>
    public abstract void Slopes<T>(ReadOnlySpan<long> targets, ReadOnlySpan<T> costs, Span<T> result, Span<T> room)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>;

    /// <summary>f(n) by tensor operations.</summary>
    /// <param name="costs">[N, S].</param>
    /// <param name="targets">[N, S], 0 where ignored.</param>
    public abstract Tensor ByTensors(Tensor costs, Tensor targets);
}

/// <summary>n^Power; value and slope 0 at n = 0, where the slope of a power below 1 is infinite.</summary>
internal sealed record PowerCurve(double Power) : CostCurve
{
    public override void Values<T>(ReadOnlySpan<long> targets, ReadOnlySpan<T> costs, Span<T> result, Span<T> room) =>
        Raise(costs, Power, result);

    public override void Slopes<T>(ReadOnlySpan<long> targets, ReadOnlySpan<T> costs, Span<T> result, Span<T> room)
    {
        Raise(costs, Power - 1, result);
        TensorPrimitives.Multiply(result, T.CreateTruncating(Power), result);
    }

    public override Tensor ByTensors(Tensor costs, Tensor targets) => RegionSums.Power(costs, Power);

    private static void Raise<T>(ReadOnlySpan<T> values, double power, Span<T> result)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        TensorPrimitives.Pow(values, T.CreateTruncating(power), result);
        for (var i = 0; i < values.Length; i++)
            if (!(values[i] > T.Zero))
                result[i] = T.Zero;
    }
}

/// <summary>Background n (1 - p_0)^Gamma, foreground n.</summary>
internal sealed record BackgroundFocalCurve(double Gamma) : CostCurve
{
    public override void Values<T>(ReadOnlySpan<long> targets, ReadOnlySpan<T> costs, Span<T> result, Span<T> room)
    {
        Miss(costs, result, room);
        TensorPrimitives.Pow(room, T.CreateTruncating(Gamma), result);
        for (var i = 0; i < costs.Length; i++)
            result[i] =
                targets[i] != 0 ? costs[i]
                : room[i] > T.Zero ? costs[i] * result[i]
                : T.Zero;
    }

    // With m = 1 - p: m' = p, (n m^g)' = m^g (1 + g n p / m).
    public override void Slopes<T>(ReadOnlySpan<long> targets, ReadOnlySpan<T> costs, Span<T> result, Span<T> room)
    {
        Miss(costs, result, room);
        var gamma = T.CreateTruncating(Gamma);
        TensorPrimitives.Pow(room, gamma, result);
        for (var i = 0; i < costs.Length; i++)
            result[i] =
                targets[i] != 0 ? T.One
                : room[i] > T.Zero ? result[i] * (T.One + gamma * costs[i] * (T.One - room[i]) / room[i])
                : T.Zero;
    }

    public override Tensor ByTensors(Tensor costs, Tensor targets) =>
        where(targets.eq(0), costs * RegionSums.Power(ClassScores.Miss(costs), Gamma), costs);

    // 1 - exp(-n), exact also for small n, where the rounding of u = exp(-n) falls out of (1 - u) / -ln u.
    private static void Miss<T>(ReadOnlySpan<T> costs, Span<T> room, Span<T> result)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        TensorPrimitives.Negate(costs, room);
        TensorPrimitives.Exp(room, room);
        TensorPrimitives.Log(room, result);
        for (var i = 0; i < costs.Length; i++)
        {
            var rest = T.One - room[i];
            result[i] =
                costs[i] > T.One ? rest
                : rest == T.Zero ? costs[i]
                : rest * costs[i] / -result[i];
        }
    }
}
