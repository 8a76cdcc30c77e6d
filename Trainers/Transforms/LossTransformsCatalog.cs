using MLNetLosses.Interop;
using MLNetLosses.Losses;
using MLNetLosses.Transforms;

namespace Microsoft.ML;

/// <summary>Losses as columns, for <c>mlContext.Transforms</c>.</summary>
public static class LossTransformsCatalog
{
    /// <summary>
    /// Adds the loss of every row by itself as a column of type Single, from the probabilities of any classifier or segmentation model and the labels: sort by it to find
    /// hard and mislabelled images. NaN where a row has no label or no probabilities. A term whose value belongs to a batch of rows cannot be computed for one.
    /// </summary>
    /// <param name="catalog"><c>mlContext.Transforms</c>.</param>
    /// <param name="outputColumnName">The column to make.</param>
    /// <param name="labelColumnName">
    /// Keys (matched with the probabilities by the names of the classes where both columns name them, else by number), or masks of class indices or layers.
    /// </param>
    /// <param name="scoreColumnName">
    /// Probabilities, Vector of Single: [C] a row, or [C, H, W] at the mask's size (<c>ProbabilitiesColumnName</c> of the segmentation trainer).
    /// </param>
    /// <param name="loss">A loss on logits and targets without state of its own; null: cross-entropy.</param>
    /// <exception cref="ArgumentException">
    /// A name is empty, the loss needs more than logits and targets; when fitted: a column is missing or of another type; while rows are read: a row does not fit, named.
    /// </exception>
    public static IEstimator<ITransformer> ScoreLoss(
        this TransformsCatalog catalog,
        string outputColumnName = "Loss",
        string labelColumnName = "Label",
        string scoreColumnName = "Score",
        SegmentationLoss? loss = null
    )
    {
        var environment = Hosts.EnvironmentOf(catalog);
        ArgumentException.ThrowIfNullOrWhiteSpace(outputColumnName);
        ArgumentException.ThrowIfNullOrWhiteSpace(labelColumnName);
        ArgumentException.ThrowIfNullOrWhiteSpace(scoreColumnName);
        loss ??= new CrossEntropyLoss();
        if (loss.RequiredInputs.Except(["logits", "targets"]).FirstOrDefault() is { } other)
            throw new ArgumentException(
                $"{loss} needs '{other}' as well as logits and targets: it cannot be computed from the columns of a model.",
                nameof(loss)
            );
        return new RowEstimator<ScoreLoss>(environment, new(outputColumnName, labelColumnName, scoreColumnName, loss.ToString()));
    }
}
