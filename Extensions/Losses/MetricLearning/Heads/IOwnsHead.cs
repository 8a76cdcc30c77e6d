using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>A loss that owns a classifier: its state scores embeddings after training, without the margin of training.</summary>
public interface IOwnsHead
{
    /// <summary>The class scores to predict with.</summary>
    /// <param name="embeddings">[N, D].</param>
    /// <param name="state">The state of the built loss.</param>
    /// <returns>Logits [N, C]; they live in the caller's dispose scope.</returns>
    Tensor Logits(Tensor embeddings, LossState state);
}
