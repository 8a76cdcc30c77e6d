using MLNetLosses.Losses;
using static TorchSharp.torch;

namespace MLNetLosses.Training;

/// <summary>
/// Lets a <see cref="LossWeighting"/> combine the terms of a sum. A task's loss is a term times its weight in the sum; terms of weight 0 are reported, not trained, and no task.
/// </summary>
internal abstract class WeightingCombiner : ITermCombiner
{
    private readonly int termCount;

    /// <param name="rule">The weighting, built for these tasks.</param>
    /// <param name="tasks">Which terms are tasks.</param>
    /// <param name="termCount">How many terms there are.</param>
    protected WeightingCombiner(LossFunction rule, int[] tasks, int termCount) => (Rule, Tasks, this.termCount) = (rule, tasks, termCount);

    protected LossFunction Rule { get; }
    protected int[] Tasks { get; }
    public nn.Module? Learner => Rule;

    /// <exception cref="ArgumentException">There are no terms to combine, or the weighting is for another number of them.</exception>
    public static ITermCombiner Create(LossWeighting? weighting, TrainingJob job)
    {
        if (weighting is null)
            return new SumCombiner();
        var terms = job.Loss.Definition is ISumLoss sum ? sum.Terms : [];
        int[] tasks = [.. Enumerable.Range(0, terms.Count).Where(i => terms[i].Weight > 0)];
        if (tasks.Length < 2)
            throw new ArgumentException(
                $"{nameof(TrainingOptions.LossWeighting)} combines the terms of a sum, and {job.Loss.Definition} has {Math.Max(tasks.Length, 1)} that is trained: add up two losses or more, or set it to null.",
                nameof(job)
            );
        var like = job.Network.parameters().Concat(job.Loss.parameters()).FirstOrDefault(p => p.requires_grad);
        var rule = weighting.Build(
            new()
            {
                TaskCount = tasks.Length,
                DType = like?.dtype ?? ScalarType.Float32,
                Device = like?.device ?? CPU,
                Seed = job.Options.Seed,
            }
        );
        return weighting switch
        {
            GradNormLoss => new GradNormCombiner(rule, tasks, terms.Count),
            GradientRule => new GradientCombiner(rule, tasks, terms.Count),
            _ => new ValueCombiner(rule, tasks, terms.Count),
        };
    }

    public CombinedLoss Backward(LossValue value, Gradients gradients, LossClock clock)
    {
        Rule.Clock = clock;
        var losses = new Tensor[Tasks.Length];
        for (var i = 0; i < losses.Length; i++)
        {
            var term = value.Terms[Tasks[i]];
            losses[i] = (term.Weight == 1 ? term.Value : term.Value * term.Weight).reshape([]);
        }
        var (total, weights) = Backward(losses, gradients);
        Rule.CheckValues = false;
        // A term's weight is that of its task times that in the sum.
        var all = Enumerable.Repeat(zeros_like(weights[0]), termCount).ToArray();
        for (var i = 0; i < Tasks.Length; i++)
            all[Tasks[i]] = weights[i] * value.Terms[Tasks[i]].Weight;
        return new(total, all);
    }

    /// <summary>Differentiates.</summary>
    /// <param name="losses">The tasks' losses, scalars on the graph.</param>
    /// <param name="gradients">The gradients so far.</param>
    /// <returns>What to report, and the weights of the losses, [T].</returns>
    protected abstract (Tensor Total, Tensor Weights) Backward(Tensor[] losses, Gradients gradients);

    public virtual void EndEpoch(IReadOnlyList<TrainingTerm> means) => Rule.EndEpoch([.. Tasks.Select(task => means[task].Value)]);

    public void Dispose() => Rule.Dispose();
}

/// <summary>A weighting on values: one backward pass.</summary>
internal sealed class ValueCombiner(LossFunction rule, int[] tasks, int termCount) : WeightingCombiner(rule, tasks, termCount)
{
    protected override (Tensor Total, Tensor Weights) Backward(Tensor[] losses, Gradients gradients)
    {
        // In two stages, so that the slopes in the losses are seen: they are the weights.
        var stacked = stack(losses);
        var leaf = stacked.detach().requires_grad_();
        var total = Rule.Evaluate(new LossInputs { ["losses"] = leaf });
        total.backward();
        var weights = leaf.grad!;
        FinalBackward.Run(stacked, weights);
        return (total.detach(), weights);
    }
}
