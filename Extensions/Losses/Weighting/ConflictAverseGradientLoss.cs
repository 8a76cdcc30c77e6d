namespace MLNetLosses.Losses;

/// <summary>What <see cref="ConflictAverseGradientLoss"/> divides its result by.</summary>
public enum ConflictRescale
{
    /// <summary>Nothing (the paper).</summary>
    None,

    /// <summary>1 + C^2 (the authors' code).</summary>
    Squared,

    /// <summary>1 + C.</summary>
    Linear,
}

/// <summary>
/// CAGrad. g0 = mean g_i; a minimises a . (G 1/T) + C |g0| |sum a_i g_i| over weights &gt;= 0 that sum to 1 (G the products of gradients); g_a = sum a_i g_i;
/// value = g0 + C |g0| / |g_a| g_a: the vector with the largest improvement of the worst task among those within C |g0| of the mean. Mean gradient 0: 0.
/// Solved on the host in double precision, T numbers. Liu et al. 2021 algorithm 1.
/// </summary>
[LossGuide(
    "g0 + C |g0| g_a / |g_a|",
    Use = "tasks whose gradients conflict, with convergence to a minimum of the mean loss",
    Avoid = "C near 1 with many tasks",
    Cost = "T backward passes and T copies of the gradient",
    Paper = "Liu et al. 2021"
)]
public sealed record ConflictAverseGradientLoss : GradientRule
{
    /// <summary>The radius around the mean gradient, as a share of its length; 0: the mean gradient. Default 0.5.</summary>
    [Interval("[0, 1)")]
    public double C
    {
        get;
        init => field = Valid(value);
    } = 0.5;

    /// <summary>What the result is divided by. Default None.</summary>
    public ConflictRescale Rescale
    {
        get;
        init => field = Valid(value);
    }

    /// <inheritdoc/>
    protected override double[] Coefficients(double[,] products, LossCall call)
    {
        var tasks = products.GetLength(0);
        var along = Enumerable.Range(0, tasks).Select(i => Enumerable.Range(0, tasks).Sum(j => products[i, j]) / tasks).ToArray(); // g_i . g0
        var square = along.Sum() / tasks; // |g0|^2
        var largest = Enumerable.Range(0, tasks).Max(i => products[i, i]);
        if (!(square > 1e-24 * largest))
            return new double[tasks];
        var radius = C * Math.Sqrt(square);
        var (weights, length) = radius == 0 ? (new double[tasks], 0) : WorstTask(products, along, square, radius, Math.Sqrt(largest));
        var push = length > 1e-15 * Math.Sqrt(largest) ? radius / length : 0;
        var divisor = Rescale switch
        {
            ConflictRescale.Squared => 1 + C * C,
            ConflictRescale.Linear => 1 + C,
            _ => 1,
        };
        return [.. weights.Select(a => (1.0 / tasks + push * a) / divisor)];
    }

    /// <summary>
    /// k |x| = min over t of k/2 (|x|^2 / t + t), so that for a fixed t the weights are those of the least point of the vectors g_i + t/k g0; t, convex in the rest, is where
    /// |g_a| = t.
    /// </summary>
    private static (double[] Weights, double Length) WorstTask(
        double[,] products,
        double[] along,
        double square,
        double radius,
        double longest
    )
    {
        var tasks = along.Length;
        var shifted = new double[tasks, tasks];
        var (low, high) = (0.0, longest);
        var weights = new double[tasks];
        var length = 0.0;
        for (var round = 0; round < 100 && high - low > 1e-15 * longest; round++)
        {
            var t = (low + high) / 2;
            var s = t / radius;
            for (var i = 0; i < tasks; i++)
            for (var j = 0; j < tasks; j++)
                shifted[i, j] = products[i, j] + s * (along[i] + along[j]) + s * s * square;
            weights = MinimumNorm.Weights(shifted);
            length = Length(products, weights);
            if (length > t)
                low = t;
            else
                high = t;
        }
        return (weights, length);
    }

    private static double Length(double[,] products, double[] weights)
    {
        var square = 0.0;
        for (var i = 0; i < weights.Length; i++)
        for (var j = 0; j < weights.Length; j++)
            square += weights[i] * products[i, j] * weights[j];
        return Math.Sqrt(Math.Max(square, 0));
    }
}
