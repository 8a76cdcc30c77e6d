using System.Runtime.InteropServices;
using MLNetLosses.Data;
using MLNetLosses.Networks;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses;

/// <summary>A backbone with its head as the network of a transformer.</summary>
internal sealed class NetworkClassifier : IImageClassifier
{
    private readonly InferenceNetwork<BackboneNetwork> network;
    private readonly ImageClassificationModel model;
    private readonly PixelNormalization normalization;

    private NetworkClassifier(ReadOnlyMemory<byte> weights, ImageClassificationModel model, Device device)
    {
        (this.model, Device) = (model, device);
        normalization = new(model.Preprocessing);
        network = new(weights, Make);
    }

    /// <summary>Takes a copy of a trained network, which stays the caller's.</summary>
    public static NetworkClassifier Of(BackboneNetwork network, ImageClassificationModel model, Device device) =>
        new(InferenceNetwork<BackboneNetwork>.WeightsOf(network), model, device);

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <exception cref="InvalidDataException">The stream does not hold the network that the model names.</exception>
    public static NetworkClassifier Load(Stream stream, ImageClassificationModel model, Device device) =>
        new(InferenceNetwork<BackboneNetwork>.ReadWeights(stream), model, device);

    public int ClassCount => model.ClassCount;

    public Device Device { get; }

    public void Score(ReadOnlySpan<byte> images, int count, Span<float> probabilities)
    {
        var size = model.Preprocessing;
        ArgumentOutOfRangeException.ThrowIfNotEqual(images.Length, count * size.ImageBytes);
        ArgumentOutOfRangeException.ThrowIfNotEqual(probabilities.Length, count * ClassCount);
        using var user = network.Use();
        using var scope = NewDisposeScope();
        using var mode = inference_mode();
        var bytes = empty([count, size.Channels, size.Height, size.Width], ScalarType.Byte);
        images.CopyTo(bytes.bytes);
        var logits = user.Network.call(normalization.Apply(bytes.to(Device)));
        var result = nn.functional.softmax(logits, 1).cpu().contiguous();
        MemoryMarshal.Cast<byte, float>(result.bytes).CopyTo(probabilities);
    }

    public void Save(Stream stream) => network.Save(stream);

    public void Dispose() => network.Dispose();

    private BackboneNetwork Make(TensorFile file)
    {
        using var trained = BackboneNetwork.Create(model.Backbone, model.ClassCount, inputChannels: model.Preprocessing.Channels);
        InferenceNetwork<BackboneNetwork>.Fill(trained, $"{model.Backbone}", file);
        var folded = trained.InferenceCopy();
        folded.to(Device);
        return folded;
    }
}
