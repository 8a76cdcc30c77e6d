using System.Runtime.InteropServices;
using MLNetLosses.Data;
using MLNetLosses.Networks;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses;

/// <summary>
/// A network of this library for inference, on one device. The weights are kept as managed bytes, as they are saved; the network that
/// computes is made of them when it is needed and freed by <see cref="Dispose"/>, or when its last user has left. ML.NET disposes a model
/// together with any one of its prediction engines, so later use must still work: it makes the network again.
/// </summary>
internal sealed class NetworkClassifier : IImageClassifier
{
    private readonly ReadOnlyMemory<byte> weights;
    private readonly ImageClassificationModel model;
    private readonly PixelNormalization normalization;
    private readonly Lock gate = new();
    private BackboneNetwork? network;
    private int users;
    private bool freeWhenIdle;

    private NetworkClassifier(ReadOnlyMemory<byte> weights, ImageClassificationModel model, Device device)
    {
        (this.weights, this.model, Device) = (weights, model, device);
        normalization = new(model.Preprocessing);
        network = Build(); // weights that do not fit are an error now, not at the first prediction
    }

    /// <summary>Takes a copy of a trained network, which stays the caller's.</summary>
    public static NetworkClassifier Of(BackboneNetwork network, ImageClassificationModel model, Device device)
    {
        using var stream = new MemoryStream();
        SafetensorsWriter.Write(stream, network.state_dict());
        return new(stream.ToArray(), model, device);
    }

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <exception cref="InvalidDataException">The stream does not hold the network that the model names.</exception>
    public static NetworkClassifier Load(Stream stream, ImageClassificationModel model, Device device)
    {
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return new(copy.ToArray(), model, device);
    }

    public int ClassCount => model.ClassCount;

    public Device Device { get; }

    public void Score(ReadOnlySpan<byte> images, int count, Span<float> probabilities)
    {
        var size = model.Preprocessing;
        ArgumentOutOfRangeException.ThrowIfNotEqual(images.Length, count * size.ImageBytes);
        ArgumentOutOfRangeException.ThrowIfNotEqual(probabilities.Length, count * ClassCount);
        var network = Enter();
        try
        {
            using var scope = NewDisposeScope();
            using var mode = inference_mode();
            var bytes = empty([count, size.Channels, size.Height, size.Width], ScalarType.Byte);
            images.CopyTo(bytes.bytes);
            var logits = network.call(normalization.Apply(bytes.to(Device)));
            var result = nn.functional.softmax(logits, 1).cpu().contiguous();
            MemoryMarshal.Cast<byte, float>(result.bytes).CopyTo(probabilities);
        }
        finally
        {
            Leave();
        }
    }

    public void Save(Stream stream) => stream.Write(weights.Span);

    public void Dispose()
    {
        lock (gate)
        {
            freeWhenIdle = true;
            FreeIfIdle();
        }
    }

    private BackboneNetwork Enter()
    {
        lock (gate)
        {
            network ??= Build();
            users++;
            return network;
        }
    }

    private void Leave()
    {
        lock (gate)
        {
            users--;
            FreeIfIdle();
        }
    }

    private void FreeIfIdle()
    {
        if (!freeWhenIdle || users > 0)
            return;
        freeWhenIdle = false;
        network?.Dispose();
        network = null;
    }

    private BackboneNetwork Build()
    {
        using var file = TensorFile.Read(weights, "network.safetensors");
        using var trained = BackboneNetwork.Create(model.Backbone, model.ClassCount, inputChannels: model.Preprocessing.Channels);
        var report = WeightLoader.Load(trained, file);
        if (report.Kept.Count > 0)
            throw new InvalidDataException($"the weights of {string.Join(", ", report.Kept.Take(3))} are missing or of another shape");
        var folded = trained.InferenceCopy();
        folded.to(Device);
        return folded;
    }
}
