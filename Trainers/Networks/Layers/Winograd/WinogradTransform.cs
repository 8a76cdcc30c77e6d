using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MLNetLosses.Networks;

/// <summary>
/// The three matrices of Winograd's minimal filtering F(4, 3) (Lavin and Gray 2016, "Fast algorithms for convolutional neural networks"), applied along one
/// axis to numbers of several channels at once: four outputs of a filter of three taps are <c>A^T ((G g) * (B^T d))</c>, of six inputs d, by six products.
/// </summary>
internal static unsafe class WinogradTransform
{
    /// <summary>Outputs of a tile along an axis.</summary>
    public const int Outputs = 4;

    /// <summary>Inputs of a tile along an axis, and products.</summary>
    public const int Inputs = 6;

    /// <summary>G, [6, 3].</summary>
    public static readonly double[,] Filter =
    {
        { 1 / 4.0, 0, 0 },
        { -1 / 6.0, -1 / 6.0, -1 / 6.0 },
        { -1 / 6.0, 1 / 6.0, -1 / 6.0 },
        { 1 / 24.0, 1 / 12.0, 1 / 6.0 },
        { 1 / 24.0, -1 / 12.0, 1 / 6.0 },
        { 0, 0, 1 },
    };

    /// <summary>What is done to the pixels of a tile, along one axis, to get six numbers.</summary>
    public interface IOfPixels
    {
        /// <summary>How many pixels it takes.</summary>
        static abstract int Side { get; }

        /// <summary>How many of them lie before the tile's first.</summary>
        static abstract int Before { get; }

        /// <summary>Numbers lie <paramref name="step"/> after one another. Source and target may be the same.</summary>
        static abstract void Apply(Vector512<float>* pixels, Vector512<float>* result, int step);
    }

    /// <summary>B^T d.</summary>
    public readonly struct Window : IOfPixels
    {
        public static int Side => Inputs;
        public static int Before => 1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Apply(Vector512<float>* d, Vector512<float>* result, int step)
        {
            var (d0, d1, d2, d3, d4, d5) = (d[0], d[step], d[2 * step], d[3 * step], d[4 * step], d[5 * step]);
            var (even, odd) = (d4 - 4 * d2, d3 - 4 * d1);
            var (outer, inner) = (d4 - d2, 2 * (d3 - d1));
            result[0] = 4 * d0 - 5 * d2 + d4;
            result[step] = even + odd;
            result[2 * step] = even - odd;
            result[3 * step] = outer + inner;
            result[4 * step] = outer - inner;
            result[5 * step] = 4 * d1 - 5 * d3 + d5;
        }
    }

    /// <summary>A y, the transpose of <see cref="Collect"/>.</summary>
    public readonly struct Spread : IOfPixels
    {
        public static int Side => Outputs;
        public static int Before => 0;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Apply(Vector512<float>* y, Vector512<float>* result, int step)
        {
            var (y0, y1, y2, y3) = (y[0], y[step], y[2 * step], y[3 * step]);
            var (even, odd) = (y0 + y2, y1 + y3);
            var (outer, inner) = (y0 + 4 * y2, 2 * y1 + 8 * y3);
            result[0] = y0;
            result[step] = even + odd;
            result[2 * step] = even - odd;
            result[3 * step] = outer + inner;
            result[4 * step] = outer - inner;
            result[5 * step] = y3;
        }
    }

    /// <summary>A^T m: six numbers to four.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Collect(Vector512<float>* m, Vector512<float>* result, int step)
    {
        var (m0, m5) = (m[0], m[5 * step]);
        var (sum, difference) = (m[step] + m[2 * step], m[step] - m[2 * step]);
        var (far, slope) = (m[3 * step] + m[4 * step], 2 * (m[3 * step] - m[4 * step]));
        result[0] = m0 + sum + far;
        result[step] = difference + slope;
        result[2 * step] = sum + 4 * far;
        result[3 * step] = difference + 4 * slope + m5;
    }
}
