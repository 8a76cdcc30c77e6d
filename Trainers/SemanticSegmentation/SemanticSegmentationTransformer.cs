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
/// A trained segmentation network. Adds a column of masks (<see cref="SegmentationMask"/>) at the size of the images, of the pixels of each class in them, and on
/// request of probabilities. Images may differ in size. Rows are scored in blocks ahead of whoever reads them; prediction engines score row by row. Any number of
/// threads and engines may use one transformer at once: they share its network.
/// </summary>
/// <remarks>
/// Made by <see cref="SemanticSegmentationTrainer"/>, or by <c>mlContext.Model.Load</c> in any process that references this assembly.
/// </remarks>
public sealed class SemanticSegmentationTransformer : ITransformer, ILoadable<SemanticSegmentationTransformer>, IDisposable
{
    private readonly IHost host;
    private readonly SegmentationModel model;
    private readonly PixelClassifier network;

    internal SemanticSegmentationTransformer(IHostEnvironment environment, SegmentationModel model, PixelClassifier network)
    {
        host = environment.Register(nameof(SemanticSegmentationTransformer));
        (this.model, this.network) = (model, network);
    }

    /// <summary>The names of the classes in the order of their indices or layers.</summary>
    public IReadOnlyList<string> Classes => model.Classes;

    /// <summary>What the network says of a pixel; never <see cref="SegmentationMode.Auto"/>.</summary>
    public SegmentationMode Mode => model.Mode;

    /// <summary>How classes are made of the backbone's maps.</summary>
    public SegmentationArchitecture Architecture => model.Architecture;

    /// <summary>The backbone.</summary>
    public Backbone Backbone => model.Backbone;

    /// <summary>The loss that trained it, as <see cref="Losses.Loss.Parse"/> reads it.</summary>
    public string Loss => model.Loss;

    /// <summary>How the training went.</summary>
    public TrainingResult Summary => model.Summary;

    /// <summary>Always true: a row is computed from itself alone.</summary>
    public bool IsRowToRowMapper => true;

    static ModelFormat ILoadable<SemanticSegmentationTransformer>.Format { get; } =
        new("MLLSEGMT", "MLNetLossesSegment", "Semantic segmentation (MLNetLosses)");

    /// <summary>The schema with the new columns behind it.</summary>
    /// <param name="inputSchema">A schema with the column of images.</param>
    /// <exception cref="ArgumentException">The column of images is missing or of another type.</exception>
    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => Bind(inputSchema).OutputSchema;

    /// <summary>The data with the new columns behind them, computed when they are read.</summary>
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
        var writer = ModelWriter.Begin<SemanticSegmentationTransformer>(ctx);
        writer.WriteText("model.json", model.ToJson());
        writer.Write("network.safetensors", network.Save);
    }

    static SemanticSegmentationTransformer ILoadable<SemanticSegmentationTransformer>.Load(IHostEnvironment environment, ModelReader reader)
    {
        NativeLibraryCheck.Ensure();
        var model = reader.Read("model.json", stream => SegmentationModel.FromJson(new StreamReader(stream).ReadToEnd()));
        var network = reader.Read(
            "network.safetensors",
            stream => PixelClassifier.Load(stream, model, DeviceChoice.Make(null, environment).Device)
        );
        return new(environment, model, network);
    }

    private SegmentationScorer Bind(DataViewSchema schema)
    {
        ArgumentNullException.ThrowIfNull(schema);
        return new(schema, model, network, host);
    }
}
