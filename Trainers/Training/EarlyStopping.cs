using MLNetLosses.Losses;

namespace MLNetLosses.Training;

/// <summary>
/// Stops when the validation's primary metric has not improved by at least <see cref="MinimumImprovement"/> on its best for
/// <see cref="Patience"/> epochs. Needs a validation.
/// </summary>
[DefinitionKind("earlyStopping")]
public sealed record EarlyStopping : Definition
{
    /// <summary>How many epochs without improvement end the training. Default 5.</summary>
    [Interval("[1, inf)")]
    public int Patience
    {
        get;
        init => field = Valid(value);
    } = 5;

    /// <summary>By how much the metric must exceed (or fall below) its best to count. Default 0: any improvement.</summary>
    [Interval("[0, inf)")]
    public double MinimumImprovement
    {
        get;
        init => field = Valid(value);
    }
}
