using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>The expected cost under the Dirichlet distribution in <see cref="EvidentialClassificationLoss"/>.</summary>
public enum EvidentialRisk
{
    /// <summary>sum_c (y_c - m_c)^2 + m_c (1 - m_c) / (S + 1).</summary>
    SumOfSquares,

    /// <summary>digamma(S) - digamma(a_y).</summary>
    CrossEntropy,

    /// <summary>log S - log a_y.</summary>
    LogMarginalLikelihood,
}

/// <summary>How logits become evidence in <see cref="EvidentialClassificationLoss"/>.</summary>
public enum EvidenceActivation
{
    /// <summary>max(x, 0): no gradient for a row whose evidence is all 0.</summary>
    Relu,

    /// <summary>log(1 + exp x): always a gradient.</summary>
    Softplus,

    /// <summary>exp(clamp(x, -10, 10)).</summary>
    Exponential,
}

/// <summary>
/// e = evidence(x), a = e + 1, S = sum a, m = a / S, y one-hot; class indices, a value a row: the Risk plus RegularizationWeight KL(Dir(a~)
/// || Dir(1)), a~ = y + (1 - y) a: lgamma(S~) - lgamma(C) - sum lgamma(a~_c) + sum (a~_c - 1)(digamma(a~_c) - digamma(S~)). The prediction
/// is m, the uncertainty C / S. With the full KL from the first epoch learning may never start: the paper anneals it by min(1, epoch / 10).
/// The divergence has no second derivative. Sensoy et al. 2018; follows dougbrion/pytorch-classification-uncertainty.
/// </summary>
/// <exception cref="ArgumentException">Shapes or types do not fit.</exception>
[LossGuide(
    "risk under Dir(evidence + 1) + λ KL(Dir(ã) ‖ Dir(1))",
    Use = "one network that says when it does not know",
    Avoid = "Relu from random weights (start with Softplus); the full KL from the first epoch",
    Cost = "about thirty passes",
    Paper = "Sensoy et al. 2018"
)]
public sealed record EvidentialClassificationLoss : IndexedClassificationLoss
{
    /// <summary>The expected cost. Default SumOfSquares.</summary>
    public EvidentialRisk Risk
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>How logits become evidence. Default Relu.</summary>
    public EvidenceActivation Evidence
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>The weight of the divergence that removes evidence for wrong classes. Default 1.</summary>
    [Interval("[0, inf)")]
    public double RegularizationWeight
    {
        get;
        init => field = Valid(value);
    } = 1;

    /// <inheritdoc/>
    protected internal override TargetForms TargetForms => TargetForms.Indices;

    internal override bool IsByPixel(LossCall call) => true;

    /// <inheritdoc/>
    protected override LossTerms Score(Tensor logits, ClassTargets targets, LossCall call)
    {
        ClassScores.AtLeastTwo(this, logits);
        var a =
            1
            + Evidence switch
            {
                EvidenceActivation.Relu => logits.relu(),
                EvidenceActivation.Softplus => Softplus.Of(logits),
                _ => logits.clamp(-10, 10).exp(),
            };
        var (target, total) = (targets.Pick(a), a.sum(1));
        var values = Risk switch
        {
            EvidentialRisk.SumOfSquares => SumOfSquares(a / total.unsqueeze(1), targets, total),
            EvidentialRisk.CrossEntropy => total.digamma() - target.digamma(),
            _ => total.log() - target.log(),
        };
        if (RegularizationWeight > 0)
            values = values + Divergence(OneVsRest.SetTarget(a, targets, ones_like(target))) * RegularizationWeight;
        return ByRow(values, targets);
    }

    private static Tensor SumOfSquares(Tensor mean, ClassTargets targets, Tensor total)
    {
        var squares = mean.square().sum(1);
        return 1 - targets.Pick(mean) * 2 + squares + (1 - squares) / (total + 1);
    }

    // KL(Dir(a) || Dir(1)) with its derivative (a_c - 1) trigamma(a_c) - trigamma(S) sum(a - 1): gamma functions are slow, and the chain needs
    // five of them.
    private static Tensor Divergence(Tensor a)
    {
        var wanted = KnownGradient.IsWanted(a);
        Tensor values;
        Tensor slopes;
        using (no_grad())
        {
            var (x, total) = (a.detach(), a.detach().sum(1));
            var beyond = x - 1;
            values =
                total.lgamma()
                - LogGamma((int)a.shape[1])
                - x.lgamma().sum(1)
                + (beyond * (x.digamma() - total.unsqueeze(1).digamma())).sum(1);
            slopes = wanted ? beyond * x.polygamma(1) - (beyond.sum(1) * total.polygamma(1)).unsqueeze(1) : x;
        }
        return wanted ? values + ((a - a.detach()) * slopes).sum(1) : values;
    }

    // lgamma of a whole number: log (C - 1)!
    private static double LogGamma(int classes) => Enumerable.Range(1, classes - 1).Sum(k => Math.Log(k));
}
