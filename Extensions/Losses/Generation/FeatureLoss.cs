using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// A loss that compares images by their features. With <see cref="Network"/> it takes images (<c>predictions</c>, <c>targets</c> [N, C, H, W] in [0, 1]) and holds
/// the network: frozen, in evaluation mode, never in the optimizer; targets run without a graph. Without, it takes features as inputs:
/// <c>predictedFeatures0</c>.., <c>targetFeatures0</c>.. [N, C_l, H_l, W_l], as many layers as given, and gradients reach both sides.
/// </summary>
public abstract record FeatureLoss : ImageLoss
{
    /// <summary>Whose features are compared; null (the default): features are inputs.</summary>
    public FeatureNetwork? Network { get; init; }

    /// <summary>One weight a layer, &gt;= 0; null (the default): 1.</summary>
    [Interval("[0, inf)")]
    public ValueList<double>? LayerWeights
    {
        get;
        init => field = Valid(value);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> RequiredInputs =>
        Network is null ? ["predictedFeatures0", "targetFeatures0"] : ["predictions", "targets"];

    /// <inheritdoc/>
    protected internal override void Validate() => Network?.Validate();

    /// <summary>The name of the input that holds the images that are wanted.</summary>
    /// <param name="call">The inputs.</param>
    private protected virtual string TargetInput(LossCall call) => "targets";

    /// <inheritdoc/>
    protected internal override LossTerms ComputeTerms(LossCall call) => new(SumOfLayers(call, CompareLayer)!);

    /// <inheritdoc/>
    protected internal override Tensor? FusedMean(LossCall call) => SumOfLayers(call, MeanOfLayer);

    private Tensor? SumOfLayers(LossCall call, Func<Tensor, Tensor, int, LossCall, Tensor?> compare)
    {
        var layers = Network is null
            ? FeatureLayers.Read(this, call)
            : FeatureLayers.Extract(this, call, Network, "predictions", TargetInput(call));
        Tensor? total = null;
        for (var l = 0; l < layers.Count; l++)
        {
            var weight = FeatureLayers.Weight(this, LayerWeights, l, layers.Count);
            CheckLayer(layers[l].Predicted, layers[l].Target, l);
            if (weight == 0 && l > 0)
                continue;
            if (compare(layers[l].Predicted, layers[l].Target, l, call) is not { } found)
                return null;
            var term = weight == 1 ? found : weight * found;
            total = total is null ? term : total + term;
        }
        return total;
    }

    private protected virtual void CheckLayer(Tensor predicted, Tensor target, int layer) =>
        Shapes.Same(this, $"predictedFeatures{layer}", predicted, $"targetFeatures{layer}", target);

    /// <summary>The term of each image at a layer, before its weight.</summary>
    /// <param name="predicted">[N, C, H, W].</param>
    /// <param name="target">The features that are wanted.</param>
    /// <param name="layer">Which, from 0.</param>
    /// <param name="call">State.</param>
    /// <returns>[N].</returns>
    private protected abstract Tensor CompareLayer(Tensor predicted, Tensor target, int layer, LossCall call);

    /// <summary>The mean of a layer's terms over the images, where it takes less than the terms; null (the default) takes them.</summary>
    private protected virtual Tensor? MeanOfLayer(Tensor predicted, Tensor target, int layer, LossCall call) => null;
}
