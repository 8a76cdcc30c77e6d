using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetLosses.Data;
using MLNetLosses.Interop;
using MLNetLosses.Networks;
using MLNetLosses.Scoring;
using MLNetLosses.Training;

namespace MLNetLosses;

/// <summary>
/// A trained object detector. Adds, for each image, the classes of what was found (a vector of keys with the values of the training labels), their scores (between 0 and 1,
/// falling) and their boxes (x0, y0, x1, y1 each, in pixels of the image as it is seen); nothing found: empty vectors. Rows are scored in blocks ahead of whoever reads them;
/// prediction engines score row by row. Any number of threads and engines may use one transformer at once: they share its network.
/// </summary>
/// <remarks>
/// Made by <see cref="ObjectDetectionTrainer"/>, or by <c>mlContext.Model.Load</c> in any process that references this assembly.
/// </remarks>
public sealed class ObjectDetectionTransformer : ITransformer, ILoadable<ObjectDetectionTransformer>, IDisposable
{
    private readonly IHost host;
    private readonly DetectionModel model;
    private readonly NetworkDetector network;
    private readonly KeyValues? classes;

    internal ObjectDetectionTransformer(
        IHostEnvironment environment,
        DetectionModel model,
        NetworkDetector network,
        KeyValues? classes,
        DetectionSettings? settings = null
    )
    {
        host = environment.Register(nameof(ObjectDetectionTransformer));
        (this.model, this.network, this.classes) = (model, network, classes);
        Settings = settings ?? model.Settings;
    }

    /// <summary>The names of the classes in the order of the keys, or their numbers where the training data had no names.</summary>
    public IReadOnlyList<string> Classes => DetectionModel.NamesOf(classes, model.ClassCount);

    /// <summary>The backbone of the network that was trained.</summary>
    public Backbone Backbone => model.Backbone;

    /// <summary>The loss on classes that trained it, as <see cref="Losses.Loss.Parse"/> reads it.</summary>
    public string ClassificationLoss => model.ClassificationLoss;

    /// <summary>The loss on boxes that trained it, as <see cref="Losses.Loss.Parse"/> reads it.</summary>
    public string BoxLoss => model.BoxLoss;

    /// <summary>The loss on the distributions of sides that trained it, as <see cref="Losses.Loss.Parse"/> reads it; null: its head tells none.</summary>
    public string? DistributionLoss => model.DistributionLoss;

    /// <summary>How detections are chosen.</summary>
    public DetectionSettings Settings { get; }

    /// <summary>How the training went.</summary>
    public TrainingResult Summary => model.Summary;

    internal DetectionModel Model => model;

    internal NetworkDetector Network => network;

    internal KeyValues? ClassValues => classes;

    /// <summary>Always true: a row is computed from itself alone.</summary>
    public bool IsRowToRowMapper => true;

    static ModelFormat ILoadable<ObjectDetectionTransformer>.Format { get; } =
        new("MLLODETC", "MLNetLossesObjDetect", "Object detection (MLNetLosses)");

    /// <summary>The same detector that chooses detections otherwise; it shares this one's network: <c>detector.With(detector.Settings with { ScoreThreshold = 0.3 })</c>.</summary>
    /// <param name="settings">How to choose.</param>
    public ObjectDetectionTransformer With(DetectionSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return new(host, model, network, classes, settings);
    }

    /// <summary>The schema with the columns of detections behind it.</summary>
    /// <param name="inputSchema">A schema with the column of images.</param>
    /// <exception cref="ArgumentException">The column of images is missing or of another type.</exception>
    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => Bind(inputSchema).OutputSchema;

    /// <summary>The data with the detections behind them, computed when they are read.</summary>
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

    void ICanSaveModel.Save(ModelSaveContext ctx) => Write(ModelWriter.Begin<ObjectDetectionTransformer>(ctx));

    static ObjectDetectionTransformer ILoadable<ObjectDetectionTransformer>.Load(IHostEnvironment environment, ModelReader reader) =>
        Read(environment, reader);

    internal void Write(ModelWriter writer)
    {
        writer.WriteText("model.json", (model with { Settings = Settings }).ToJson());
        writer.Write("network.safetensors", network.Save);
        if (classes is not null)
            writer.WriteKeyValues("classes", classes);
    }

    internal static ObjectDetectionTransformer Read(IHostEnvironment environment, ModelReader reader)
    {
        NativeLibraryCheck.Ensure();
        var model = reader.Read("model.json", stream => DetectionModel.FromJson(new StreamReader(stream).ReadToEnd()));
        var classes = reader.Has("classes") ? reader.ReadKeyValues("classes") : null;
        if (classes is not null && classes.Count != model.ClassCount)
            throw new InvalidDataException($"The saved model names {classes.Count} classes, but its network has {model.ClassCount}.");
        var network = reader.Read(
            "network.safetensors",
            stream => NetworkDetector.Load(stream, model, DeviceChoice.Make(null, environment).Device)
        );
        return new(environment, model, network, classes);
    }

    private ObjectDetectionScorer Bind(DataViewSchema schema)
    {
        ArgumentNullException.ThrowIfNull(schema);
        return new(schema, model, Settings, network, classes, host);
    }
}
