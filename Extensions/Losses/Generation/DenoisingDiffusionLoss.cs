using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>What a diffusion model predicts; a = alphasCumprod[timestep], e = noise, x0 = targets.</summary>
public enum DiffusionPrediction
{
    /// <summary>e.</summary>
    Epsilon,

    /// <summary>x0.</summary>
    Sample,

    /// <summary>sqrt(a) e - sqrt(1 - a) x0.</summary>
    Velocity,
}

/// <summary>How the error of x0 is weighed over timesteps; SNR = a / (1 - a). The weight is carried over to what is predicted.</summary>
public enum DiffusionWeighting
{
    /// <summary>1 for what is predicted.</summary>
    None,

    /// <summary>SNR: Epsilon 1, Sample SNR, Velocity a.</summary>
    Snr,

    /// <summary>min(SNR, Gamma): Epsilon min(1, Gamma (1 - a) / a), Velocity min(a, Gamma (1 - a)).</summary>
    MinSnr,

    /// <summary>max(SNR, 1): Epsilon max(1, (1 - a) / a), Velocity max(a, 1 - a).</summary>
    TruncatedSnr,
}

/// <summary>
/// Inputs <c>predictions</c> (the network's output at x_t = sqrt(a) x0 + sqrt(1 - a) e), <c>targets</c> = x0, <c>noise</c> = e, all [N, ...];
/// <c>timesteps</c> int64 [N], <c>alphasCumprod</c> [T] (cumulative product of alphas, constant). The term of a sample is w times the mean of (prediction - y)^2. Exact at
/// a = 0 and a = 1; where a weight is infinite (Sample with Snr or TruncatedSnr at a = 1, Epsilon with TruncatedSnr at a = 0) it throws while values are checked.
/// Ho et al. 2020 eq 14, Salimans and Ho 2022, Hang et al. 2023; follows denoising-diffusion-pytorch's p_losses and, for MinSnr, diffusers' scripts.
/// </summary>
[LossGuide(
    "w(t) mean (prediction - y)²",
    Use = "diffusion models; MinSnr speeds up training",
    Avoid = "alphas in place of their cumulative product; MinSnr weights of one prediction type used for another",
    Cost = "one pass",
    Paper = "Ho et al. 2020, Salimans and Ho 2022, Hang et al. 2023"
)]
public sealed record DenoisingDiffusionLoss : GenerationLoss
{
    /// <summary>What the network predicts. Default Epsilon.</summary>
    public DiffusionPrediction PredictionType
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>How timesteps are weighed. Default None.</summary>
    public DiffusionWeighting Weighting
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>The largest SNR that counts, with MinSnr. Default 5.</summary>
    [Interval("(0, inf)")]
    public double Gamma
    {
        get;
        init => field = Valid(value);
    } = 5;

    /// <inheritdoc/>
    public override IReadOnlyList<string> RequiredInputs => ["predictions", "targets", "noise", "timesteps", "alphasCumprod"];

    /// <inheritdoc/>
    protected internal override Tensor? FusedMean(LossCall call)
    {
        if (Weighting != DiffusionWeighting.None)
            return null;
        var (predictions, wanted, _) = Read(call);
        return predictions.numel() == 0 ? null : PixelDistance.L2.MeanBetween(predictions, wanted);
    }

    /// <inheritdoc/>
    protected internal override LossTerms ComputeTerms(LossCall call)
    {
        var (predictions, wanted, a) = Read(call);
        var errors = ImageArithmetic.MeanOfEach(PixelDistance.L2.Between(predictions, wanted));
        return new(Weight(a, call) is { } weight ? errors * weight : errors);
    }

    // The network's output, what it should be, and alphasCumprod of each sample.
    private (Tensor Predictions, Tensor Wanted, Tensor Alphas) Read(LossCall call)
    {
        var (predictions, targets, noise) = (call["predictions"], call["targets"], call["noise"]);
        Shapes.Floating(this, "predictions", predictions);
        Shapes.Same(this, "predictions", predictions, "targets", targets);
        Shapes.Same(this, "noise", noise, "predictions", predictions);
        var a = Alphas(predictions, call);
        var wanted = PredictionType switch
        {
            DiffusionPrediction.Epsilon => noise,
            DiffusionPrediction.Sample => targets,
            _ => Each(a.sqrt(), noise) * noise - Each((1 - a).sqrt(), noise) * targets,
        };
        return (predictions, wanted, a);
    }

    private Tensor Alphas(Tensor predictions, LossCall call)
    {
        var (timesteps, schedule) = (call["timesteps"], call["alphasCumprod"].detach());
        if (
            timesteps.dtype != ScalarType.Int64
            || timesteps.dim() != 1
            || predictions.dim() == 0
            || timesteps.shape[0] != predictions.shape[0]
        )
            throw Shapes.Wrong(this, "timesteps", timesteps, "int64 [N], one a sample");
        if (!schedule.is_floating_point() || schedule.dim() != 1)
            throw Shapes.Wrong(this, "alphasCumprod", schedule, "[T] of a floating-point type");
        if (call.CheckValues)
        {
            using var scope = NewDisposeScope();
            if (timesteps.lt(0).logical_or(timesteps.ge(schedule.shape[0])).any().item<bool>())
                throw new ArgumentException($"{Name}: timesteps must lie in [0, {schedule.shape[0]}).", "timesteps");
            if (schedule.ge(0).logical_and(schedule.le(1)).logical_not().any().item<bool>())
                throw new ArgumentException($"{Name}: alphasCumprod must lie in [0, 1].", "alphasCumprod");
        }
        return schedule.index_select(0, timesteps).to(predictions.dtype);
    }

    private Tensor? Weight(Tensor a, LossCall call)
    {
        var b = 1 - a;
        var weight = (PredictionType, Weighting) switch
        {
            (_, DiffusionWeighting.None) or (DiffusionPrediction.Epsilon, DiffusionWeighting.Snr) => null,
            (DiffusionPrediction.Epsilon, DiffusionWeighting.MinSnr) => (Gamma * b / a).clamp(max: 1),
            (DiffusionPrediction.Epsilon, _) => (b / a).clamp(min: 1),
            (DiffusionPrediction.Sample, DiffusionWeighting.Snr) => a / b,
            (DiffusionPrediction.Sample, DiffusionWeighting.MinSnr) => (a / b).clamp(max: Gamma),
            (DiffusionPrediction.Sample, _) => (a / b).clamp(min: 1),
            (_, DiffusionWeighting.Snr) => a,
            (_, DiffusionWeighting.MinSnr) => minimum(a, Gamma * b),
            _ => maximum(a, b),
        };
        if (weight is not null && call.CheckValues && !weight.isfinite().all().item<bool>())
            throw new ArgumentException(
                $"{Name}: the weight {Weighting} of {PredictionType} is infinite at a timestep whose alphasCumprod is {(PredictionType == DiffusionPrediction.Epsilon ? 0 : 1)}; use MinSnr or another prediction type.",
                "alphasCumprod"
            );
        return weight;
    }

    private static Tensor Each(Tensor perSample, Tensor like) =>
        perSample.reshape([perSample.shape[0], .. Enumerable.Repeat(1L, (int)like.dim() - 1)]);
}
