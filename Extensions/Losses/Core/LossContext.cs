using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// What a loss may need to know of the data and the network before training: facts that a trainer finds, never options of the loss.
/// </summary>
public sealed record LossContext
{
    /// <summary>The number of classes C; needed by losses that hold a weight a class.</summary>
    public int? ClassCount { get; init; }

    /// <summary>How many training samples each class has, [C]; needed by losses for imbalanced data.</summary>
    public ValueList<long>? ClassCounts { get; init; }

    /// <summary>The size D of the embeddings, or of axis 1 of a regression's predictions.</summary>
    public int? EmbeddingSize { get; init; }

    /// <summary>The number of tasks or terms T that a weighting combines.</summary>
    public int? TaskCount { get; init; }

    /// <summary>The channels of each layer of features given as inputs, where LPIPS's linear weights shall be held for them (1 at first).</summary>
    public ValueList<int>? FeatureChannels { get; init; }

    /// <summary>
    /// Makes the networks that losses name (<see cref="FeatureNetwork"/>), such as the one that a perceptual loss compares features of. Called once a network; the
    /// built loss freezes it, moves it to <see cref="Device"/> and disposes it.
    /// </summary>
    public Func<FeatureNetwork, IFeatureExtractor>? OpenNetwork { get; init; }

    internal FeatureNetworks? Networks { get; init; }

    /// <summary>Where the state of the loss lives.</summary>
    public Device Device { get; init; } = CPU;

    /// <summary>The type of the state's numbers.</summary>
    public ScalarType DType { get; init; } = ScalarType.Float32;

    /// <summary>From which the state's initial values are drawn.</summary>
    public long Seed { get; init; }

    /// <summary>Hears remarks on a definition that works but is unwise; a trainer writes them into its log. Null: nobody does.</summary>
    public Action<string>? Warn { get; init; }

    internal int Needed(int? fact, string name, string loss) =>
        fact ?? throw new ArgumentException($"{loss} needs LossContext.{name}: build the loss with a context that states it.", name);
}

/// <summary>Where training stands; losses and weights that change while training read it.</summary>
/// <param name="Step">Optimizer steps done.</param>
/// <param name="Epoch">Epochs done, with a fraction.</param>
/// <param name="EpochCount">The number of epochs planned; 0: unknown.</param>
public readonly record struct LossClock(long Step = 0, double Epoch = 0, double EpochCount = 0)
{
    /// <summary>The part of the training that is done, from 0 to 1; null when the number of epochs is unknown.</summary>
    public double? Progress => EpochCount > 0 ? Math.Clamp(Epoch / EpochCount, 0, 1) : null;
}
