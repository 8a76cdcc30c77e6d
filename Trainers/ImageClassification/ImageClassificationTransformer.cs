using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetLosses.Interop;
using MLNetLosses.Networks;
using MLNetLosses.Scoring;
using MLNetLosses.Training;

namespace MLNetLosses;

/// <summary>
/// A trained image classifier. Adds a score column, a vector of one probability a class whose slots bear the names of the classes, and a
/// predicted label, a key with the values of the training label. Rows are scored in blocks ahead of whoever reads them; prediction engines
/// score row by row. Any number of threads and engines may use one transformer at once: they share its network.
/// </summary>
/// <remarks>
/// Made by <see cref="ImageClassificationTrainer"/>, or by <c>mlContext.Model.Load</c> in any process that references this assembly.
/// </remarks>
public sealed class ImageClassificationTransformer : ITransformer, ILoadable<ImageClassificationTransformer>, IDisposable
{
    private readonly IHost host;
    private readonly ImageClassificationModel model;
    private readonly IImageClassifier network;
    private readonly KeyValues? classes;

    internal ImageClassificationTransformer(
        IHostEnvironment environment,
        ImageClassificationModel model,
        IImageClassifier network,
        KeyValues? classes
    )
    {
        host = environment.Register(nameof(ImageClassificationTransformer));
        (this.model, this.network, this.classes) = (model, network, classes);
    }

    /// <summary>
    /// The names of the classes in the order of the slots of the score, or their numbers where the training data had no names.
    /// </summary>
    public IReadOnlyList<string> Classes =>
        classes?.Names
        ?? [.. Enumerable.Range(0, model.ClassCount).Select(i => i.ToString(System.Globalization.CultureInfo.InvariantCulture))];

    /// <summary>The network that was trained.</summary>
    public Backbone Backbone => model.Backbone;

    /// <summary>The loss that trained it, as <see cref="Losses.Loss.Parse"/> reads it.</summary>
    public string Loss => model.Loss;

    /// <summary>How the training went.</summary>
    public TrainingResult Summary => model.Summary;

    /// <summary>Always true: a row is computed from itself alone.</summary>
    public bool IsRowToRowMapper => true;

    static ModelFormat ILoadable<ImageClassificationTransformer>.Format { get; } =
        new("MLLIMCLS", "MLNetLossesImageClass", "Image classification (MLNetLosses)");

    /// <summary>The schema with the score and the predicted label behind it.</summary>
    /// <param name="inputSchema">A schema with the column of images.</param>
    /// <exception cref="ArgumentException">The column of images is missing or of another type.</exception>
    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => Bind(inputSchema).OutputSchema;

    /// <summary>The data with the score and the predicted label behind them, computed when they are read.</summary>
    /// <param name="input">Data with the column of images.</param>
    /// <exception cref="ArgumentException">The column of images is missing or of another type.</exception>
    public IDataView Transform(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return Bind(input.Schema).Transform(input);
    }

    /// <summary>What prediction engines use.</summary>
    /// <param name="inputSchema">A schema with the column of images.</param>
    /// <exception cref="ArgumentException">The column of images is missing or of another type.</exception>
    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => Bind(inputSchema).CreateMapper();

    /// <summary>
    /// Frees the native memory of the network, as soon as nobody computes with it. ML.NET calls this when a prediction engine is disposed
    /// that was not made with <c>ownsTransformer: false</c>. The transformer stays usable: the network is made again when it is needed.
    /// </summary>
    public void Dispose() => network.Dispose();

    void ICanSaveModel.Save(ModelSaveContext ctx)
    {
        var writer = ModelWriter.Begin<ImageClassificationTransformer>(ctx);
        writer.WriteText("model.json", model.ToJson());
        writer.Write("network.safetensors", network.Save);
        if (classes is not null)
            writer.WriteKeyValues("classes", classes);
    }

    static ImageClassificationTransformer ILoadable<ImageClassificationTransformer>.Load(IHostEnvironment environment, ModelReader reader)
    {
        NativeLibraryCheck.Ensure();
        var model = reader.Read("model.json", stream => ImageClassificationModel.FromJson(new StreamReader(stream).ReadToEnd()));
        var classes = reader.Has("classes") ? reader.ReadKeyValues("classes") : null;
        if (classes is not null && classes.Count != model.ClassCount)
            throw new InvalidDataException($"The saved model names {classes.Count} classes, but its network has {model.ClassCount}.");
        var network = reader.Read(
            "network.safetensors",
            stream => NetworkClassifier.Load(stream, model, DeviceChoice.Make(null, environment).Device)
        );
        return new(environment, model, network, classes);
    }

    private ImageClassificationScorer Bind(DataViewSchema schema)
    {
        ArgumentNullException.ThrowIfNull(schema);
        return new(schema, model, network, classes, host);
    }
}
