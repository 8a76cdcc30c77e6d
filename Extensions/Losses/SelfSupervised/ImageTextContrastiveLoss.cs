using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// CLIP's loss: viewA images, viewB texts; L = exp(logitScale) cos(a_i, b_j); l_i = 1/2 [CE(row i, i) + CE(column i, i)]. N = 1: 0. Parameter
/// <c>logitScale</c> [] (a logarithm; no weight decay on it) starts at ln(1 / InitialTemperature) and is written back to ln MaxScale before use when it lies
/// beyond; its gradient is not cut, so that it can come down again. Radford et al. 2021; equals torch's cross-entropy along both axes. open_clip takes
/// normalised features, and its trainer clamps after each step.
/// </summary>
[LossGuide(
    "½ [CE(rows) + CE(columns)] of exp(s) cos(a_i, b_j)",
    Use = "pairs of two modalities, large batches, symmetric",
    Avoid = "several captions of one image in a batch: false negatives",
    Cost = "O(N² D), memory N²",
    Paper = "Radford et al. 2021"
)]
public sealed record ImageTextContrastiveLoss : TwoViewLoss
{
    /// <summary>exp(-logitScale) at first. Default 0.07.</summary>
    [Interval("(0, inf)")]
    public double InitialTemperature
    {
        get;
        init => field = Valid(value);
    } = 0.07;

    /// <summary>The largest exp(logitScale). Default 100.</summary>
    [Interval("(0, inf)")]
    public double MaxScale
    {
        get;
        init => field = Valid(value);
    } = 100;

    /// <inheritdoc/>
    protected internal override LossState CreateState(LossContext context)
    {
        using var scope = NewDisposeScope();
        return new LossState(context).AddParameter("logitScale", tensor(-Math.Log(InitialTemperature), ScalarType.Float64));
    }

    /// <inheritdoc/>
    protected override LossTerms Compare(Tensor viewA, Tensor viewB, LossCall call)
    {
        var scale = call.State["logitScale"];
        using (no_grad())
            scale.clamp_(max: Math.Log(MaxScale));
        var logits = (Views.Unit(viewA) * scale.exp()).mm(Views.Unit(viewB).t());
        var byImage = nn.functional.log_softmax(logits, 1).diagonal();
        var byText = nn.functional.log_softmax(logits, 0).diagonal();
        return new((byImage + byText) * -0.5);
    }
}
