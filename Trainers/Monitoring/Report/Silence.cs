namespace MLNetLosses.Training;

/// <summary>What it is worth that nothing was found: rules are silent too where there is too little to look at.</summary>
internal static class Silence
{
    /// <summary>Why nothing could be found; null: most rules could speak.</summary>
    public static string? Reason(TrainingHistory run)
    {
        List<string> reasons = [];
        var intervals = run.Steps.Count(s => double.IsFinite(s.Loss));
        if (intervals < LossCurve.Least)
            reasons.Add(
                $"the training was too short to tell ({Quantity.Of(intervals, "interval")} of steps logged; most rules need {LossCurve.Least})"
            );
        if (run.Epochs.Count > 0 && run.Epochs.All(e => e.Validation is null))
            reasons.Add("there were no validation data to tell whether the network learns by heart or leaves a class out");
        return reasons.Count == 0 ? null : string.Join(", and ", reasons);
    }
}
