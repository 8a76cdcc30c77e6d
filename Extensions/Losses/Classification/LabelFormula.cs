using System.Numerics;
using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>A loss of a logit and its label, or its index of one logit, as an <see cref="IElementFormula"/>: one pass, whatever is made of its values.</summary>
internal abstract class LabelFormula
{
    private LabelFormula() { }

    /// <summary>Such a loss.</summary>
    /// <param name="formula">Its inputs are the logit and the label.</param>
    public static LabelFormula Of<TFormula>(TFormula formula)
        where TFormula : struct, IElementFormula => new Typed<TFormula>(formula);

    /// <summary>The value of each element [N, C, ...]; where ignored, some finite number.</summary>
    public abstract Tensor Values(Tensor logits, ClassTargets targets);

    /// <summary>The mean over the elements that count; 0 where none does.</summary>
    public abstract Tensor Mean(Tensor logits, ClassTargets targets);

    /// <summary>The sums of values and of what counts over each row on the CPU, as terms [N].</summary>
    public abstract LossTerms? RowSums(Tensor logits, ClassTargets targets);

    private sealed class Typed<TFormula>(TFormula formula) : LabelFormula
        where TFormula : struct, IElementFormula
    {
        public override Tensor Values(Tensor logits, ClassTargets targets) =>
            ElementFormulas.Terms(formula, logits, targets.AsLabels().Safe);

        public override Tensor Mean(Tensor logits, ClassTargets targets)
        {
            var labels = targets.AsLabels().Raw;
            if (targets.IgnoredTarget is not { } ignored)
                return ElementFormulas.Mean(formula, logits, labels);
            var (sum, count) = ElementFormulas.Of(new CountedFormula<TFormula>(formula, ignored), summed: true, logits, labels);
            return sum / count.clamp_(min: 1);
        }

        public override LossTerms? RowSums(Tensor logits, ClassTargets targets)
        {
            var inputs = ElementFormulas.Readable([logits, targets.AsLabels().Raw]);
            return targets.IgnoredTarget is { } ignored
                ? KnownSums.Of(new Sums<CountedFormula<TFormula>>(new(formula, ignored)), inputs, _ => 0)
                : KnownSums.Of(new Sums<TFormula>(formula), inputs, _ => 0);
        }
    }

    private sealed record Sums<TFormula>(TFormula Formula) : ISumWork
        where TFormula : struct, IElementFormula
    {
        public MadeSums Compute(IReadOnlyList<Tensor> inputs) =>
            inputs[0].dtype == ScalarType.Float64 ? Compute<double>(inputs) : Compute<float>(inputs);

        private MadeSums Compute<T>(IReadOnlyList<Tensor> inputs)
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            var (like, rows) = (inputs[0], inputs[0].shape[0]);
            Tensor?[] slopes = [.. inputs.Select(input => KnownGradient.IsWanted(input) ? empty(like.shape, like.dtype) : null)];
            Tensor[] numbers = [.. inputs.Select(input => input.detach())];
            var (sums, counts) = ElementLoop<T, TFormula>.OverRows(Formula, numbers, null, slopes, rows);
            return new(tensor(sums, like.dtype), tensor(counts, like.dtype), slopes);
        }

        public Tensor OnGraph(IReadOnlyList<Tensor> inputs) =>
            ElementFormulas.ByTensors(Formula, [.. inputs], wantsSlopes: false).Values.flatten(1).sum(1);
    }
}
