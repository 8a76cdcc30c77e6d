using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>Formulas over all elements of inputs of one shape, each with the gradient that <see cref="ElementFunction{TFormula}"/> computes along.</summary>
internal static class ElementFormulas
{
    /// <summary>The values, or their sum, and the number that a mean divides by.</summary>
    /// <param name="formula">What is computed.</param>
    /// <param name="summed">Whether only the sum is wanted: the values are then never stored.</param>
    /// <param name="inputs">Of one shape; the first has a floating-point type, which the others are turned into.</param>
    public static (Tensor Values, Tensor Count) Of<TFormula>(TFormula formula, bool summed, params Tensor[] inputs)
        where TFormula : struct, IElementFormula => ElementFunction<TFormula>.Of(formula, summed, Readable(inputs));

    /// <summary>The value of every element.</summary>
    public static Tensor Terms<TFormula>(TFormula formula, params Tensor[] inputs)
        where TFormula : struct, IElementFormula => Of(formula, summed: false, inputs).Values;

    /// <summary>The mean over all elements.</summary>
    public static Tensor Mean<TFormula>(TFormula formula, params Tensor[] inputs)
        where TFormula : struct, IElementFormula => Of(formula, summed: true, inputs).Values / inputs[0].numel();

    /// <summary>Inputs in the type of the first; whole numbers as they are, since they have no gradient and loops read them.</summary>
    public static Tensor[] Readable(IReadOnlyList<Tensor> inputs) =>
        [.. inputs.Select(input => input.is_floating_point() ? input.to(inputs[0].dtype) : input)];

    /// <summary>Values, what counts and derivatives by tensor operations, on any device.</summary>
    public static (Tensor Values, Tensor Counts, Tensor[] Slopes) ByTensors<TFormula>(TFormula formula, Tensor[] inputs, bool wantsSlopes)
        where TFormula : struct, IElementFormula
    {
        var numbers = inputs.Select(input => new TensorNumber(input.to(inputs[0].dtype))).ToArray();
        var slopes = new TensorNumber[wantsSlopes ? inputs.Length : 0];
        var values = formula.Evaluate<TensorNumber>(numbers, slopes, out var count).Values;
        return (
            values,
            count.IsZero ? zeros_like(values) : count.Values.expand(values.shape),
            [.. slopes.Select(slope => slope.IsZero ? zeros_like(inputs[0]) : slope.Values)]
        );
    }
}
