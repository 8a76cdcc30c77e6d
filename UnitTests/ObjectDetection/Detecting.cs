using Microsoft.ML;
using MLNetLosses.Data;
using MLNetLosses.Networks;
using MLNetLosses.Training;
using Options = MLNetLosses.ObjectDetectionTrainer.Options;

namespace MLNetLosses.UnitTests.ObjectDetection;

/// <summary>What the tests of the detector share.</summary>
internal static class Detecting
{
    public static readonly RetinaNetHead SmallHead = new()
    {
        Channels = 32,
        Convolutions = 1,
        ScalesPerLevel = 1,
        AspectRatios = [1],
    };

    /// <summary>A small network on small images for one epoch.</summary>
    public static Options Small(Action<Options>? change = null)
    {
        var options = new Options
        {
            Backbone = Backbone.ShuffleNetV2X05,
            Head = SmallHead,
            ImageSize = 64,
            Epoch = 1,
            BatchSize = 4,
            Augmentation = Augmentation.None,
            Schedule = new ConstantSchedule(),
            Threads = 1,
            ReaderThreads = 1,
            Device = "cpu",
        };
        change?.Invoke(options);
        return options;
    }

    /// <summary>Images that <see cref="Trained"/> has not learned from, but was measured on.</summary>
    public static readonly IReadOnlyList<DrawnObjects.Row> Unseen = DrawnObjects.Rows(10, seed: 3);

    /// <summary>A detector that finds drawn objects; trained when it is first asked for, and kept.</summary>
    public static ObjectDetectionTransformer Trained => Shared.Value;

    private static readonly Lazy<ObjectDetectionTransformer> Shared = new(() =>
        Fit(
            DrawnObjects.Data(24),
            Small(o =>
            {
                o.Epoch = 12;
                o.LearningRate = 3e-3;
                o.ValidationSet = DrawnObjects.Keyed(new MLContext(1), Unseen);
            })
        )
    );

    public static ObjectDetectionTransformer Fit(IDataView data, Options options, MLContext? context = null) =>
        (context ?? new MLContext(1)).MulticlassClassification.Trainers.ObjectDetection(options).Fit(data);

    public static List<DrawnObjects.Prediction> Predict(ITransformer model, IDataView data)
    {
        var context = new MLContext(1);
        return
        [
            .. context.Data.CreateEnumerable<DrawnObjects.Prediction>(
                model.Transform(data),
                reuseRowObject: false,
                ignoreMissingColumns: true
            ),
        ];
    }

    /// <summary>The weights of a model, as it saves them.</summary>
    public static byte[] Weights(ITransformer model)
    {
        using var stream = new MemoryStream();
        new MLContext(1).Model.Save(model, null, stream);
        return ImageClassification.Training.Part(stream, "network.safetensors");
    }
}
