using System.Collections.Concurrent;
using System.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// The Lovasz extension of the Jaccard loss: with errors sorted descending, sum_i e_(i) (J_i - J_(i-1)), J_i = 1 - |Y minus first i| / |Y union first i|.
/// The differences of J are weights that depend on the order alone; with them the loss is linear in the errors.
/// Errors and weights carry the sign of their pixel: negative (also -0) where it belongs to the class.
/// </summary>
internal static class LovaszExtension
{
    /// <summary>
    /// The value of each class of each image, or of the batch, for chosen rows (row * C + class), 0 of the others; on the CPU, where the signed weights take the
    /// place of the errors.
    /// </summary>
    /// <param name="errors">Signed errors [N, C, S], contiguous, without gradient.</param>
    /// <param name="rows">R: N where each image is sorted by itself, else 1.</param>
    /// <param name="chosen">Which rows.</param>
    /// <returns>Values [R, C].</returns>
    public static double[] InPlace<T>(Tensor errors, int rows, int[] chosen)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var (images, classes, pixels) = ((int)errors.shape[0], (int)errors.shape[1], (int)errors.shape[2]);
        var values = new double[rows * classes];
        var length = checked(rows == 1 ? images * pixels : pixels);
        var all = new TensorMemory<T>(errors);
        // Where few rows are all, what is held to sort one is much beside them; of few pixels it is little anyway.
        var sparing = rows * classes < 8 * get_num_threads() && length > 1 << 18;
        // The memory of one row is another's after it.
        var (buffers, orders) = (new ConcurrentBag<Tensor>(), new ConcurrentBag<Tensor>());
        Tensor Take(ConcurrentBag<Tensor> from, ScalarType type) => from.TryTake(out var room) ? room : empty(length, type);
        CpuWork.For(
            chosen.Length,
            k =>
            {
                var (row, c) = Math.DivRem(chosen[k], classes);
                var places = Take(orders, ScalarType.Int32);
                var order = new TensorMemory<int>(places);
                if (classes == 1 || rows > 1)
                    values[chosen[k]] = Row(all.Part(((long)row * classes + c) * pixels, length), length, order, sparing);
                else
                {
                    var buffer = Take(buffers, errors.dtype);
                    var memory = new TensorMemory<T>(buffer);
                    Span<T> Plane(int n) => all[((long)n * classes + c) * pixels, pixels];
                    for (var n = 0; n < images; n++)
                        Plane(n).CopyTo(memory[n * (long)pixels, pixels]);
                    values[chosen[k]] = Row(memory, length, order, sparing);
                    for (var n = 0; n < images; n++)
                        memory[n * (long)pixels, pixels].CopyTo(Plane(n));
                    buffers.Add(buffer);
                }
                orders.Add(places);
            }
        );
        foreach (var room in buffers.Concat(orders))
            room.Dispose();
        GC.KeepAlive(errors);
        return values;
    }

    private static double Row<T>(TensorMemory<T> memory, int length, TensorMemory<int> order, bool sparing)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var row = memory[0, length];
        var inside = 0;
        var least = T.PositiveInfinity;
        foreach (var x in row)
            if (T.IsNegative(x))
            {
                inside++;
                least = T.Min(least, -x);
            }
        if (inside == 0)
            return Absent(row);
        // Once all pixels of the class are passed no weight is left: smaller errors need no place in the order.
        var count = DescendingOrder.Sort(memory, length, least, order, sparing);
        var (intersection, union) = ((double)inside, (double)inside);
        var value = 0.0;
        foreach (var i in order[0, count])
        {
            var x = row[i];
            double weight;
            if (T.IsNegative(x))
            {
                weight = -1 / union;
                intersection--;
            }
            else
            {
                weight = intersection / (union * (union + 1));
                union++;
            }
            value += weight * double.CreateTruncating(x);
            row[i] = T.CreateTruncating(weight);
        }
        return value;
    }

    // J jumps to 1 at the first pixel: the value is the largest error.
    private static double Absent<T>(Span<T> row)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (row.Length == 0)
            return 0;
        var at = 0;
        for (var i = 1; i < row.Length; i++)
            if (row[i] > row[at])
                at = i;
        var value = double.CreateTruncating(row[at]);
        row.Clear();
        row[at] = T.One;
        return value;
    }

    /// <summary>Values [R, C] of all rows and the weights [N, C, S] by tensor operations, on any device.</summary>
    internal static (Tensor Values, Tensor Weights) ByTensors(Tensor errors, bool perImage)
    {
        var (images, classes, pixels) = (errors.shape[0], errors.shape[1], errors.shape[2]);
        var rows = perImage ? errors : errors.transpose(0, 1).reshape(1, classes, images * pixels);
        var (sorted, order) = rows.abs().sort(-1, descending: true);
        var inside = rows.signbit().gather(-1, order).to(errors.dtype);
        var all = inside.sum(-1, keepdim: true);
        var intersection = all - inside.cumsum(-1);
        var union = all + (1 - inside).cumsum(-1);
        var outside = where(union.eq(1), 1, intersection / (union * (union - 1).clamp(min: 1)));
        var weights = where(inside.gt(0), union.reciprocal(), outside);
        var placed = zeros_like(rows).scatter(-1, order, weights * (1 - 2 * inside));
        return ((weights * sorted).sum(-1), perImage ? placed : placed.reshape(classes, images, pixels).transpose(0, 1));
    }
}
