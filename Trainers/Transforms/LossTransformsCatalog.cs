using MLNetLosses;
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
    /// <remarks>
    /// Losses look at logits, a model tells probabilities. Of one probability, or one a layer, the logit is log p - log(1 - p): any loss can be computed. Of classes that exclude each
    /// other (a softmax) logits are known up to a constant: a loss on the softmax or on differences of logits has the value that it has on the model's own logits; one that looks at the
    /// logits themselves (a sigmoid a class, such as <see cref="BinaryCrossEntropyLoss"/>, or evidence, such as <see cref="EvidentialClassificationLoss"/>) is refused.
    /// </remarks>
    /// <param name="catalog"><c>mlContext.Transforms</c>.</param>
    /// <param name="outputColumnName">The column to make.</param>
    /// <param name="labelColumnName">
    /// Keys (matched with the probabilities by the names of the classes where both columns name them, else by number), or masks of class indices or layers.
    /// </param>
    /// <param name="scoreColumnName">
    /// Probabilities, Vector of Single: [C] a row (one: that of the second of two classes), or [C, H, W] at the mask's size (<c>ProbabilitiesColumnName</c> of the segmentation trainer).
    /// </param>
    /// <param name="loss">A loss on logits and targets without state of its own; null: cross-entropy.</param>
    /// <exception cref="ArgumentException">
    /// A name is empty, the loss needs more than logits and targets; when fitted: a column is missing or of another type, or the loss cannot be computed of the probabilities; while rows
    /// are read: a row does not fit, named.
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

    /// <summary>
    /// Adds the loss of every image by itself as a column of type Single: the loss that the detector was trained with, its matching and weights included, of what the detector
    /// says of the image at the size of its predictions. Sort by it to find hard images, missing and misplaced boxes. NaN where an image cannot be read and the detector leaves
    /// such out.
    /// </summary>
    /// <remarks>
    /// Sums over anchors are divided by the image's number of anchors with objects, at least 1. Without augmentation and <see cref="ObjectDetectionTrainer.Options.Sampling"/>; with
    /// the fixed weights of the terms, also where a <see cref="TrainerOptions.LossWeighting"/> learned others. Saved with the detector inside.
    /// </remarks>
    /// <param name="catalog"><c>mlContext.Transforms</c>.</param>
    /// <param name="detector">The detector; its column of images is read.</param>
    /// <param name="outputColumnName">The column to make.</param>
    /// <param name="labelColumnName">A vector of keys, one an object; empty: no object. Matched with the detector's classes by name where both have names, else by number.</param>
    /// <param name="boundingBoxColumnName">A vector of Single, x0 y0 x1 y1 an object, in pixels of the image.</param>
    /// <param name="ignoredColumnName">A vector of Boolean: objects (crowds, difficult ones) that count neither as objects nor as background. Null: none.</param>
    /// <param name="termsColumnName">
    /// A further column to make: a vector of Single with what each term of the loss adds to it, its slots named (<c>classification</c>, <c>boxes</c>, <c>quality</c>): whether classes or
    /// boxes are wrong. Null: none.
    /// </param>
    /// <exception cref="ArgumentException">
    /// A name is empty or twice there, the loss learned numbers of its own; when fitted: a column is missing or of another type; while rows are read: a label or a box is wrong; names
    /// row, object and value.
    /// </exception>
    public static IEstimator<ITransformer> ScoreLoss(
        this TransformsCatalog catalog,
        ObjectDetectionTransformer detector,
        string outputColumnName = "Loss",
        string labelColumnName = "Label",
        string boundingBoxColumnName = "BoundingBoxes",
        string? ignoredColumnName = null,
        string? termsColumnName = null
    )
    {
        var environment = Hosts.EnvironmentOf(catalog);
        ArgumentNullException.ThrowIfNull(detector);
        ArgumentException.ThrowIfNullOrWhiteSpace(outputColumnName);
        ArgumentException.ThrowIfNullOrWhiteSpace(labelColumnName);
        ArgumentException.ThrowIfNullOrWhiteSpace(boundingBoxColumnName);
        if (ignoredColumnName is not null)
            ArgumentException.ThrowIfNullOrWhiteSpace(ignoredColumnName);
        if (termsColumnName is not null)
            ArgumentException.ThrowIfNullOrWhiteSpace(termsColumnName);
        if (termsColumnName == outputColumnName)
            throw new ArgumentException(
                $"The loss and its terms need columns of their own; both are '{outputColumnName}'.",
                nameof(termsColumnName)
            );
        return new DetectionLossEstimator(
            environment,
            detector,
            new(outputColumnName, termsColumnName, labelColumnName, boundingBoxColumnName, ignoredColumnName)
        );
    }

    /// <summary>
    /// Adds the loss of every row by itself as a column of type Single, from boxes and as many predicted ones, compared pair by pair: the mean over the pairs. NaN where a row has no
    /// boxes. What a detector finds comes in another number and order: give the detector itself instead.
    /// </summary>
    /// <param name="catalog"><c>mlContext.Transforms</c>.</param>
    /// <param name="loss">The loss, such as <see cref="GeneralizedIoULoss"/>.</param>
    /// <param name="outputColumnName">The column to make.</param>
    /// <param name="boundingBoxColumnName">A vector of Single, x0 y0 x1 y1 an object.</param>
    /// <param name="predictedBoundingBoxColumnName">The same of the boxes that were predicted for these objects, in the same unit.</param>
    /// <exception cref="ArgumentException">
    /// A name is empty; when fitted: a column is missing or of another type; while rows are read: a box is wrong, or the columns have different numbers of boxes; names row and column.
    /// </exception>
    public static IEstimator<ITransformer> ScoreLoss(
        this TransformsCatalog catalog,
        BoxLoss loss,
        string outputColumnName = "Loss",
        string boundingBoxColumnName = "BoundingBoxes",
        string predictedBoundingBoxColumnName = "PredictedBoundingBoxes"
    )
    {
        var environment = Hosts.EnvironmentOf(catalog);
        ArgumentNullException.ThrowIfNull(loss);
        ArgumentException.ThrowIfNullOrWhiteSpace(outputColumnName);
        ArgumentException.ThrowIfNullOrWhiteSpace(boundingBoxColumnName);
        ArgumentException.ThrowIfNullOrWhiteSpace(predictedBoundingBoxColumnName);
        return new RowEstimator<ScoreBoxLoss>(
            environment,
            new(outputColumnName, boundingBoxColumnName, predictedBoundingBoxColumnName, loss.ToString())
        );
    }
}
