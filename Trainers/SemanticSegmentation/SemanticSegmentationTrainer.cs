using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetLosses.Interop;
using MLNetLosses.Masks;
using MLNetLosses.Scoring;

namespace MLNetLosses;

/// <summary>
/// Trains a network that gives every pixel of an image a class. Reads a column of images (<see cref="MLImage"/>, the bytes of a file, or the path of one) and a
/// column of masks (<see cref="SegmentationMask"/>, or the path of a picture of class indices), and makes a <see cref="SemanticSegmentationTransformer"/> that adds
/// a mask at the image's own size. Made by <c>mlContext.ImageSegmentation.Trainers.SemanticSegmentation(...)</c>.
/// </summary>
public sealed partial class SemanticSegmentationTrainer : IEstimator<SemanticSegmentationTransformer>
{
    private readonly IHost host;
    private readonly Options options;

    internal SemanticSegmentationTrainer(IHostEnvironment environment, Options options)
    {
        ArgumentNullException.ThrowIfNull(options);
        NativeLibraryCheck.Ensure();
        host = environment.Register(nameof(SemanticSegmentationTrainer));
        this.options = options.Copy();
        Validate(this.options);
    }

    /// <summary>Trains a model.</summary>
    /// <param name="input">Data with the columns of images and masks.</param>
    /// <returns>The model. Its <see cref="SemanticSegmentationTransformer.Summary"/> says how the training went.</returns>
    /// <exception cref="ArgumentException">A column is missing or of the wrong type, there are no rows, or options do not fit the data.</exception>
    /// <exception cref="Data.ImageDecodeException">An image cannot be read; names its row and file.</exception>
    /// <exception cref="InvalidDataException">
    /// A mask cannot be read, has another size than its image, or a class index outside the classes: names row, file, pixel and value. Or the file of weights is
    /// damaged or belongs to another network.
    /// </exception>
    /// <exception cref="IOException">The folder of checkpoints cannot be written.</exception>
    /// <exception cref="Training.TrainingDivergedException">The loss is no longer a number; names the term, the step and the rows.</exception>
    /// <exception cref="OperationCanceledException">The context was told to stop.</exception>
    public SemanticSegmentationTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return FitCore(input, options.ValidationSet);
    }

    /// <summary>Trains a model and measures it after each epoch on other data.</summary>
    /// <param name="trainData">Data to learn from.</param>
    /// <param name="validationData">Data to measure on, used instead of those that the options name.</param>
    /// <returns>The model.</returns>
    /// <inheritdoc cref="Fit(IDataView)" path="/exception"/>
    public SemanticSegmentationTransformer Fit(IDataView trainData, IDataView validationData)
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
        MaskColumn.Check(inputSchema, options.LabelColumnName, "masks (LabelColumnName)", host);
        List<SchemaShape.Column> known = [SchemaShapes.Vector(MaskClasses.Kind, TextDataViewType.Instance)];
        if (options.IgnoreIndex is not null)
            known.Add(SchemaShapes.Scalar(MaskClasses.IgnoredKind, NumberDataViewType.Int32));
        List<SchemaShape.Column> added =
        [
            SchemaShapes.Scalar(options.PredictedLabelColumnName, SegmentationMaskDataViewType.Instance, [.. known]),
        ];
        if (options.AreasColumnName is { } areas)
            added.Add(SchemaShapes.Vector(areas, NumberDataViewType.Int64, ScoreAnnotations.SlotNamesShape));
        if (options.ProbabilitiesColumnName is { } probabilities)
            added.Add(SchemaShapes.VariableVector(probabilities, NumberDataViewType.Single));
        return inputSchema.With([.. added]);
    }

    private SemanticSegmentationTransformer FitCore(IDataView input, IDataView? validationData)
    {
        using var channel = host.Start("Training");
        using var run = new SegmentationRun(host, channel, options);
        return run.Fit(input, validationData);
    }
}
