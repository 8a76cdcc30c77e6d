using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// SigLIP's loss: every pair of the batch is a binary question. z_ij = exp(logitScale) cos(a_i, b_j) + logitBias; l_i = sum_j softplus(-y_ij z_ij), y = 1 on
/// the diagonal, -1 elsewhere; <c>mean</c> divides by N, not N^2. Parameters <c>logitScale</c> [] = ln(InitialScale) and <c>logitBias</c> [] = InitialBias. No
/// softmax over the batch. Zhai et al. 2023. kornia's SigLip2 <c>return_loss</c> takes the diagonal alone (it collapses): not followed.
/// </summary>
[LossGuide(
    "Σ_j softplus(-y_ij (exp(s) cos(a_i, b_j) + bias))",
    Use = "pairs of two modalities; less dependent on the batch size than ImageTextContrastive",
    Avoid = "InitialBias 0: at first the negatives outweigh the one positive N - 1 to 1",
    Cost = "O(N² D), memory N²",
    Paper = "Zhai et al. 2023"
)]
public sealed record SigmoidImageTextLoss : TwoViewLoss
{
    /// <summary>exp(logitScale) at first. Default 10.</summary>
    [Interval("(0, inf)")]
    public double InitialScale
    {
        get;
        init => field = Valid(value);
    } = 10;

    /// <summary>logitBias at first. Default -10.</summary>
    [Interval("(-inf, inf)")]
    public double InitialBias
    {
        get;
        init => field = Valid(value);
    } = -10;

    /// <inheritdoc/>
    protected internal override LossState CreateState(LossContext context)
    {
        using var scope = NewDisposeScope();
        return new LossState(context)
            .AddParameter("logitScale", tensor(Math.Log(InitialScale), ScalarType.Float64))
            .AddParameter("logitBias", tensor(InitialBias, ScalarType.Float64));
    }

    /// <inheritdoc/>
    protected override LossTerms Compare(Tensor viewA, Tensor viewB, LossCall call)
    {
        var logits = (Views.Unit(viewA) * -call.State["logitScale"].exp()).mm(Views.Unit(viewB).t()) - call.State["logitBias"];
        logits.diagonal().neg_(); // the positives' side; in place, so that no matrix of signs is needed
        return new(-nn.functional.logsigmoid(logits).sum(1));
    }
}
