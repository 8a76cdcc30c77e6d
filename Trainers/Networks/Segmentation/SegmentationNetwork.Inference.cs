using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Networks;

internal sealed partial class SegmentationNetwork
{
    /// <summary>The values that inference needs, by name: without the heads that serve training only.</summary>
    public Dictionary<string, Tensor> InferenceValues() =>
        state_dict()
            .Where(pair => !pair.Key.StartsWith(SideHeadsName + ".", StringComparison.Ordinal))
            .ToDictionary(pair => pair.Key, pair => pair.Value);

    /// <summary>
    /// The network of a file for inference: batch normalisation is folded into the convolutions before it; without side heads; in evaluation mode
    /// and without gradients.
    /// </summary>
    /// <exception cref="InvalidDataException">The file holds another network.</exception>
    public static SegmentationNetwork ForInference(SegmentationShape shape, TensorFile file)
    {
        using var init = Initialization.None();
        var network = new SegmentationNetwork(shape with { SideHeads = 0 }, seed: 0, init);
        try
        {
            InferenceNetwork<SegmentationNetwork>.Fill(network, $"{shape}", file);
            network.eval();
            foreach (var module in network.modules())
                (module as BatchNorm)?.Fold();
            foreach (var parameter in network.parameters())
                parameter.requires_grad = false;
            return network;
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Loads a file into the network: weights of the backbone, as for classification, of which the head is not used; or weights of the whole network,
    /// whose head may be for another number of classes.
    /// </summary>
    /// <exception cref="InvalidDataException">The file is damaged or belongs to another network.</exception>
    public WeightReport Load(string path)
    {
        using var file = TensorFile.Read(path);
        var whole = file.Tensors.Keys.Any(name => name.StartsWith("encoder.", StringComparison.Ordinal));
        return whole
            ? WeightLoader.Load(this, $"{Shape}", HeadName, $"encoder.{encoder.StemName}", file)
            : WeightLoader.Load(encoder, $"{encoder.Backbone}", headName: null, encoder.StemName, file);
    }
}
