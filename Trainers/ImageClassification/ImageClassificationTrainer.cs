using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetLosses.Interop;
using MLNetLosses.Scoring;

namespace MLNetLosses;

/// <summary>
/// Trains a convolutional network to tell classes of images apart. Reads a column of images (<see cref="MLImage"/>, the bytes of a file, or
/// the path of one) and a key column of classes, and makes an <see cref="ImageClassificationTransformer"/> that adds a score (a vector of
/// probabilities, whose slots bear the names of the classes) and a predicted label (a key with the values of the label column). Made by
/// <c>mlContext.MulticlassClassification.Trainers.ImageClassification(...)</c>.
/// </summary>
public sealed partial class ImageClassificationTrainer : IEstimator<ImageClassificationTransformer>
{
    private readonly IHost host;
    private readonly Options options;

    internal ImageClassificationTrainer(IHostEnvironment environment, Options options)
    {
        ArgumentNullException.ThrowIfNull(options);
        NativeLibraryCheck.Ensure();
        host = environment.Register(nameof(ImageClassificationTrainer));
        this.options = options.Copy();
        Validate(this.options);
    }

    /// <summary>Trains a model.</summary>
    /// <param name="input">Data with the columns of images and labels.</param>
    /// <returns>The model. Its <see cref="ImageClassificationTransformer.Summary"/> says how the training went.</returns>
    /// <exception cref="ArgumentException">
    /// A column is missing or of the wrong type, there are no rows, only one class occurs, or options do not fit the data.
    /// </exception>
    /// <exception cref="Data.ImageDecodeException">An image cannot be read; names its row and file.</exception>
    /// <exception cref="InvalidDataException">The file of weights is damaged or belongs to another network.</exception>
    /// <exception cref="IOException">The folder of checkpoints cannot be written.</exception>
    /// <exception cref="Training.TrainingDivergedException">
    /// The loss is no longer a number; names the term, the step and the rows.
    /// </exception>
    /// <exception cref="OperationCanceledException">The context was told to stop.</exception>
    public ImageClassificationTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return FitCore(input, options.ValidationSet);
    }

    /// <summary>Trains a model and measures it after each epoch on other data.</summary>
    /// <param name="trainData">Data to learn from.</param>
    /// <param name="validationData">Data to measure on, used instead of those that the options name.</param>
    /// <returns>The model.</returns>
    /// <inheritdoc cref="Fit(IDataView)" path="/exception"/>
    public ImageClassificationTransformer Fit(IDataView trainData, IDataView validationData)
    {
        ArgumentNullException.ThrowIfNull(trainData);
        ArgumentNullException.ThrowIfNull(validationData);
        return FitCore(trainData, validationData);
    }

    /// <summary>The columns that the model will add, given the shape of its input.</summary>
    /// <param name="inputSchema">The shape of the input.</param>
    /// <exception cref="ArgumentException">A column is missing or of the wrong type; the message says how to mend it.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        ImageColumn.Check(inputSchema, options.FeatureColumnName, host);
        var label = LabelColumn.Check(inputSchema, options.LabelColumnName, host);
        return inputSchema.With(
            SchemaShapes.Vector(options.ScoreColumnName, NumberDataViewType.Single, ScoreAnnotations.MulticlassScoreShape(label)),
            SchemaShapes.Key(options.PredictedLabelColumnName, ScoreAnnotations.MulticlassPredictedLabelShape(label))
        );
    }

    private ImageClassificationTransformer FitCore(IDataView input, IDataView? validationData)
    {
        using var channel = host.Start("Training");
        using var run = new ImageClassificationRun(host, channel, options);
        return run.Fit(input, validationData);
    }
}
