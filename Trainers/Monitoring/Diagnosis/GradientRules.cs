using static MLNetLosses.Training.Html;

namespace MLNetLosses.Training;

/// <summary>What the gradients tell, of the whole and of the terms.</summary>
internal static class GradientRules
{
    private const int LeastSamples = 3;

    /// <summary>The norm grows by orders of magnitude and stays there.</summary>
    public static IEnumerable<Finding> Exploding(TrainingHistory history)
    {
        var norms = Norms(history);
        if (norms.Length < LossCurve.Least)
            yield break;
        var window = Math.Max(3, norms.Length / 20);
        var usual = Robust.Median(norms.Skip(norms.Length / 20).Take(norms.Length / 2));
        var now = Robust.Median(norms.TakeLast(window));
        var spread = Robust.Spread([.. norms.Select(n => Math.Log(Math.Max(n, 1e-30)))]);
        var certain = usual * Math.Exp(Math.Min(6 * spread, Math.Log(1000)));
        if (now > 30 * usual && (now > certain || now > 300 * usual))
            yield return new(
                FindingKind.ExplodingGradient,
                "",
                $"The gradient's norm was {Number(usual)} and now is {Number(now)}.",
                Advice.AnyOf(new Advice(history.Run).ClipGradient, "lower the learning rate", "find the term whose gradient grows"),
                history.LastStep
            )
            {
                Severity = now / usual,
            };
    }

    /// <summary>The norm is nearly nothing beside what it was, though most of the loss is left.</summary>
    public static IEnumerable<Finding> Vanishing(TrainingHistory history)
    {
        var norms = Norms(history);
        var curve = new LossCurve(history.Steps);
        if (norms.Length < LossCurve.Least || !curve.IsLongEnough || !(curve.Remaining > 0.3))
            yield break;
        var (before, now) = (norms.Take(Math.Max(3, norms.Length / 4)).Max(), Robust.Median(norms.TakeLast(Math.Max(5, norms.Length / 4))));
        if (now < 1e-3 * before || now < 1e-7)
            yield return new(
                FindingKind.VanishingGradient,
                "",
                $"The gradient's norm fell from {Number(before)} to {Number(now)} while {curve.Remaining:P0} of the loss are left.",
                "Look for outputs that saturate (a sigmoid or softmax far out), dead activations, or too high a learning rate at the start; add normalisation layers or start from trained weights.",
                history.LastStep
            )
            {
                Severity = before / now,
            };
    }

    /// <summary>Terms that give nearly all or nearly nothing of the gradient, and terms that pull against each other.</summary>
    public static IEnumerable<Finding> Terms(TrainingHistory history)
    {
        var sampled = history.Steps.Where(s => s.Terms.Values.Any(t => t.GradientNorm is not null)).ToList();
        var late = sampled.Skip(sampled.Count / 2).ToList();
        if (late.Count < LeastSamples)
            yield break;
        var trained = late[^1].Terms.Where(t => t.Value.Weight != 0).Select(t => t.Key).ToList();
        var shares = trained.ToDictionary(name => name, name => Robust.Median(late.Select(s => Share(s, name))));
        // A term whose weight still rises has not had its say, nor have the others beside it.
        var rising = trained.Where(name => Rises(late, name)).ToHashSet();
        var advice = new Advice(history.Run);
        foreach (var name in trained.Count < 2 ? [] : trained)
        {
            var share = shares[name];
            if (share < 0.01 && !rising.Contains(name))
                yield return Dead(name, share, late, advice);
            else if (share > 0.95 && rising.Count == 0 && shares.Values.All(s => !(s < 0.01)))
                yield return new(
                    FindingKind.DominatingTerm,
                    name,
                    $"The term '{name}' gives {share:P0} of the gradient (median of {late.Count} samples): the others hardly count.",
                    Advice.AnyOf(
                        "lower its weight",
                        advice.LossWeighting is null ? "let weights be learnt (LossWeighting = new HomoscedasticUncertaintyLoss())" : null
                    ),
                    late[^1].Step
                )
                {
                    Severity = 1 / (1 - share),
                };
        }
        foreach (var pair in late.SelectMany(s => s.GradientCosines?.Keys ?? []).Distinct())
        {
            double[] cosines =
            [
                .. late.Select(s => s.GradientCosines?.GetValueOrDefault(pair, double.NaN) ?? double.NaN).Where(double.IsFinite),
            ];
            if (cosines.Length >= LeastSamples && Robust.Median(cosines) < -0.2 && cosines.Count(c => c < 0) >= 0.75 * cosines.Length)
                yield return new(
                    FindingKind.ConflictingTerms,
                    pair,
                    $"The gradients of {pair} have a cosine of {Number(Robust.Median(cosines))} (median of {cosines.Length} samples): what helps one harms the other.",
                    advice.LossWeighting?.Contains("ProjectConflictingGradients", StringComparison.Ordinal) == true
                        ? "LossWeighting already takes the conflict out of the steps: weigh one of them less where the other does not come down."
                        : "Weigh one of them less, or let a rule on gradients settle it (LossWeighting = new ProjectConflictingGradientsLoss()).",
                    late[^1].Step
                )
                {
                    Severity = -Robust.Median(cosines),
                };
        }
    }

    private static Finding Dead(string name, double share, List<StepsRecord> samples, Advice advice)
    {
        if (share > 0)
            return new(
                FindingKind.DeadTerm,
                name,
                $"The term '{name}' gives {share:P2} of the gradient (median of {samples.Count} samples): it changes nothing.",
                Advice.AnyOf(
                    $"raise its weight {Number(Math.Min(1000, Math.Round(0.1 / Math.Max(share, 1e-4))))} times",
                    "leave it out",
                    advice.LossWeighting is null ? "let weights be learnt (LossWeighting)" : null
                ),
                samples[^1].Step
            )
            {
                Severity = 1 / share,
            };
        var zeros = samples.Count(s => Share(s, name) == 0);
        return new(
            FindingKind.DeadTerm,
            name,
            $"The term '{name}' has a gradient of exactly 0 in {zeros} of {samples.Count} samples: it changes nothing, whatever its weight.",
            "Look whether it sees any data: targets that are absent or all ignored, example weights or a mask of 0, a WeightRamp at 0, or inputs where its formula is flat. Else leave it out.",
            samples[^1].Step
        );
    }

    // Learnt and drawn weights go up and down: the end is compared with the beginning.
    private static bool Rises(List<StepsRecord> samples, string name)
    {
        var third = samples.Count / 3;
        return Level(samples.TakeLast(third)) > 1.05 * Level(samples.Take(third));

        double Level(IEnumerable<StepsRecord> some) =>
            Robust.Median(some.Select(s => s.Terms.TryGetValue(name, out var term) ? Math.Abs(term.Weight) : double.NaN));
    }

    private static double Share(StepsRecord steps, string name)
    {
        var sum = steps.Terms.Values.Sum(t => t.GradientNorm ?? 0);
        return sum > 0 && steps.Terms.TryGetValue(name, out var term) && term.GradientNorm is { } norm ? norm / sum : double.NaN;
    }

    private static double[] Norms(TrainingHistory history) =>
        [.. history.Steps.Select(s => s.GradientNorm).OfType<double>().Where(double.IsFinite)];
}
