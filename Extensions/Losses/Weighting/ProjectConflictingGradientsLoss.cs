using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// PCGrad. v_i = g_i; for each other task j in order: if v_i . g_j &lt; 0: v_i -= (v_i . g_j) / |g_j|^2 g_j (the raw g_j). Value: sum_i v_i. Optional input <c>order</c> int64 [T, T] (row i: in
/// which order task i meets the others, itself skipped), else random from the state's seed; the result depends on it. No conflict: the plain sum. A product of exactly 0
/// is no conflict. Yu et al. 2020 algorithm 1; follows torchjd (other ports return the mean).
/// </summary>
[LossGuide(
    "g_i less its component against any g_j it conflicts with, summed",
    Use = "tasks whose gradients point against each other",
    Avoid = "large networks in little memory",
    Cost = "T backward passes and T copies of the gradient",
    Paper = "Yu et al. 2020"
)]
public sealed record ProjectConflictingGradientsLoss : GradientRule
{
    /// <inheritdoc/>
    public override IReadOnlyList<string> OptionalInputs => ["order"];

    /// <inheritdoc/>
    protected override LossState? CreateState(LossContext context, int tasks) => new(context);

    /// <inheritdoc/>
    protected override double[] Coefficients(double[,] products, LossCall call)
    {
        var tasks = products.GetLength(0);
        var order = Order(tasks, call);
        var sum = new double[tasks];
        for (var i = 0; i < tasks; i++)
        {
            var own = new double[tasks]; // v_i = sum_k own_k g_k
            own[i] = 1;
            for (var place = 0; place < tasks; place++)
            {
                var j = (int)order[i * tasks + place];
                if (j == i)
                    continue;
                var product = 0.0;
                for (var k = 0; k < tasks; k++)
                    product += own[k] * products[k, j];
                if (product < 0)
                    own[j] -= product / products[j, j];
            }
            for (var k = 0; k < tasks; k++)
                sum[k] += own[k];
        }
        return sum;
    }

    private long[] Order(int tasks, LossCall call)
    {
        if (call.Optional("order") is not { } order)
            return [.. Enumerable.Range(0, tasks).SelectMany(_ => Shuffled(tasks, call))];
        if (order.dtype != ScalarType.Int64 || order.dim() != 2 || order.shape[0] != tasks || order.shape[1] != tasks)
            throw Shapes.Wrong(this, "order", order, $"int64 [{tasks}, {tasks}]");
        var rows = order.cpu().contiguous().data<long>().ToArray();
        for (var i = 0; i < tasks; i++)
            if (!rows.Skip(i * tasks).Take(tasks).Order().SequenceEqual(Enumerable.Range(0, tasks).Select(t => (long)t)))
                throw new ArgumentException($"{Name}: row {i} of order must hold each of the {tasks} tasks once.", "order");
        return rows;
    }

    private long[] Shuffled(int tasks, LossCall call)
    {
        using var scope = NewDisposeScope();
        var generator = call.FoundState?.Generator;
        return (generator is null ? rand(tasks) : rand(tasks, generator: generator)).argsort().data<long>().ToArray();
    }
}
