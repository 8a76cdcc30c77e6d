using MLNetLosses.Data;
using MLNetLosses.Networks;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses;

/// <summary>A detection network as the network of a transformer. Several threads may use one at once.</summary>
internal sealed class NetworkDetector : IDisposable
{
    private readonly InferenceNetwork<DetectionNetwork> network;
    private readonly DetectionModel model;
    private readonly PixelNormalization normalization;

    private NetworkDetector(ReadOnlyMemory<byte> weights, DetectionModel model, Device device)
    {
        (this.model, Device) = (model, device);
        normalization = new(model.Preprocessing);
        network = new(weights, Make);
    }

    public Device Device { get; }

    /// <summary>Takes a copy of a trained network, which stays the caller's.</summary>
    public static NetworkDetector Of(DetectionNetwork network, DetectionModel model, Device device) =>
        new(InferenceNetwork<DetectionNetwork>.WeightsOf(network), model, device);

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <exception cref="InvalidDataException">The stream does not hold the network that the model names.</exception>
    public static NetworkDetector Load(Stream stream, DetectionModel model, Device device) =>
        new(InferenceNetwork<DetectionNetwork>.ReadWeights(stream), model, device);

    /// <summary>The detections of each image, in pixels of its source; null images give null.</summary>
    public Detections?[] Detect(IReadOnlyList<SizedImage?> images, DetectionSettings settings)
    {
        using var user = network.Use();
        return new DetectionInference(model.Shape, settings, normalization).Run(user.Network, images, Device);
    }

    /// <summary>Tells what the head says of images, as <see cref="DetectionForward"/> does.</summary>
    public void Run(IReadOnlyList<SizedImage?> images, DetectionForward.Use use)
    {
        using var user = network.Use();
        DetectionForward.Run(user.Network, normalization, images, Device, use);
    }

    public void Save(Stream stream) => network.Save(stream);

    public void Dispose() => network.Dispose();

    private DetectionNetwork Make(TensorFile file)
    {
        using var trained = DetectionNetwork.Create(model.Shape);
        InferenceNetwork<DetectionNetwork>.Fill(trained, $"a detector on {model.Backbone}", file);
        var folded = trained.InferenceCopy();
        folded.to(Device);
        return folded;
    }
}
