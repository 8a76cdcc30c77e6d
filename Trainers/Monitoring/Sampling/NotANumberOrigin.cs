using MLNetLosses.Losses;
using static TorchSharp.torch;

namespace MLNetLosses.Training;

/// <summary>Looks for the place where a value first became NaN or infinite: the data, the weights, the network's output, or the loss.</summary>
internal static class NotANumberOrigin
{
    /// <param name="error">What was found.</param>
    /// <param name="arena">The weights.</param>
    /// <param name="batch">The batch that it was found in; null: it is gone.</param>
    /// <param name="inputs">What the loss was given; null: it is gone.</param>
    /// <param name="advice">What fits the run.</param>
    public static Finding Find(TrainingDivergedException error, WeightArena arena, TrainingBatch? batch, LossInputs? inputs, Advice advice)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        // Statistics of a normalisation break in the same pass as the output; only a step breaks a parameter.
        var weights = arena.Parameters.Where(s => Wrong(s.Tensor) > 0).Select(s => s.Name).ToList();
        if (batch is not null && Wrong(batch.Input) > 0)
            return Found(
                $"the input holds {Wrong(batch.Input)} values that are no finite numbers, in {Rows(batch, batch.Input)}.",
                "Mend or remove these rows, or look at what prepares them: a division by a standard deviation of 0 is a frequent cause."
            );
        if (batch?.Targets.FirstOrDefault(t => t.Value.is_floating_point() && Wrong(t.Value) > 0) is { Value: not null } target)
            return Found(
                $"the {target.Key} hold values that are no finite numbers, in {Rows(batch, target.Value)}.",
                "Mend or remove these rows."
            );
        if (weights.Count > 0)
            return Found(
                $"{Quantity.Of(weights.Count, "tensor")} of the weights hold values that are no finite numbers, the first of them {weights[0]}: an earlier step broke them.",
                Advice.AnyOf("lower the learning rate", advice.ClipGradient, "warm up for longer")
            );
        if (
            inputs?.FirstOrDefault(i => i.Value.is_floating_point() && i.Value.requires_grad && Wrong(i.Value) > 0) is
            { Value: not null } output
        )
        {
            var largest = arena.Parameters.Max(s => s.Tensor.abs().max().to(ScalarType.Float64).item<double>());
            var isEvery =
                batch is null
                || output.Value.dim() == 0
                || output.Value.shape[0] != batch.RowCount
                || WrongRows(output.Value).Length == batch.RowCount;
            return Found(
                $"the data and the weights are finite, the largest weight is {Html.Number(largest)}, and the network's {output.Key} hold {Wrong(output.Value)} values that are not finite: the network overflows{(isEvery ? "" : $" on {Rows(batch!, output.Value)}")}.",
                isEvery
                    ? Advice.AnyOf("lower the learning rate", advice.ClipGradient, "warm up for longer", "give the layers a normalisation")
                    : "Look at these rows for extreme values, lower the learning rate, or give the layers a normalisation."
            );
        }
        return error.Term == "gradient"
            ? Found(
                "the data, the weights and the loss are finite: the gradient overflows on its way back.",
                Advice.AnyOf(advice.ClipGradient, "lower the learning rate", "train in single precision")
            )
            : Found(
                "the data, the weights and the network's output are finite: the formula of this term overflows on them.",
                "Lower the term's weight or its powers, or look at its inputs in these rows for values at the border of its domain."
            );

        Finding Found(string evidence, string advice) =>
            new(FindingKind.NotANumber, error.Term, error.What + char.ToUpperInvariant(evidence[0]) + evidence[1..], advice, error.Step)
            {
                FirstEpoch = error.Epoch,
                LastEpoch = error.Epoch,
            };
    }

    private static long Wrong(Tensor tensor) => tensor.is_floating_point() ? tensor.isfinite().logical_not().sum().item<long>() : 0;

    private static long[] WrongRows(Tensor tensor) =>
        tensor
            .isfinite()
            .logical_not()
            .reshape([tensor.shape[0], -1])
            .any(1)
            .nonzero()
            .reshape([-1])
            .cpu()
            .contiguous()
            .data<long>()
            .ToArray();

    private static string Rows(TrainingBatch batch, Tensor tensor)
    {
        if (tensor.dim() == 0 || tensor.shape[0] != batch.Rows.Count)
            return "this batch";
        var wrong = WrongRows(tensor);
        var rows = wrong.Take(10).Select(i => batch.Rows[(int)i]);
        return $"{(wrong.Length == 1 ? "row" : "rows")} {string.Join(", ", rows)}{(wrong.Length > 10 ? ", ..." : "")}";
    }
}
