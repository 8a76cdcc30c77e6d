using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>The networks that the losses of one function use, each opened once; owned by the outermost function.</summary>
internal sealed class FeatureNetworks(LossContext context) : IDisposable
{
    private readonly Dictionary<FeatureNetwork, IFeatureExtractor> opened = [];

    public IFeatureExtractor Get(FeatureNetwork network, Loss loss)
    {
        if (opened.TryGetValue(network, out var known))
            return known;
        if (context.OpenNetwork is not { } open)
            throw new ArgumentException(
                $"{loss.Name} compares features of {network}: build it with a context whose OpenNetwork makes that network, or pass features instead.",
                nameof(LossContext.OpenNetwork)
            );
        var extractor =
            open(network)
            ?? throw new ArgumentException($"{loss.Name}: OpenNetwork gave no network for {network}.", nameof(LossContext.OpenNetwork));
        if (network.Mean is { } mean && mean.Count != extractor.InputMean.Count)
            throw new ArgumentException(
                $"{loss.Name}: {network} states {mean.Count} means, but the network takes {extractor.InputMean.Count} channels.",
                nameof(FeatureNetwork.Mean)
            );
        if (extractor is nn.Module module)
            LossState.Freeze(module, context);
        return opened[network] = extractor;
    }

    public void Dispose()
    {
        foreach (var extractor in opened.Values)
            (extractor as IDisposable)?.Dispose();
        opened.Clear();
    }
}
