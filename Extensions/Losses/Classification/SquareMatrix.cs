namespace MLNetLosses.Losses;

/// <summary>The inverse of a small matrix, in double precision.</summary>
internal static class SquareMatrix
{
    /// <summary>The inverse, row by row, and the condition number in the maximum-row-sum norm; infinite when singular.</summary>
    public static (double[] Inverse, double Condition) Invert(IReadOnlyList<IReadOnlyList<double>> matrix)
    {
        var n = matrix.Count;
        var work = matrix.Select((row, i) => (double[])[.. row, .. Enumerable.Range(0, n).Select(j => i == j ? 1.0 : 0)]).ToArray();
        for (var column = 0; column < n; column++)
        {
            var pivot = Enumerable.Range(column, n - column).MaxBy(row => Math.Abs(work[row][column]));
            if (work[pivot][column] == 0)
                return (new double[n * n], double.PositiveInfinity);
            (work[column], work[pivot]) = (work[pivot], work[column]);
            var scale = work[column][column];
            for (var j = column; j < 2 * n; j++)
                work[column][j] /= scale;
            for (var row = 0; row < n; row++)
                if (row != column && work[row][column] is var factor and not 0)
                    for (var j = column; j < 2 * n; j++)
                        work[row][j] -= factor * work[column][j];
        }
        var inverse = work.Select(row => row[n..]).ToArray();
        return ([.. inverse.SelectMany(row => row)], matrix.Max(AbsoluteSum) * inverse.Max(AbsoluteSum));
    }

    private static double AbsoluteSum(IEnumerable<double> row) => row.Sum(Math.Abs);
}
