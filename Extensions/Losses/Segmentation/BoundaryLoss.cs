using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// l = p_c(x) phi_c(x) at each pixel x and class c. phi is the signed distance to the true border, in pixels or in units of Spacing: outside the object + the
/// distance to its nearest pixel, inside -(the distance to the nearest pixel outside - the smallest spacing), so that the object's own border pixels
/// are 0. A class that is absent from an image or fills it: phi = 0. Values may be negative and the minimum is not 0. phi has no gradient.
/// <c>logits</c> [N, C, ...], <c>targets</c> indices [N, ...] or labels [N, C, ...] of 0/1; <c>none</c> is [N, C', ...]. The optional input
/// <c>distanceMaps</c> saves making phi at each step. Kervadec et al. 2019; phi with spacing 1 equals the authors'.
/// </summary>
[LossGuide(
    "p φ, φ the signed distance to the true border",
    Use = "with Dice or CrossEntropy, its weight growing from 0.01 while training",
    Avoid = "alone: it is minimised by predicting nothing",
    Cost = "two distance transforms a class on the CPU, linear in pixels; none with distanceMaps",
    Paper = "Kervadec et al. 2019"
)]
public sealed record BoundaryLoss : BorderDistanceLoss
{
    private protected override double? Power => null;

    private protected override Tensor MapsOf(Tensor masks, ScalarType dtype) => Losses.DistanceMaps.Signed(masks, Spacing, dtype);

    private protected override Tensor Field(Tensor probabilities, ClassTargets targets, Tensor maps, int first) => maps;

    private protected override Tensor Penalty(Tensor probabilities, ClassTargets targets, int first) => Cut(probabilities, first);
}
