using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// For facial and body landmarks in pixels, a = |predictions - targets|: l = Width log(1 + a / Curvature) if a &lt; Width, else a - C, C =
/// Width - Width log(1 + Width / Curvature). The gradient is 0 at a = 0 and jumps to Width / Curvature beside it. Give hidden landmarks
/// weight 0. Feng et al. 2018 with its defaults; follows segmentation_models_pytorch's <c>wing_loss</c>, whose own defaults are 5 and 0.5.
/// </summary>
[LossGuide(
    "w log(1 + |x|/ε) for |x| < w, else |x| - C",
    Use = "landmarks: small errors matter as much as large ones",
    Avoid = "the defaults on coordinates in [0, 1]: they are in pixels (there Width 0.1, Curvature 0.02)",
    Cost = "six passes",
    Paper = "Feng et al. 2018"
)]
public sealed record WingLoss : RegressionLoss
{
    /// <summary>The |x| from which the loss is linear, in pixels. Default 10.</summary>
    [Interval("(0, inf)")]
    public double Width
    {
        get;
        init => field = Valid(value);
    } = 10;

    /// <summary>The paper's epsilon, in pixels: smaller is steeper near 0. Default 2.</summary>
    [Interval("(0, inf)")]
    public double Curvature
    {
        get;
        init => field = Valid(value);
    } = 2;

    /// <inheritdoc/>
    protected override LossTerms Compare(Tensor predictions, Tensor targets, LossCall call)
    {
        var size = (predictions - targets).abs();
        // Bent one step below Width, so that |x| = Width has the linear branch's gradient; faster than choosing between two branches.
        var bend = size.dtype == ScalarType.Float64 ? Math.BitDecrement(Width) : MathF.BitDecrement((float)Width);
        return new((size.clamp_max(bend) / Curvature).log1p() * Width + (size - bend).relu());
    }
}
