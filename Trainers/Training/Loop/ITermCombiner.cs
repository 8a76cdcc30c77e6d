using MLNetLosses.Losses;
using static TorchSharp.torch;

namespace MLNetLosses.Training;

/// <summary>What a combiner made of a step's terms.</summary>
/// <param name="Total">The value to report.</param>
/// <param name="Weights">The terms' weights, scalars, where they are not those of the sum; null: they are.</param>
internal readonly record struct CombinedLoss(Tensor Total, IReadOnlyList<Tensor>? Weights = null);

/// <summary>The one place where the terms of a loss become the gradient of a step.</summary>
internal interface ITermCombiner : IDisposable
{
    /// <summary>
    /// Holds what it learns (its parameters are trained like those of the loss: at the loss's pace, never decayed) and what it remembers
    /// (buffers); both are in checkpoints. Null: nothing.
    /// </summary>
    nn.Module? Learner { get; }

    /// <summary>
    /// Differentiates: adds the gradient of this batch to what the parameters have already. Runs in the dispose scope of the step.
    /// </summary>
    /// <param name="value">The terms, on the graph, with the weights of the sum.</param>
    /// <param name="gradients">
    /// To read and replace the gradient of all trained parameters as one line; with several accumulated batches it is not empty.
    /// </param>
    /// <param name="clock">Where training stands.</param>
    CombinedLoss Backward(LossValue value, Gradients gradients, LossClock clock);

    /// <summary>Tells the means of the terms over an epoch.</summary>
    /// <param name="means">The terms.</param>
    void EndEpoch(IReadOnlyList<TrainingTerm> means);
}

/// <summary>The weighted sum of the terms, by one backward pass.</summary>
internal sealed class SumCombiner : ITermCombiner
{
    public nn.Module? Learner => null;

    public CombinedLoss Backward(LossValue value, Gradients gradients, LossClock clock)
    {
        FinalBackward.Run(value.Total);
        return new(value.Total);
    }

    public void EndEpoch(IReadOnlyList<TrainingTerm> means) { }

    public void Dispose() { }
}
