using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>A built <see cref="LossWeighting"/> in a training loop of one's own; the library's loop does this by itself.</summary>
public static class LossWeightingExtensions
{
    /// <summary>
    /// Combines the terms of a step. With a weighting on values (neither <see cref="GradNormLoss"/> nor a <see cref="GradientRule"/>): differentiate the result.
    /// </summary>
    /// <param name="weighting">Built with <see cref="LossContext.TaskCount"/>; its parameters belong into the optimizer.</param>
    /// <param name="terms">One number a task, on the graph.</param>
    /// <returns>One number, in the caller's dispose scope.</returns>
    /// <exception cref="ArgumentException">A term is no number, their count is wrong, or the weighting does not work on values.</exception>
    public static Tensor Combine(this LossFunction weighting, params ReadOnlySpan<Tensor> terms)
    {
        var rule = Rule(weighting);
        if (rule is GradNormLoss or GradientRule)
            throw new ArgumentException(
                $"{rule.Name} needs gradients besides values: {(rule is GradientRule ? nameof(CombineGradients) : "evaluate it with its inputs")}.",
                nameof(weighting)
            );
        using var scope = NewDisposeScope();
        var numbers = new List<Tensor>(terms.Length);
        foreach (var term in terms)
            numbers.Add(
                term.numel() == 1
                    ? term.reshape([])
                    : throw new ArgumentException($"A term must be one number; it is {Shapes.Text(term)}.", nameof(terms))
            );
        return weighting.Evaluate(new LossInputs { ["losses"] = stack(numbers) }).MoveToOuterDisposeScope();
    }

    /// <summary>Combines the gradients of all tasks in the shared weights.</summary>
    /// <param name="weighting">A built <see cref="GradientRule"/>.</param>
    /// <param name="taskGradients">[T, P], a task a row.</param>
    /// <returns>[P], in the caller's dispose scope.</returns>
    /// <exception cref="ArgumentException">The weighting is no gradient rule, or the shape does not fit.</exception>
    public static Tensor CombineGradients(this LossFunction weighting, Tensor taskGradients) =>
        Rule(weighting) is GradientRule
            ? weighting.Evaluate(new LossInputs { ["taskGradients"] = taskGradients })
            : throw new ArgumentException(
                $"{weighting.Definition.Name} combines values, not gradients: {nameof(Combine)}.",
                nameof(weighting)
            );

    /// <summary>Tells the weighting the means of the terms over an epoch that has ended.</summary>
    /// <param name="weighting">A built weighting.</param>
    /// <param name="means">One number a task.</param>
    public static void EndEpoch(this LossFunction weighting, IReadOnlyList<double> means) =>
        Rule(weighting).EndEpoch(weighting.State, means);

    private static LossWeighting Rule(LossFunction weighting) =>
        weighting.Definition as LossWeighting
        ?? throw new ArgumentException($"{weighting.Definition.Name} is no LossWeighting.", nameof(weighting));
}
