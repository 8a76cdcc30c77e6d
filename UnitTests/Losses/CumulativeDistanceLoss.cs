using MLNetLosses.Losses;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses;

/// <summary>Differences of what a distribution and its target have up to each bin, to a power: a loss on the distributions of box sides of one's own.</summary>
[LossGuide("sum_k |F_k - G_k|^p", Use = "a test", Avoid = "anything else", Cost = "one pass")]
[LossFamily("Detection")]
public sealed record CumulativeDistanceLoss : Loss
{
    /// <summary>p. Default 2.</summary>
    [Interval("[1, 4]")]
    public double Power
    {
        get;
        init => field = Valid(value);
    } = 2;

    public override IReadOnlyList<string> RequiredInputs => ["logits", "targets"];

    protected internal override LossTerms ComputeTerms(LossCall call)
    {
        var (logits, targets) = (call["logits"], call["targets"].detach());
        var bins = logits.shape[^1];
        var reached = nn.functional.softmax(logits, -1).cumsum(-1);
        var wanted = (arange(1, bins + 1, logits.dtype, logits.device) - targets.unsqueeze(-1)).clamp(0, 1);
        return new((reached - wanted).abs().pow(Power).sum(-1));
    }
}
