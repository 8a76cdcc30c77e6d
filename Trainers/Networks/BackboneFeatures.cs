using System.Text.RegularExpressions;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>
/// The maps of a backbone as features for losses that compare them (<see cref="PerceptualLoss"/>, <see cref="ContentLoss"/>, <see cref="StyleLoss"/>):
/// <c>new LossContext { OpenNetwork = BackboneFeatures.Open }</c>.
/// </summary>
public sealed partial class BackboneFeatures : nn.Module, IFeatureExtractor
{
    private readonly BackboneNetwork network;
    private readonly int[] chosen;

    /// <summary>Takes some of a backbone's maps.</summary>
    /// <param name="network">The backbone; from now on this object's.</param>
    /// <param name="layers">Which maps, by <see cref="LayersOf">name</see>, from shallow to deep; null: all.</param>
    /// <exception cref="ArgumentException">There is no such layer, or none is named.</exception>
    public BackboneFeatures(BackboneNetwork network, IReadOnlyList<string>? layers = null)
        : base(nameof(BackboneFeatures))
    {
        ArgumentNullException.ThrowIfNull(network);
        var known = LayersOf(network).ToList();
        chosen = [.. (layers ?? known).Select(layer => known.IndexOf(layer)).Distinct().Order()];
        if (chosen is [] || chosen[0] < 0)
            throw new ArgumentException(
                $"{network.Backbone} has the layers {string.Join(", ", known)}; given: {string.Join(", ", layers ?? [])}.",
                nameof(layers)
            );
        this.network = network;
        register_module("network", network);
    }

    /// <summary>The names of a backbone's maps, from shallow to deep: those of the <see cref="BackboneNetwork.LayerGroups"/> that end in them.</summary>
    /// <param name="network">The backbone.</param>
    public static IReadOnlyList<string> LayersOf(BackboneNetwork network)
    {
        ArgumentNullException.ThrowIfNull(network);
        return
        [
            .. network
                .LayerGroups.Select(group => group.Name)
                .Where(name => name is not ("head" or "classifier"))
                .TakeLast(network.FeatureStrides.Count),
        ];
    }

    /// <summary>The numbers of channels of the maps.</summary>
    public IReadOnlyList<int> Channels => [.. chosen.Select(layer => network.FeatureChannels[layer])];

    /// <inheritdoc/>
    public IReadOnlyList<float> InputMean => network.InputMean;

    /// <inheritdoc/>
    public IReadOnlyList<float> InputStd => network.InputStd;

    /// <inheritdoc/>
    public IReadOnlyList<Tensor>? LinearWeights { get; private init; }

    /// <summary>Makes the network that a loss names.</summary>
    /// <param name="definition">
    /// Backbone: a name of <see cref="Backbone"/>. Weights: safetensors, .pth, .pt or .th of that backbone, whatever its head. LinearWeights: a file with a tensor of C_l numbers a
    /// layer, named <c>lin0...</c>, <c>lin1...</c>, as LPIPS's.
    /// </param>
    /// <exception cref="ArgumentException">There is no such backbone or layer.</exception>
    /// <exception cref="InvalidDataException">A file is damaged or of another network.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static BackboneFeatures Open(FeatureNetwork definition)
    {
        ArgumentNullException.ThrowIfNull(definition);
        if (!Enum.TryParse<Backbone>(definition.Backbone, ignoreCase: true, out var backbone) || !Enum.IsDefined(backbone))
            throw new ArgumentException(
                $"There is no backbone '{definition.Backbone}'; there are {string.Join(", ", Enum.GetNames<Backbone>())}.",
                nameof(definition)
            );
        var network = BackboneNetwork.Create(backbone, classCount: 1);
        try
        {
            if (definition.Weights is { } weights)
                WeightLoader.Load(network, weights);
            var features = new BackboneFeatures(network, definition.Layers);
            return definition.LinearWeights is { } file ? features.WithLinearWeights(file) : features;
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> Extract(Tensor images)
    {
        var maps = network.FirstFeatures(images, chosen[^1] + 1);
        for (var i = 0; i < maps.Count; i++)
            if (!chosen.Contains(i))
                maps[i].Dispose();
        return [.. chosen.Select(layer => maps[layer])];
    }

    private BackboneFeatures WithLinearWeights(string path)
    {
        using var file = TensorFile.Read(path);
        var tensors = file
            .Tensors.Select(entry => (Match: LinearName().Match(entry.Key), entry.Value))
            .Where(entry => entry.Match.Success)
            .OrderBy(entry => int.Parse(entry.Match.Groups[1].ValueSpan, System.Globalization.CultureInfo.InvariantCulture))
            .Select(entry => entry.Value)
            .ToList();
        var counts = tensors.Select(tensor => (int)tensor.Shape.Aggregate(1L, (product, size) => product * size)).ToList();
        if (!counts.SequenceEqual(Channels))
            throw new InvalidDataException(
                $"'{path}' holds linear weights of [{string.Join(", ", counts)}] channels; the layers have [{string.Join(", ", Channels)}]."
            );
        return new(network, [.. chosen.Select(layer => LayersOf(network)[layer])])
        {
            LinearWeights = [.. tensors.Select(tensor => tensor.ToTensor().DetachFromDisposeScope())],
        };
    }

    [GeneratedRegex(@"(?:^|\.)lin(\d+)\.")]
    private static partial Regex LinearName();

    /// <summary>Frees the network and the linear weights.</summary>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            foreach (var tensor in LinearWeights ?? [])
                tensor.Dispose();
        base.Dispose(disposing);
    }
}
