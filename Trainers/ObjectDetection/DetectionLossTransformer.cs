using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetLosses.Interop;
using MLNetLosses.Scoring;
using MLNetLosses.Transforms;

namespace MLNetLosses;

/// <summary>Adds the loss of a detector; it learns nothing.</summary>
internal sealed class DetectionLossEstimator(
    IHostEnvironment environment,
    ObjectDetectionTransformer detector,
    DetectionLossColumns columns
) : IEstimator<ITransformer>
{
    private readonly IHost host = environment.Register(nameof(DetectionLossEstimator));
    private readonly DetectionLossTransformer transformer = new(environment, detector, columns);

    public ITransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        transformer.GetOutputSchema(input.Schema); // what does not fit is an error now
        return transformer;
    }

    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        ImageColumn.Check(inputSchema, detector.Model.ImageColumnName, host);
        ObjectColumns.Check(inputSchema, columns.AsOptions(), host);
        var loss = SchemaShapes.Scalar(columns.Loss, NumberDataViewType.Single);
        return inputSchema.With(
            columns.Terms is { } terms
                ? [loss, SchemaShapes.Vector(terms, NumberDataViewType.Single, ScoreAnnotations.SlotNamesShape)]
                : [loss]
        );
    }
}

/// <summary>The loss of a detector on each image as columns. Saved with the detector.</summary>
internal sealed class DetectionLossTransformer : ITransformer, ILoadable<DetectionLossTransformer>, IDisposable
{
    private readonly IHost host;
    private readonly ObjectDetectionTransformer detector;
    private readonly DetectionLossColumns columns;
    private readonly DetectionImageLoss loss;

    public DetectionLossTransformer(IHostEnvironment environment, ObjectDetectionTransformer detector, DetectionLossColumns columns)
    {
        host = environment.Register(nameof(DetectionLossTransformer));
        (this.detector, this.columns) = (detector, columns);
        loss = new(detector.Model);
    }

    public static ModelFormat Format { get; } = new("MLLDETLO", "MLNetLossesDetLoss", "Loss of a detector (MLNetLosses)");

    public bool IsRowToRowMapper => true;

    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => Bind(inputSchema).OutputSchema;

    public IDataView Transform(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return Bind(input.Schema).Transform(input);
    }

    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => Bind(inputSchema).CreateMapper();

    /// <summary>Frees the native memory of the detector, which stays usable.</summary>
    public void Dispose() => detector.Dispose();

    void ICanSaveModel.Save(ModelSaveContext ctx)
    {
        var writer = ModelWriter.Begin<DetectionLossTransformer>(ctx);
        writer.WriteText("columns.json", ModelJson.Write(columns));
        detector.Write(writer);
    }

    static DetectionLossTransformer ILoadable<DetectionLossTransformer>.Load(IHostEnvironment environment, ModelReader reader)
    {
        var columns = reader.Read(
            "columns.json",
            stream => ModelJson.Read<DetectionLossColumns>(new StreamReader(stream).ReadToEnd(), _ => true)
        );
        return new(environment, ObjectDetectionTransformer.Read(environment, reader), columns);
    }

    private BoundTransform Bind(DataViewSchema input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return new DetectionLossScorer(input, detector, columns, loss, host);
    }
}
