namespace MLNetLosses.Training;

/// <summary>Looks at the history of a training for what may be wrong. A function of the history alone.</summary>
internal static class Diagnosis
{
    private static readonly Func<TrainingHistory, IEnumerable<Finding>>[] Rules = [];

    /// <summary>Everything that is found, each kind and subject once.</summary>
    public static IReadOnlyList<Finding> Examine(TrainingHistory history) => [.. Rules.SelectMany(rule => rule(history))];
}
