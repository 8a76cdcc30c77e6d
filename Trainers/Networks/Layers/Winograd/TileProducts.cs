using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MLNetLosses.Losses;
using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>
/// Products of matrices, one for each of the products of a tile, whose right-hand sides come in panels: 16 columns of every row beside one another, so that they are read from
/// first to last. libtorch's batched product (MKL) leaves half of the registers of AMD's processors unused and copies what it multiplies, and its convolutions in groups change the
/// order of their weights each time.
/// </summary>
internal static unsafe class TileProducts
{
    /// <summary>Columns of a panel.</summary>
    public const int Block = 16;

    private const int Rows = 8;

    /// <summary>Windows of tiles by weights: [tiles, products, outputs].</summary>
    /// <param name="windows">[tiles, products, inputs].</param>
    /// <param name="factors">[products, outputs / 16, inputs, 16].</param>
    public static Tensor OfTiles(Tensor windows, Tensor factors)
    {
        var (tiles, inputs) = ((int)windows.shape[0], (int)windows.shape[2]);
        var (products, panels) = ((int)factors.shape[0], (int)factors.shape[1]);
        var outputs = panels * Block;
        var results = empty([tiles, products, outputs], ScalarType.Float32);
        var (left, right, target) = (MapTiles.First(windows), MapTiles.First(factors), MapTiles.First(results));
        ForPairs(
            products,
            panels,
            (product, first, second) =>
            {
                var b = (float*)right + (long)(product * panels + first) * inputs * Block;
                var other = b + (long)(second - first) * inputs * Block;
                for (var tile = 0; tile < tiles; tile += Rows)
                {
                    var place = (long)tile * products + product;
                    Left a = new((float*)left + place * inputs, (long)products * inputs, 1);
                    Target c = new((float*)target + place * outputs + first * Block, (long)products * outputs);
                    Multiply(a, b, other, inputs, c, Math.Min(Rows, tiles - tile), both: second > first, add: false);
                }
            }
        );
        return results;
    }

    /// <summary>Adds, for each product, the sum over tiles of every left channel times every right one to sums [products, left channels, right channels].</summary>
    /// <param name="sums">Contiguous.</param>
    /// <param name="leftChannels">[products, left channels / 16, tiles, 16].</param>
    /// <param name="rightChannels">[products, right channels / 16, tiles, 16].</param>
    public static void AddOverTiles(Tensor sums, Tensor leftChannels, Tensor rightChannels)
    {
        var (products, tiles) = ((int)leftChannels.shape[0], (int)leftChannels.shape[2]);
        var (rows, panels) = ((int)leftChannels.shape[1] * Block, (int)rightChannels.shape[1]);
        var (panel, width) = ((long)tiles * Block, (long)panels * Block);
        var (left, right, target) = (MapTiles.First(leftChannels), MapTiles.First(rightChannels), MapTiles.First(sums));
        ForPairs(
            products,
            panels,
            (product, first, second) =>
            {
                var b = (float*)right + (product * panels + first) * panel;
                var other = b + (second - first) * panel;
                for (var row = 0; row < rows; row += Rows)
                {
                    Left a = new((float*)left + ((long)product * rows + row - row % Block) * tiles + row % Block, 1, Block);
                    Target c = new((float*)target + ((long)product * rows + row) * width + first * Block, width);
                    Multiply(a, b, other, tiles, c, Rows, both: second > first, add: true);
                }
            }
        );
    }

    /// <summary>A job is a product and two neighbouring panels, which stay in the cache while all rows go by. The last of an odd number comes twice.</summary>
    private static void ForPairs(int products, int panels, Action<int, int, int> job)
    {
        var pairs = (panels + 1) / 2;
        CpuWork.For(products * pairs, i => job(i / pairs, i % pairs * 2, Math.Min(i % pairs * 2 + 1, panels - 1)));
    }

    /// <summary>Numbers by row and by depth.</summary>
    private readonly struct Left(float* first, long rowStep, long depthStep)
    {
        public readonly float* First = first;
        public readonly long RowStep = rowStep;
        public readonly long DepthStep = depthStep;
    }

    /// <summary>Rows of results.</summary>
    private readonly struct Target(float* first, long rowStep)
    {
        public readonly float* First = first;
        public readonly long RowStep = rowStep;
    }

    // 16 sums of 16 numbers stay in registers: a loop over an array of them would not keep them there.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply(in Left left, float* b, float* other, int depth, in Target target, int rows, bool both, bool add)
    {
        var first = left.First;
        var (step, last) = (left.DepthStep, rows - 1);
        var a0 = first;
        var a1 = first + Math.Min(1, last) * left.RowStep;
        var a2 = first + Math.Min(2, last) * left.RowStep;
        var a3 = first + Math.Min(3, last) * left.RowStep;
        var a4 = first + Math.Min(4, last) * left.RowStep;
        var a5 = first + Math.Min(5, last) * left.RowStep;
        var a6 = first + Math.Min(6, last) * left.RowStep;
        var a7 = first + Math.Min(7, last) * left.RowStep;
        Vector512<float> p0 = default,
            p1 = default,
            p2 = default,
            p3 = default,
            p4 = default,
            p5 = default,
            p6 = default,
            p7 = default;
        Vector512<float> q0 = default,
            q1 = default,
            q2 = default,
            q3 = default,
            q4 = default,
            q5 = default,
            q6 = default,
            q7 = default;
        for (long i = 0, end = depth * step; i < end; i += step, b += Block, other += Block)
        {
            var (x, y) = (Vector512.Load(b), Vector512.Load(other));
            var v = Vector512.Create(a0[i]);
            (p0, q0) = (Vector512.FusedMultiplyAdd(v, x, p0), Vector512.FusedMultiplyAdd(v, y, q0));
            v = Vector512.Create(a1[i]);
            (p1, q1) = (Vector512.FusedMultiplyAdd(v, x, p1), Vector512.FusedMultiplyAdd(v, y, q1));
            v = Vector512.Create(a2[i]);
            (p2, q2) = (Vector512.FusedMultiplyAdd(v, x, p2), Vector512.FusedMultiplyAdd(v, y, q2));
            v = Vector512.Create(a3[i]);
            (p3, q3) = (Vector512.FusedMultiplyAdd(v, x, p3), Vector512.FusedMultiplyAdd(v, y, q3));
            v = Vector512.Create(a4[i]);
            (p4, q4) = (Vector512.FusedMultiplyAdd(v, x, p4), Vector512.FusedMultiplyAdd(v, y, q4));
            v = Vector512.Create(a5[i]);
            (p5, q5) = (Vector512.FusedMultiplyAdd(v, x, p5), Vector512.FusedMultiplyAdd(v, y, q5));
            v = Vector512.Create(a6[i]);
            (p6, q6) = (Vector512.FusedMultiplyAdd(v, x, p6), Vector512.FusedMultiplyAdd(v, y, q6));
            v = Vector512.Create(a7[i]);
            (p7, q7) = (Vector512.FusedMultiplyAdd(v, x, p7), Vector512.FusedMultiplyAdd(v, y, q7));
        }
        Store(target, 0, [p0, p1, p2, p3, p4, p5, p6, p7], rows, add);
        if (both)
            Store(target, Block, [q0, q1, q2, q3, q4, q5, q6, q7], rows, add);
    }

    private static void Store(in Target target, int column, ReadOnlySpan<Vector512<float>> values, int rows, bool add)
    {
        for (var row = 0; row < rows; row++)
        {
            var at = target.First + row * target.RowStep + column;
            Vector512.Store(add ? Vector512.Load(at) + values[row] : values[row], at);
        }
    }
}
