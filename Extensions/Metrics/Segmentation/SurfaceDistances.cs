using MLNetLosses.Losses;

namespace MLNetLosses;

/// <summary>
/// How far the edges of two masks of one class are apart. The edge of a mask is its pixels with one of the four neighbours outside it; beyond the image is
/// outside. Distances are between centres of pixels. Both masks empty: all NaN. One empty: distances infinite, shares 0.
/// </summary>
/// <param name="HausdorffDistance">The largest distance of an edge pixel of one to the nearest of the other.</param>
/// <param name="HausdorffDistance95">The larger of the 95th percentiles of both directions, interpolated.</param>
/// <param name="AverageSurfaceDistance">The mean of the mean distances of both directions.</param>
/// <param name="SurfaceDice">The share of all edge pixels of both that are at most the tolerance apart from the other edge.</param>
/// <param name="BoundaryF1">
/// 2PR / (P + R), where P is the share of predicted edge pixels within the tolerance, and R of target edge pixels.
/// </param>
internal readonly record struct SurfaceDistances(
    double HausdorffDistance,
    double HausdorffDistance95,
    double AverageSurfaceDistance,
    double SurfaceDice,
    double BoundaryF1
)
{
    /// <summary>Compares masks of 0 and anything else, [height, width].</summary>
    /// <param name="prediction">The predicted mask.</param>
    /// <param name="target">The true mask.</param>
    /// <param name="width">Columns.</param>
    /// <param name="tolerance">In the unit of the spacing.</param>
    /// <param name="spacing">From row to row and from column to column.</param>
    public static SurfaceDistances Between(
        ReadOnlySpan<byte> prediction,
        ReadOnlySpan<byte> target,
        int width,
        double tolerance,
        (double Row, double Column) spacing
    )
    {
        var (predicted, wanted) = (Edge(prediction, width), Edge(target, width));
        if (predicted.Count == 0 && wanted.Count == 0)
            return new(double.NaN, double.NaN, double.NaN, double.NaN, double.NaN);
        if (predicted.Count == 0 || wanted.Count == 0)
            return new(double.PositiveInfinity, double.PositiveInfinity, double.PositiveInfinity, 0, 0);
        var frame = Frame.Around(predicted, wanted);
        double[] a = frame.Distances(predicted, wanted, spacing),
            b = frame.Distances(wanted, predicted, spacing);
        // Squares and roots round: an edge exactly at the tolerance is within it.
        var limit = tolerance + 1e-9 * Math.Max(1, tolerance);
        double nearA = a.Count(d => d <= limit),
            nearB = b.Count(d => d <= limit);
        var (precision, recall) = (nearA / a.Length, nearB / b.Length);
        Array.Sort(a);
        Array.Sort(b);
        return new(
            Math.Max(a[^1], b[^1]),
            Math.Max(Percentile95(a), Percentile95(b)),
            (a.Average() + b.Average()) / 2,
            (nearA + nearB) / (a.Length + b.Length),
            precision + recall == 0 ? 0 : 2 * precision * recall / (precision + recall)
        );
    }

    private static List<(int X, int Y)> Edge(ReadOnlySpan<byte> mask, int width)
    {
        var edge = new List<(int, int)>();
        var height = mask.Length / width;
        for (var y = 0; y < height; y++)
        {
            var row = mask.Slice(y * width, width);
            for (var x = row.IndexOfAnyExcept((byte)0); x >= 0 && x < width; x++)
            {
                if (row[x] == 0)
                    continue;
                var inner =
                    x > 0
                    && x < width - 1
                    && y > 0
                    && y < height - 1
                    && row[x - 1] != 0
                    && row[x + 1] != 0
                    && mask[(y - 1) * width + x] != 0
                    && mask[(y + 1) * width + x] != 0;
                if (!inner)
                    edge.Add((x, y));
            }
        }
        return edge;
    }

    private static double Percentile95(double[] sorted)
    {
        var at = 0.95 * (sorted.Length - 1);
        var low = (int)at;
        return low + 1 < sorted.Length ? sorted[low] + (at - low) * (sorted[low + 1] - sorted[low]) : sorted[low];
    }

    /// <summary>The smallest rectangle around both edges, which is all that distances between them need.</summary>
    private readonly record struct Frame(int Left, int Top, int Width, int Height)
    {
        public static Frame Around(List<(int X, int Y)> first, List<(int X, int Y)> second)
        {
            var all = first.Concat(second);
            var (left, top) = (all.Min(p => p.X), all.Min(p => p.Y));
            return new(left, top, all.Max(p => p.X) - left + 1, all.Max(p => p.Y) - top + 1);
        }

        /// <summary>Of each pixel of one edge to the nearest of another.</summary>
        public double[] Distances(List<(int X, int Y)> from, List<(int X, int Y)> to, (double Row, double Column) spacing)
        {
            var pixels = Width * Height;
            using var room = DistanceTransform.Room(pixels);
            var field = new TensorMemory<double>(room);
            field[0, pixels].Fill(double.PositiveInfinity);
            foreach (var (x, y) in to)
                field[(y - Top) * Width + x - Left] = 0;
            DistanceTransform.Squared(field, pixels, [Height, Width], [spacing.Row, spacing.Column], parallel: false);
            var frame = this;
            var distances = from.Select(p => Math.Sqrt(field[(p.Y - frame.Top) * frame.Width + p.X - frame.Left])).ToArray();
            GC.KeepAlive(room);
            return distances;
        }
    }
}
