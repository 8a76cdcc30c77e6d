namespace MLNetLosses.Losses;

/// <summary>How <see cref="MultipleGradientDescentLoss"/> treats gradients before it chooses their weights.</summary>
public enum GradientNormalization
{
    /// <summary>As they are.</summary>
    None,

    /// <summary>Weights from gradients of length 1, applied to the raw ones (the authors' trainer).</summary>
    L2,
}

/// <summary>
/// MGDA. a minimises |sum a_i g_i|^2 over weights &gt;= 0 that sum to 1; value = sum a_i g_i, a direction that improves every task, or 0 at a Pareto-stationary point. A zero gradient
/// takes all the weight: a task near its optimum stops all. The result is never longer than the shortest gradient: raise the learning rate. Exact, in double precision.
/// Desideri 2012, Sener and Koltun 2018 (whose code stops at weights of 0.999).
/// </summary>
[LossGuide(
    "min |Σ a_i g_i|², a ≥ 0, Σ a = 1",
    Use = "no task may get worse",
    Avoid = "a task that is already solved: it stops all",
    Cost = "T backward passes and T copies of the gradient",
    Paper = "Désidéri 2012, Sener and Koltun 2018"
)]
public sealed record MultipleGradientDescentLoss : GradientRule
{
    /// <summary>What is done to the gradients before weights are chosen. Default None.</summary>
    public GradientNormalization Normalization
    {
        get;
        init => field = Valid(value);
    }

    /// <inheritdoc/>
    protected override double[] Coefficients(double[,] products, LossCall call)
    {
        if (Normalization == GradientNormalization.None)
            return MinimumNorm.Weights(products);
        var tasks = products.GetLength(0);
        var scaled = new double[tasks, tasks];
        for (var i = 0; i < tasks; i++)
        for (var j = 0; j < tasks; j++)
            scaled[i, j] =
                products[i, i] > 0 && products[j, j] > 0 ? products[i, j] / Math.Sqrt(products[i, i]) / Math.Sqrt(products[j, j]) : 0;
        return MinimumNorm.Weights(scaled);
    }
}
