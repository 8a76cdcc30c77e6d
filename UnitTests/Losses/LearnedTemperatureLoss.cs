using MLNetLosses.Losses;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses;

/// <summary>Cross-entropy of x / T, where T is learned with the network: parameter logTemperature [1].</summary>
public sealed record LearnedTemperatureLoss : ClassificationLoss
{
    /// <summary>T at the start. Default 1.</summary>
    [Interval("(0, inf)")]
    public double InitialTemperature
    {
        get;
        init => field = Valid(value);
    } = 1;

    protected internal override TargetForms TargetForms => TargetForms.Indices;

    protected internal override LossState CreateState(LossContext context)
    {
        using var start = tensor(new[] { Math.Log(InitialTemperature) });
        return new LossState(context).AddParameter("logTemperature", start);
    }

    protected override LossTerms Score(Tensor logits, ClassTargets targets, LossCall call)
    {
        var scaled = logits * (-call.State["logTemperature"]).exp();
        return new LossTerms(-targets.Pick(nn.functional.log_softmax(scaled, 1)));
    }
}
