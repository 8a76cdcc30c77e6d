using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetLosses.Data;
using MLNetLosses.Networks;
using MLNetLosses.Training;
using MLNetLosses.UnitTests.ImageClassification;
using Options = MLNetLosses.SemanticSegmentationTrainer.Options;

namespace MLNetLosses.UnitTests.SemanticSegmentation;

/// <summary>What the tests of the segmentation trainer share.</summary>
internal static class Segmenting
{
    public static MLContext Context(int seed = 1) => new(seed);

    /// <summary>A small network on small images for an epoch.</summary>
    public static Options Small(Action<Options>? change = null)
    {
        var options = new Options
        {
            Backbone = Backbone.ResNet20Cifar,
            ImageWidth = 24,
            ImageHeight = 24,
            Epoch = 1,
            BatchSize = 4,
            LearningRate = 0.01,
            Augmentation = Augmentation.None,
            Schedule = new ConstantSchedule(),
            Threads = 1,
            Device = "cpu",
        };
        change?.Invoke(options);
        return options;
    }

    public static SemanticSegmentationTransformer Fit(IDataView data, Options options, MLContext? context = null) =>
        (context ?? Context()).ImageSegmentation.Trainers.SemanticSegmentation(options).Fit(data);

    /// <summary>The weights of a model, as it saves them.</summary>
    public static byte[] Weights(ITransformer model)
    {
        using var stream = new MemoryStream();
        Context().Model.Save(model, null, stream);
        return ImageClassification.Training.Part(stream, "network.safetensors");
    }

    /// <summary>Trains, and gives the weights.</summary>
    public static byte[] Weights(IDataView data, Options options)
    {
        using var model = Fit(data, options);
        return Weights(model);
    }

    /// <summary>The masks that a model predicts.</summary>
    public static SegmentationMask[] Masks(ITransformer model, IDataView data)
    {
        var predicted = model.Transform(data);
        using var cursor = predicted.GetRowCursor([predicted.Schema["PredictedLabel"]]);
        var getter = cursor.GetGetter<SegmentationMask>(predicted.Schema["PredictedLabel"]);
        var masks = new List<SegmentationMask>();
        while (cursor.MoveNext())
        {
            SegmentationMask mask = null!;
            getter(ref mask);
            masks.Add(mask);
        }
        return [.. masks];
    }
}
