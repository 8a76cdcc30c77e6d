namespace MLNetLosses;

/// <summary>What happens to the weaker of two detections of one class that overlap.</summary>
public enum BoxSuppression
{
    /// <summary>It is removed where the overlap is above the threshold.</summary>
    Hard,

    /// <summary>Its score falls by the overlap where that is above the threshold (Bodla et al. 2017, Soft-NMS).</summary>
    Linear,

    /// <summary>Its score falls by exp(-u^2 / sigma) with the overlap u, whatever the threshold (Bodla et al. 2017, Soft-NMS).</summary>
    Gaussian,
}

/// <summary>How detections are chosen among what a network says. Immutable; change with <c>with</c>.</summary>
public sealed record DetectionSettings
{
    /// <summary>Detections that score less are left out: 0 to 1. Default 0.5.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    public double ScoreThreshold
    {
        get;
        init => field = Share(value, nameof(ScoreThreshold));
    } = 0.5;

    /// <summary>Of two detections of a class that overlap by more than this (intersection over union) the weaker goes: 0 to 1. Default 0.5.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    public double IOUThreshold
    {
        get;
        init => field = Share(value, nameof(IOUThreshold));
    } = 0.5;

    /// <summary>What happens to the weaker one. Default: it is removed.</summary>
    public BoxSuppression Suppression { get; init; }

    /// <summary>
    /// The sigma of <see cref="BoxSuppression.Gaussian"/>, which alone reads it: a finite number above 0; the smaller, the more overlapping detections lose. Default 0.5,
    /// as in Bodla et al. 2017.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    public double SuppressionSigma
    {
        get;
        init =>
            field =
                value > 0 && double.IsFinite(value)
                    ? value
                    : throw new ArgumentOutOfRangeException(
                        nameof(SuppressionSigma),
                        value,
                        $"{nameof(SuppressionSigma)} must be a finite number above 0."
                    );
    } = 0.5;

    /// <summary>The most detections of an image, 1 or more. Default 100.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 1.</exception>
    public int MaximumDetections
    {
        get;
        init => field = AtLeastOne(value, nameof(MaximumDetections));
    } = 100;

    /// <summary>The most candidates of each level of the pyramid that are compared with one another, the best ones, 1 or more. Default 1000.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 1.</exception>
    public int MaximumCandidates
    {
        get;
        init => field = AtLeastOne(value, nameof(MaximumCandidates));
    } = 1000;

    private static double Share(double value, string name) =>
        value is >= 0 and <= 1 ? value : throw new ArgumentOutOfRangeException(name, value, $"{name} must lie in [0, 1].");

    private static int AtLeastOne(int value, string name) =>
        value >= 1 ? value : throw new ArgumentOutOfRangeException(name, value, $"{name} must be 1 or more.");
}
