using MLNetLosses.Losses;
using static TorchSharp.torch;

namespace MLNetLosses.Training;

/// <summary>GradNorm: the norm of each task's gradient at one shared layer moves that task's weight; the network trains on the sum with constant weights.</summary>
internal sealed class GradNormCombiner(LossFunction rule, int[] tasks, int termCount) : WeightingCombiner(rule, tasks, termCount)
{
    private Tensor? layer;

    protected override (Tensor Total, Tensor Weights) Backward(Tensor[] losses, Gradients gradients)
    {
        var state = Rule.State!;
        layer ??= FindLayer(losses, gradients);
        GradNormLoss.Renormalize(state); // the optimizer has moved them since
        var norms = stack(losses.Select(loss => autograd.grad([loss], [layer], retain_graph: true)[0].detach().norm()));
        var stacked = stack(losses);
        var initial = state["initialLosses"];
        using (no_grad())
            initial.copy_(where(initial.eq(0), stacked.detach(), initial)); // 0 until the first step
        var weights = state["weights"].detach().clone();
        Rule.Evaluate(
                new LossInputs
                {
                    ["losses"] = stacked.detach(),
                    ["gradientNorms"] = norms,
                    ["initialLosses"] = initial,
                }
            )
            .backward();
        var total = (stacked * weights).sum();
        FinalBackward.Run(total);
        return (total.detach(), weights);
    }

    public override void EndEpoch(IReadOnlyList<TrainingTerm> means) => GradNormLoss.Renormalize(Rule.State!);

    // Once a training: a backward pass a task shows which parameters all of them reach.
    private Tensor FindLayer(Tensor[] losses, Gradients gradients)
    {
        const string network = "network/";
        var reached = new int[gradients.Segments.Count];
        foreach (var loss in losses)
        {
            gradients.Clear();
            loss.backward(retain_graph: true);
            for (var s = 0; s < reached.Length; s++)
                reached[s] += gradients.Segments[s].Parameter.grad is null ? 0 : 1;
        }
        gradients.Clear();
        var shared = gradients
            .Segments.Where((s, i) => reached[i] == losses.Length && s.Name.StartsWith(network, StringComparison.Ordinal))
            .ToList();
        if (((GradNormLoss)Rule.Definition).SharedLayer is not { } name)
            return shared.LastOrDefault(s => s.Tensor.dim() > 1)?.Tensor
                ?? throw new ArgumentException(
                    "GradNorm: the terms share no layer of the network, so that their gradients cannot be compared."
                );
        return shared.Find(s => s.Name == network + name)?.Tensor
            ?? throw new ArgumentException(
                $"GradNorm: '{name}' is no trained parameter of the network that all terms reach. Those are {string.Join(", ", shared.Select(s => s.Name[network.Length..]))}.",
                nameof(GradNormLoss.SharedLayer)
            );
    }
}
