using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Inputs <c>predictions</c> = the score s at x + sigma z, <c>noise</c> = z (standard normal), both [N, ...]; <c>sigmas</c> [N] &gt; 0. The term of a sample is
/// 1/2 sigma^AnnealPower times the sum over its elements of (s + z / sigma)^2, computed as 1/2 sigma^(AnnealPower - 2) |sigma s + z|^2. A sum over the image, not a
/// mean. s = -z / sigma costs 0. Vincent 2011; Song and Ermon 2019 eq 5 and 6, the authors' ncsn code.
/// </summary>
[LossGuide(
    "½ σ^p Σ (s + z / σ)²",
    Use = "score models with noise at several scales",
    Avoid = "passing the perturbation σ z as noise; comparing values across resolutions",
    Cost = "one pass",
    Paper = "Vincent 2011, Song and Ermon 2019"
)]
public sealed record DenoisingScoreMatchingLoss : GenerationLoss
{
    /// <summary>p: 2 (the default) weighs by sigma^2 (Song and Ermon), 0 not at all (Vincent).</summary>
    [Interval("(-inf, inf)")]
    public double AnnealPower
    {
        get;
        init => field = Valid(value);
    } = 2;

    /// <inheritdoc/>
    public override IReadOnlyList<string> RequiredInputs => ["predictions", "noise", "sigmas"];

    /// <inheritdoc/>
    protected internal override LossTerms ComputeTerms(LossCall call)
    {
        var (predictions, noise, sigmas) = (call["predictions"], call["noise"], call["sigmas"]);
        Shapes.Floating(this, "predictions", predictions);
        Shapes.Same(this, "noise", noise, "predictions", predictions);
        if (predictions.dim() < 2 || sigmas.dim() != 1 || sigmas.shape[0] != predictions.shape[0] || !sigmas.is_floating_point())
            throw Shapes.Wrong(this, "sigmas", sigmas, "[N], one a sample of [N, ...]");
        if (call.CheckValues)
        {
            using var scope = NewDisposeScope();
            if (!sigmas.gt(0).all().item<bool>())
                throw new ArgumentException($"{Name}: sigmas must be > 0.", "sigmas");
        }
        var each = sigmas.reshape([sigmas.shape[0], .. Enumerable.Repeat(1L, (int)predictions.dim() - 1)]);
        var squares = ImageArithmetic.SumOfEach(addcmul(noise, predictions, each, 1).square());
        return new(AnnealPower == 2 ? squares / 2 : squares * sigmas.pow(AnnealPower - 2) / 2);
    }
}
