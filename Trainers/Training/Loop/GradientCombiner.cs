using MLNetLosses.Losses;
using static TorchSharp.torch;

namespace MLNetLosses.Training;

/// <summary>
/// A rule on gradients: a backward pass a task, each gradient kept as a line. The rule combines where two tasks or more meet; parameters that one task reaches alone,
/// such as its head, keep its gradient.
/// </summary>
internal sealed class GradientCombiner(LossFunction rule, int[] tasks, int termCount) : WeightingCombiner(rule, tasks, termCount)
{
    protected override (Tensor Total, Tensor Weights) Backward(Tensor[] losses, Gradients gradients)
    {
        var segments = gradients.Segments;
        var reached = new int[segments.Count];
        var before = segments.Any(s => s.Parameter.grad is not null) ? gradients.Flat() : null;
        var lines = new Tensor[losses.Length];
        for (var i = 0; i < losses.Length; i++)
        {
            gradients.Clear();
            losses[i].backward(retain_graph: i < losses.Length - 1);
            lines[i] = gradients.Flat();
            for (var s = 0; s < reached.Length; s++)
                reached[s] += segments[s].Parameter.grad is null ? 0 : 1;
        }
        gradients.Clear();
        using var frozen = no_grad();
        var all = stack(lines);
        var shared = Runs(segments, s => reached[s] > 1).ToList();
        var products = zeros([losses.Length, losses.Length], all.dtype, all.device);
        foreach (var (start, count) in shared)
        {
            var part = all.narrow(1, start, count);
            products.add_(part.mm(part.t()));
        }
        var definition = (GradientRule)Rule.Definition;
        var coefficients = tensor(definition.Coefficients(products, new LossCall(Rule, [])), all.dtype, all.device);
        var combined = coefficients.unsqueeze(0).mm(all).squeeze(0);
        foreach (var (start, count) in Runs(segments, s => reached[s] <= 1))
            combined.narrow(0, start, count).copy_(all.narrow(1, start, count).sum([0]));
        gradients.Set(before is null ? combined : combined.add_(before));
        return (stack(losses).sum().detach(), coefficients);
    }

    // Neighbouring segments of a kind as one.
    private static IEnumerable<(long Start, long Count)> Runs(IReadOnlyList<WeightSegment> segments, Func<int, bool> belongs)
    {
        for (var first = 0; first < segments.Count; )
        {
            var next = first + 1;
            while (next < segments.Count && belongs(next) == belongs(first))
                next++;
            if (belongs(first))
                yield return (segments[first].Start, segments[next - 1].End - segments[first].Start);
            first = next;
        }
    }
}
