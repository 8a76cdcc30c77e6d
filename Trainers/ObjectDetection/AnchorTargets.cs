using MLNetLosses.Losses;
using static TorchSharp.torch;

namespace MLNetLosses;

/// <summary>What the anchors of a batch shall learn, as tensors: only of those with objects, and which are ignored.</summary>
/// <param name="Places">[P], int64: places in [N x A] of the anchors with objects.</param>
/// <param name="Classes">[P], int64: their objects' classes.</param>
/// <param name="Images">[P], int64: their images.</param>
/// <param name="Boxes">[P, 4], float32: their objects' boxes.</param>
/// <param name="Anchors">[P, 4], float32: the anchors themselves.</param>
/// <param name="Ignored">[I], int64: places in [N x A] of the anchors that learn nothing.</param>
/// <param name="Counts">[N], float32: anchors with objects of each image.</param>
internal readonly record struct AnchorTargets(
    Tensor Places,
    Tensor Classes,
    Tensor Images,
    Tensor Boxes,
    Tensor Anchors,
    Tensor Ignored,
    Tensor Counts
)
{
    /// <summary>As the tensors of a batch.</summary>
    public LossInputs ToInputs() =>
        new()
        {
            [nameof(Places)] = Places,
            [nameof(Classes)] = Classes,
            [nameof(Images)] = Images,
            [nameof(Boxes)] = Boxes,
            [nameof(Anchors)] = Anchors,
            [nameof(Ignored)] = Ignored,
            [nameof(Counts)] = Counts,
        };

    /// <summary>From the tensors of a batch.</summary>
    public static AnchorTargets From(LossInputs inputs) =>
        new(
            inputs[nameof(Places)],
            inputs[nameof(Classes)],
            inputs[nameof(Images)],
            inputs[nameof(Boxes)],
            inputs[nameof(Anchors)],
            inputs[nameof(Ignored)],
            inputs[nameof(Counts)]
        );
}
