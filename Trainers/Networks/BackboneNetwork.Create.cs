namespace MLNetLosses.Networks;

public abstract partial class BackboneNetwork
{
    /// <summary>
    /// A new network on the CPU, in training mode, with the first values that its authors (torchvision, where it has the network) use. The
    /// process-wide random generator is neither read nor changed, and equal arguments give equal bits, in any thread.
    /// </summary>
    /// <param name="backbone">Which network.</param>
    /// <param name="classCount">The number of logits, at least 1.</param>
    /// <param name="seed">Determines the values, and later the dropout.</param>
    /// <param name="inputChannels">3 for RGB, 1 for grey images, 4 for RGB and one more; at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">An argument is out of its range.</exception>
    public static BackboneNetwork Create(Backbone backbone, int classCount, long seed = 0, int inputChannels = 3)
    {
        if (!Enum.IsDefined(backbone))
            throw new ArgumentOutOfRangeException(
                nameof(backbone),
                backbone,
                $"There is no such backbone; there are {string.Join(", ", Enum.GetNames<Backbone>())}."
            );
        ArgumentOutOfRangeException.ThrowIfLessThan(classCount, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(inputChannels, 1);
        using var init = NetworkShape.InitializationOf(backbone, seed);
        return NetworkShape.Build(new(backbone, classCount, inputChannels, seed, init));
    }
}
