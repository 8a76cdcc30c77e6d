namespace MLNetLosses;

/// <summary>A measure of a classifier on a validation set.</summary>
public enum ClassificationMetric
{
    /// <summary>The share of images whose most probable class is theirs; higher is better.</summary>
    Accuracy,

    /// <summary>The mean over the classes that occur of each one's share of right images; higher is better.</summary>
    MacroAccuracy,

    /// <summary>The mean of -log of the probability of the right class, in nats; lower is better.</summary>
    LogLoss,
}
