using System.Text.Json;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetLosses.Interop;
using MLNetLosses.Masks;
using MLNetLosses.Scoring;

namespace MLNetLosses.Transforms;

/// <summary>What a transform that learns nothing does, as settings: saved as JSON, bound to the columns of data.</summary>
/// <typeparam name="TSelf">The settings.</typeparam>
internal interface IRowTransform<TSelf>
    where TSelf : class, IRowTransform<TSelf>
{
    /// <summary>Its name and version in a saved model.</summary>
    static abstract ModelFormat Format { get; }

    /// <summary>The columns that it adds, promised before there are data.</summary>
    /// <exception cref="ArgumentException">A column that it needs is missing or of another type.</exception>
    SchemaShape.Column[] Promise(SchemaShape input, IExceptionContext environment);

    /// <summary>Binds it to columns.</summary>
    /// <exception cref="ArgumentException">A column that it needs is missing or of another type.</exception>
    BoundTransform Bind(DataViewSchema input, IExceptionContext environment);
}

/// <summary>The estimator of a transform that learns nothing.</summary>
internal sealed class RowEstimator<T>(IHostEnvironment environment, T settings) : IEstimator<ITransformer>
    where T : class, IRowTransform<T>
{
    private readonly IHost host = environment.Register(typeof(T).Name);

    public ITransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        settings.Bind(input.Schema, host); // what does not fit is an error now
        return new RowTransformer<T>(host, settings);
    }

    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        return inputSchema.With(settings.Promise(inputSchema, host));
    }
}

/// <summary>The transformer of a transform that learns nothing.</summary>
internal sealed class RowTransformer<T>(IHostEnvironment environment, T settings) : ITransformer, ILoadable<RowTransformer<T>>
    where T : class, IRowTransform<T>
{
    private readonly IHost host = environment.Register(typeof(T).Name);

    public static ModelFormat Format => T.Format;

    public bool IsRowToRowMapper => true;

    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => Bind(inputSchema).OutputSchema;

    public IDataView Transform(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return Bind(input.Schema).Transform(input);
    }

    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => Bind(inputSchema).CreateMapper();

    void ICanSaveModel.Save(ModelSaveContext ctx) =>
        ModelWriter.Begin<RowTransformer<T>>(ctx).WriteText("transform.json", JsonSerializer.Serialize(settings, MaskFormat.Json));

    static RowTransformer<T> ILoadable<RowTransformer<T>>.Load(IHostEnvironment environment, ModelReader reader) =>
        new(
            environment,
            reader.Read(
                "transform.json",
                stream =>
                    JsonSerializer.Deserialize<T>(stream, MaskFormat.Json) ?? throw new JsonException("the transform's settings are empty")
            )
        );

    private BoundTransform Bind(DataViewSchema input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return settings.Bind(input, host);
    }
}
