using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetLosses.Interop;
using MLNetLosses.Scoring;

namespace MLNetLosses;

/// <summary>
/// Trains a network to find objects in images. Reads a column of images (<see cref="MLImage"/>, the bytes of a file, or the path of one), a vector of keys, the classes of the
/// objects to be seen, and a vector of their boxes; images without any object are examples of nothing. Makes an <see cref="ObjectDetectionTransformer"/> that adds classes,
/// scores and boxes. Made by <c>mlContext.MulticlassClassification.Trainers.ObjectDetection(...)</c>.
/// </summary>
public sealed partial class ObjectDetectionTrainer : IEstimator<ObjectDetectionTransformer>
{
    private readonly IHost host;
    private readonly Options options;

    internal ObjectDetectionTrainer(IHostEnvironment environment, Options options)
    {
        ArgumentNullException.ThrowIfNull(options);
        NativeLibraryCheck.Ensure();
        host = environment.Register(nameof(ObjectDetectionTrainer));
        this.options = options.Copy();
        Validate(this.options);
    }

    /// <summary>Trains a model.</summary>
    /// <param name="input">Data with the columns of images, labels and boxes.</param>
    /// <returns>The model. Its <see cref="ObjectDetectionTransformer.Summary"/> says how the training went.</returns>
    /// <exception cref="ArgumentException">
    /// A column is missing or of the wrong type, there are no rows, a box cannot be used (names row, object and value), or options do not fit the data.
    /// </exception>
    /// <exception cref="Data.ImageDecodeException">An image cannot be read; names its row and file.</exception>
    /// <exception cref="InvalidDataException">The file of weights is damaged or belongs to another network.</exception>
    /// <exception cref="IOException">The folder of checkpoints cannot be written.</exception>
    /// <exception cref="Training.TrainingDivergedException">
    /// The loss is no longer a number; names the term, the step and the rows.
    /// </exception>
    /// <exception cref="OperationCanceledException">The context was told to stop.</exception>
    public ObjectDetectionTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return FitCore(input, options.ValidationSet);
    }

    /// <summary>Trains a model and measures it after each epoch on other data.</summary>
    /// <param name="trainData">Data to learn from.</param>
    /// <param name="validationData">Data to measure on, used instead of those that the options name.</param>
    /// <returns>The model.</returns>
    /// <inheritdoc cref="Fit(IDataView)" path="/exception"/>
    public ObjectDetectionTransformer Fit(IDataView trainData, IDataView validationData)
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
        var label = ObjectColumns.Check(inputSchema, options, host);
        return inputSchema.With(
            SchemaShapes.KeyVector(options.PredictedLabelColumnName, ScoreAnnotations.MulticlassPredictedLabelShape(label)),
            SchemaShapes.VariableVector(options.ScoreColumnName, NumberDataViewType.Single),
            SchemaShapes.VariableVector(options.PredictedBoundingBoxColumnName, NumberDataViewType.Single)
        );
    }

    private ObjectDetectionTransformer FitCore(IDataView input, IDataView? validationData)
    {
        using var channel = host.Start("Training");
        using var run = new ObjectDetectionRun(host, channel, options);
        return run.Fit(input, validationData);
    }
}
