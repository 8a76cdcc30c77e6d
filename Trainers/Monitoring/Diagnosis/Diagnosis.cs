namespace MLNetLosses.Training;

/// <summary>Looks at the history of a training for what may be wrong. A function of the history alone.</summary>
internal static class Diagnosis
{
    private static readonly Func<TrainingHistory, IEnumerable<Finding>>[] Rules =
    [
        NotANumber,
        CurveRules.Divergence,
        CurveRules.Spikes,
        CurveRules.Plateau,
        Rates.TooSmall,
        Rates.TooLarge,
        GradientRules.Exploding,
        GradientRules.Vanishing,
        GradientRules.Terms,
        ValidationRules.Overfitting,
        ValidationRules.ClassNeverPredicted,
        ValidationRules.LabelNoise,
    ];

    /// <summary>
    /// Everything that is found, each kind and subject once, with the evidence of the present: what the history says was found before does not count. Only a value
    /// that is no number is not looked for again, since what the loop found out about it cannot be found out later.
    /// </summary>
    public static IReadOnlyList<Finding> Examine(TrainingHistory history) => [.. Rules.SelectMany(rule => rule(history))];

    // While a training runs the loop looks closer (NotANumberOrigin); a log of another origin tells only this.
    private static IEnumerable<Finding> NotANumber(TrainingHistory history)
    {
        if (history.Findings.Any(f => f.Kind == FindingKind.NotANumber))
            yield break;
        foreach (var steps in history.Steps)
        {
            var term = steps.Terms.FirstOrDefault(t => !double.IsFinite(t.Value.Value)).Key;
            if (term is null && double.IsFinite(steps.Loss) && (steps.GradientNorm is not { } norm || double.IsFinite(norm)))
                continue;
            yield return new(
                FindingKind.NotANumber,
                term ?? (double.IsFinite(steps.Loss) ? "gradient" : "loss"),
                $"At step {steps.Step} {(term is null ? (double.IsFinite(steps.Loss) ? "the gradient" : "the loss") : $"the term '{term}'")} is no finite number.",
                Advice.AnyOf("look at the rows of that step", "lower the learning rate", new Advice(history.Run).ClipGradient),
                steps.Step
            );
            yield break;
        }
    }
}
