namespace MLNetLosses.Losses;

/// <summary>
/// Names a network whose features a loss compares: which backbone, with which weights, at which layers. <see cref="LossContext.OpenNetwork"/> makes the
/// network from it. Terms of a sum that name the same network share it, and its features are computed once a call.
/// </summary>
[DefinitionKind("network")]
public sealed record FeatureNetwork : Definition
{
    /// <summary>The backbone's name, as whoever opens it understands it, such as <c>VGG16</c>.</summary>
    public required string Backbone { get; init; }

    /// <summary>The file of its weights; null (the default): random, which still gives a usable distance.</summary>
    public string? Weights { get; init; }

    /// <summary>The layers whose features are compared, from shallow to deep; null (the default): the backbone's own choice.</summary>
    public ValueList<string>? Layers { get; init; }

    /// <summary>The file of LPIPS's linear weights; null (the default): none.</summary>
    public string? LinearWeights { get; init; }

    /// <summary>Subtracted from each channel of images in [0, 1]; null (the default): as the network was trained.</summary>
    [Interval("(-inf, inf)")]
    public ValueList<double>? Mean
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>Divides each channel afterwards; null (the default): as the network was trained.</summary>
    [Interval("(0, inf)")]
    public ValueList<double>? Deviation
    {
        get;
        init => field = Valid(value);
    }

    /// <inheritdoc/>
    protected internal override void Validate()
    {
        if (Mean?.Count != Deviation?.Count || Mean is { Count: 0 })
            throw new ArgumentException(
                $"FeatureNetwork: Mean and Deviation need one number a channel each, or both are null; they have {Mean?.Count ?? 0} and {Deviation?.Count ?? 0}.",
                nameof(Mean)
            );
    }
}
