namespace MLNetLosses.Losses;

/// <summary>
/// The point of least norm in the convex hull of T vectors, from their products: Wolfe's method, exact after finitely many steps, in double precision (plain
/// Frank-Wolfe converges like one over its steps).
/// </summary>
internal static class MinimumNorm
{
    private const double Negligible = 1e-14;

    /// <summary>Weights >= 0 that sum to 1 and minimise |sum a_i g_i|.</summary>
    /// <param name="products">g_i . g_j.</param>
    public static double[] Weights(double[,] products)
    {
        var count = products.GetLength(0);
        var weights = new double[count];
        var scale = Enumerable.Range(0, count).Max(i => products[i, i]);
        var shortest = Enumerable.Range(0, count).MinBy(i => products[i, i]);
        weights[shortest] = 1;
        if (!(scale > 0))
            return weights;
        var corral = new List<int> { shortest };
        for (var round = 0; round < 20 * count + 20; round++)
        {
            var along = Enumerable.Range(0, count).Select(j => corral.Sum(i => weights[i] * products[i, j])).ToArray(); // x . g_j
            var square = corral.Sum(i => weights[i] * along[i]);
            var best = Enumerable.Range(0, count).MinBy(j => along[j]);
            if (square - along[best] <= Negligible * scale || corral.Contains(best))
                break;
            corral.Add(best);
            Shrink(products, corral, weights);
        }
        return weights;
    }

    // Moves to the least point of the affine hull, or as far as the simplex reaches, dropping vectors until it lies inside.
    private static void Shrink(double[,] products, List<int> corral, double[] weights)
    {
        while (true)
        {
            if (AffineMinimum(products, corral) is not { } wanted)
            {
                corral.RemoveAt(corral.Count - 1); // dependent on the others: adds nothing
                return;
            }
            if (wanted.All(w => w > Negligible))
            {
                for (var i = 0; i < corral.Count; i++)
                    weights[corral[i]] = wanted[i];
                return;
            }
            var step = 1.0;
            for (var i = 0; i < corral.Count; i++)
                if (wanted[i] <= Negligible)
                    step = Math.Min(step, weights[corral[i]] / Math.Max(weights[corral[i]] - wanted[i], double.Epsilon));
            for (var i = 0; i < corral.Count; i++)
                weights[corral[i]] += step * (wanted[i] - weights[corral[i]]);
            var least = corral.MinBy(i => weights[i]);
            foreach (var i in corral.Where(i => i == least || weights[i] <= Negligible))
                weights[i] = 0;
            corral.RemoveAll(i => weights[i] == 0);
        }
    }

    // Solves [0 1; 1 G] [mu; a] = [1; 0] over the corral; null when its vectors are affinely dependent.
    private static double[]? AffineMinimum(double[,] products, List<int> corral)
    {
        var n = corral.Count + 1;
        var scale = corral.Max(i => products[i, i]);
        var rows = new double[n, n + 1];
        for (var i = 1; i < n; i++)
        {
            rows[0, i] = rows[i, 0] = 1;
            for (var j = 1; j < n; j++)
                rows[i, j] = products[corral[i - 1], corral[j - 1]] / (scale > 0 ? scale : 1);
        }
        rows[0, n] = 1;
        for (var column = 0; column < n; column++)
        {
            var pivot = column;
            for (var i = column + 1; i < n; i++)
                if (Math.Abs(rows[i, column]) > Math.Abs(rows[pivot, column]))
                    pivot = i;
            if (Math.Abs(rows[pivot, column]) < 1e-13)
                return null;
            for (var j = column; j <= n; j++)
                (rows[column, j], rows[pivot, j]) = (rows[pivot, j], rows[column, j]);
            for (var i = 0; i < n; i++)
            {
                if (i == column)
                    continue;
                var factor = rows[i, column] / rows[column, column];
                for (var j = column; j <= n; j++)
                    rows[i, j] -= factor * rows[column, j];
            }
        }
        return [.. Enumerable.Range(1, n - 1).Select(i => rows[i, n] / rows[i, i])];
    }
}
