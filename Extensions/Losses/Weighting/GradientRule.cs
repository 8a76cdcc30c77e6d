using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// A weighting that combines gradients instead of values. Input <c>taskGradients</c> [T, P], row i the gradient of task i in the shared weights as one line; the value is the
/// combined gradient [P]. In a training it costs a backward pass and a copy of the gradient a term; weights that only one term reaches keep that term's gradient.
/// Every rule is a linear combination of the gradients whose coefficients follow from their T x T products: only those are read to the host.
/// </summary>
public abstract record GradientRule : LossWeighting
{
    /// <inheritdoc/>
    public override IReadOnlyList<string> RequiredInputs => ["taskGradients"];

    /// <inheritdoc/>
    protected internal override bool HasTrueGradient => false; // an update rule

    /// <summary>The coefficients of the combination.</summary>
    /// <param name="products">g_i . g_j, finite, [T, T].</param>
    /// <param name="call">Further inputs and state.</param>
    /// <returns>c [T]: the result is sum c_i g_i.</returns>
    protected abstract double[] Coefficients(double[,] products, LossCall call);

    /// <inheritdoc/>
    protected sealed override LossTerms Weigh(Tensor losses, LossCall call) =>
        throw new NotSupportedException($"{Name} combines gradients.");

    /// <inheritdoc/>
    protected internal sealed override LossTerms ComputeTerms(LossCall call)
    {
        var gradients = call["taskGradients"];
        Shapes.Floating(this, "taskGradients", gradients);
        if (gradients.dim() != 2 || gradients.shape[0] == 0)
            throw Shapes.Wrong(this, "taskGradients", gradients, "[T, P], the gradient of a task a row");
        using var frozen = no_grad();
        gradients = gradients.detach();
        var coefficients = tensor(Coefficients(gradients.mm(gradients.t()), call), gradients.dtype, gradients.device);
        return LossTerms.Single(coefficients.unsqueeze(0).mm(gradients).squeeze(0), ("weights", coefficients));
    }

    /// <summary>The coefficients for products on a device; 1 each where a product is not finite, so that the cause stays visible.</summary>
    internal double[] Coefficients(Tensor products, LossCall call)
    {
        var tasks = (int)products.shape[0];
        var numbers = products.to(ScalarType.Float64).cpu().contiguous().data<double>().ToArray();
        if (numbers.Any(n => !double.IsFinite(n)))
            return [.. Enumerable.Repeat(1.0, tasks)];
        var table = new double[tasks, tasks];
        for (var i = 0; i < tasks; i++)
        for (var j = 0; j < tasks; j++)
            table[i, j] = (numbers[i * tasks + j] + numbers[j * tasks + i]) / 2;
        return Coefficients(table, call);
    }
}
