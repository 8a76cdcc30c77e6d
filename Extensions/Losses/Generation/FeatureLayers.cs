using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>The layers of two sides' features: read from inputs, or taken from a network.</summary>
internal static class FeatureLayers
{
    /// <summary>The inputs predictedFeatures0.., targetFeatures0.., as many as there are.</summary>
    public static List<(Tensor Predicted, Tensor Target)> Read(Loss loss, LossCall call)
    {
        var layers = new List<(Tensor, Tensor)> { (call["predictedFeatures0"], call["targetFeatures0"]) };
        while (call.Optional($"predictedFeatures{layers.Count}") is { } predicted)
            layers.Add((predicted, call[$"targetFeatures{layers.Count}"]));
        if (call.Optional($"targetFeatures{layers.Count}") is not null)
            throw new ArgumentException(
                $"{loss.Name}: targetFeatures{layers.Count} has no predictedFeatures{layers.Count} beside it.",
                $"predictedFeatures{layers.Count}"
            );
        for (var l = 0; l < layers.Count; l++)
            Shapes.Floating(loss, $"predictedFeatures{l}", layers[l].Item1);
        return layers;
    }

    /// <summary>A network's features of two batches of images; the targets' without a graph.</summary>
    public static List<(Tensor Predicted, Tensor Target)> Extract(
        Loss loss,
        LossCall call,
        FeatureNetwork network,
        string predictions,
        string targets
    )
    {
        var (predicted, target) = (Features(loss, call, network, predictions, true), Features(loss, call, network, targets, false));
        return [.. predicted.Zip(target)];
    }

    private static IReadOnlyList<Tensor> Features(Loss loss, LossCall call, FeatureNetwork network, string input, bool graph)
    {
        var images = call[input];
        ImageArithmetic.Check(loss, input, images);
        var extractor = call.Context.Networks!.Get(network, loss);
        var channels = extractor.InputMean.Count;
        if (images.shape[1] != channels && images.shape[1] != 1)
            throw Shapes.Wrong(loss, input, images, $"[N, {channels}, H, W] or [N, 1, H, W] in [0, 1]");
        return call.Shared(
            (network, images, graph),
            () =>
            {
                using var frozen = graph ? null : no_grad();
                Tensor Statistics(string name, ValueList<double>? given, IReadOnlyList<float> own) =>
                    call.Constant(name, images, () => given?.ToArray() ?? [.. own.Select(value => (double)value)])
                        .reshape(1, channels, 1, 1);
                var mean = Statistics("mean", network.Mean, extractor.InputMean);
                var deviation = Statistics("deviation", network.Deviation, extractor.InputStd);
                var features = extractor.Extract(((images - mean) / deviation).to(call.Context.DType));
                return features.Count > 0
                    ? features
                    : throw new ArgumentException($"{loss.Name}: the network {network} gave no features.", nameof(network));
            }
        );
    }

    /// <summary>The weight of each layer: those given, or 1.</summary>
    public static double Weight(Loss loss, ValueList<double>? weights, int layer, int count) =>
        weights is null ? 1
        : weights.Count == count ? weights[layer]
        : throw new ArgumentException(
            $"{loss.Name}: LayerWeights has {weights.Count} numbers for {count} layers; it needs one a layer.",
            "LayerWeights"
        );
}
