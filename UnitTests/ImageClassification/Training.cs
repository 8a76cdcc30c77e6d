using System.IO.Compression;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetLosses.Data;
using MLNetLosses.Networks;
using MLNetLosses.Training;
using TorchSharp;
using Options = MLNetLosses.ImageClassificationTrainer.Options;

namespace MLNetLosses.UnitTests.ImageClassification;

/// <summary>What the tests of the trainer share.</summary>
internal static class Training
{
    public static MLContext Context(int seed = 1) => new(seed);

    /// <summary>A small network on small images for few epochs.</summary>
    public static Options Small(Action<Options>? change = null)
    {
        var options = new Options
        {
            Backbone = Backbone.ResNet20Cifar,
            ImageSize = 16,
            Epoch = 1,
            BatchSize = 8,
            LearningRate = 0.01,
            Augmentation = Augmentation.None,
            Schedule = new ConstantSchedule(),
            Threads = 1,
            Device = "cpu",
        };
        change?.Invoke(options);
        return options;
    }

    public static ImageClassificationTransformer Fit(IDataView data, Options options, MLContext? context = null) =>
        (context ?? Context()).MulticlassClassification.Trainers.ImageClassification(options).Fit(data);

    /// <summary>Probabilities of a model for images that it has not seen.</summary>
    public static float[] Probe(ITransformer model)
    {
        var data = Context().Data.LoadFromEnumerable(DrawnImages.Bytes(4, seed: 77));
        return [.. model.Transform(data).GetColumn<float[]>("Score").SelectMany(score => score)];
    }

    /// <summary>The weights of a model, as it saves them.</summary>
    public static byte[] Weights(ITransformer model)
    {
        using var stream = new MemoryStream();
        Context().Model.Save(model, null, stream);
        return Part(stream, "network.safetensors");
    }

    /// <summary>Trains, and gives the weights.</summary>
    public static byte[] Weights(IDataView data, Options options)
    {
        using var model = Fit(data, options);
        return Weights(model);
    }

    /// <summary>A part of a saved model.</summary>
    public static byte[] Part(Stream model, string name)
    {
        model.Position = 0;
        using var archive = new ZipArchive(model, ZipArchiveMode.Read, leaveOpen: true);
        using var entry = archive.Entries.Single(e => e.Name == name).Open();
        using var copy = new MemoryStream();
        entry.CopyTo(copy);
        return copy.ToArray();
    }

    /// <summary>
    /// By how much TorchSharp's count of tensors stays too high for each network that is made and freed: a parameter takes the native
    /// tensor out of the one that it is made of, which then counts for ever.
    /// </summary>
    public static long CountedTwice(bool forInference)
    {
        var before = LiveTensors.Settled();
        using (var network = BackboneNetwork.Create(Backbone.ResNet20Cifar, 3))
            if (forInference)
                network.InferenceCopy().Dispose();
        return torch.Tensor.TotalCount - before;
    }

    public static IDataView Data(int count, int seed = 0) => DrawnImages.Keyed(Context(), DrawnImages.Bytes(count, seed));
}

/// <summary>Remembers what it was told.</summary>
internal sealed class Recorder : IProgress<TrainingProgress>
{
    public List<TrainingProgress> Reports { get; } = [];

    public Action<TrainingProgress> OnReport { get; init; } = _ => { };

    public void Report(TrainingProgress value)
    {
        Reports.Add(value);
        OnReport(value);
    }
}
