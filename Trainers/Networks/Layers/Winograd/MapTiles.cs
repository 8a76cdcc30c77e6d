using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>
/// The tiles of 4 x 4 pixels that cover one map or several, and the way from pixels to the products of <see cref="WinogradTransform"/> and back. Maps are
/// [N, C, H, W] in single precision on the CPU, with the channels of a pixel beside one another, C a multiple of 16. What lies outside a map is 0.
/// </summary>
internal sealed unsafe class MapTiles
{
    /// <summary>Products of a tile.</summary>
    public const int Products = WinogradTransform.Inputs * WinogradTransform.Inputs;

    private const int TilesPerJob = 8;
    private readonly (int Height, int Width)[] sizes;
    private readonly Tile[] tiles;

    public MapTiles(IReadOnlyList<Tensor> maps)
    {
        sizes = [.. maps.Select(map => ((int)map.shape[2], (int)map.shape[3]))];
        var list = new List<Tile>();
        for (var map = 0; map < sizes.Length; map++)
        for (var image = 0; image < maps[map].shape[0]; image++)
        for (var y = 0; y < sizes[map].Height; y += WinogradTransform.Outputs)
        for (var x = 0; x < sizes[map].Width; x += WinogradTransform.Outputs)
            list.Add(new(map, image, y, x));
        tiles = [.. list];
    }

    private readonly record struct Tile(int Map, int Image, int Y, int X);

    /// <summary>How many tiles cover one image's maps of these sizes.</summary>
    public static long CountPerImage(IReadOnlyList<Tensor> maps) =>
        maps.Sum(map => ((map.shape[2] + 3) / WinogradTransform.Outputs) * ((map.shape[3] + 3) / WinogradTransform.Outputs));

    public int Count => tiles.Length;

    /// <summary>From the 6 x 6 pixels around each of some tiles: <c>B^T d B</c>, [count, 36, C].</summary>
    public Tensor Windows(IReadOnlyList<Tensor> maps, int from, int count) => FromPixels<WinogradTransform.Window>(maps, from, count);

    /// <summary>From the 4 x 4 pixels of each of some tiles: <c>A y A^T</c>, [count, 36, C].</summary>
    public Tensor Spreads(IReadOnlyList<Tensor> maps, int from, int count) => FromPixels<WinogradTransform.Spread>(maps, from, count);

    /// <summary>Writes <c>A^T m A</c>, and a bias [C] more, of products [count, 36, C] to the pixels of some tiles.</summary>
    public void Write(Tensor products, Tensor? bias, IReadOnlyList<Tensor> maps, int from)
    {
        var channels = (int)products.shape[2];
        using var scope = NewDisposeScope();
        var targets = Pixels(maps);
        var (source, added) = (First(products), bias is null ? 0 : First(bias));
        ForTiles(
            (int)products.shape[0],
            i =>
            {
                const int Side = WinogradTransform.Outputs;
                var tile = tiles[from + i];
                var (height, width) = sizes[tile.Map];
                var (rows, columns) = (Math.Min(Side, height - tile.Y), Math.Min(Side, width - tile.X));
                var target = (float*)targets[tile.Map] + ((long)tile.Image * height * width + (long)tile.Y * width + tile.X) * channels;
                var values = (float*)source + (long)i * Products * channels;
                var all = stackalloc Vector512<float>[Products];
                for (var c = 0; c < channels; c += Vector512<float>.Count)
                {
                    for (var k = 0; k < Products; k++)
                        all[k] = Vector512.Load(values + k * channels + c);
                    for (var x = 0; x < WinogradTransform.Inputs; x++)
                        WinogradTransform.Collect(all + x, all + x, WinogradTransform.Inputs);
                    var offset = added == 0 ? Vector512<float>.Zero : Vector512.Load((float*)added + c);
                    for (var y = 0; y < rows; y++)
                    {
                        var row = all + y * WinogradTransform.Inputs;
                        WinogradTransform.Collect(row, row, 1);
                        for (var x = 0; x < columns; x++)
                            Vector512.Store(row[x] + offset, target + ((long)y * width + x) * channels + c);
                    }
                }
            }
        );
    }

    private Tensor FromPixels<TTransform>(IReadOnlyList<Tensor> maps, int from, int count)
        where TTransform : WinogradTransform.IOfPixels
    {
        var (side, before) = (TTransform.Side, TTransform.Before);
        var channels = (int)maps[0].shape[1];
        var result = empty([count, Products, channels], ScalarType.Float32);
        using var scope = NewDisposeScope();
        var sources = Pixels(maps);
        var outside = First(zeros([channels], ScalarType.Float32));
        var target = First(result);
        ForTiles(
            count,
            i =>
            {
                var tile = tiles[from + i];
                var (height, width) = sizes[tile.Map];
                var map = (float*)sources[tile.Map] + (long)tile.Image * height * width * channels;
                var pixels = stackalloc float*[Products];
                for (var y = 0; y < side; y++)
                for (var x = 0; x < side; x++)
                {
                    var (row, column) = (tile.Y - before + y, tile.X - before + x);
                    var inside = (uint)row < (uint)height && (uint)column < (uint)width;
                    pixels[y * WinogradTransform.Inputs + x] = inside ? map + ((long)row * width + column) * channels : (float*)outside;
                }
                var values = (float*)target + (long)i * Products * channels;
                var all = stackalloc Vector512<float>[Products];
                for (var c = 0; c < channels; c += Vector512<float>.Count)
                {
                    for (var x = 0; x < side; x++)
                    {
                        for (var y = 0; y < side; y++)
                            all[y * WinogradTransform.Inputs + x] = Vector512.Load(pixels[y * WinogradTransform.Inputs + x] + c);
                        TTransform.Apply(all + x, all + x, WinogradTransform.Inputs);
                    }
                    for (var y = 0; y < WinogradTransform.Inputs; y++)
                        TTransform.Apply(all + y * WinogradTransform.Inputs, all + y * WinogradTransform.Inputs, 1);
                    for (var k = 0; k < Products; k++)
                        Vector512.Store(all[k], values + k * channels + c);
                }
            }
        );
        return result;
    }

    private static void ForTiles(int count, Action<int> one) =>
        CpuWork.For(
            (count + TilesPerJob - 1) / TilesPerJob,
            job =>
            {
                for (var i = job * TilesPerJob; i < Math.Min(count, (job + 1) * TilesPerJob); i++)
                    one(i);
            }
        );

    /// <summary>Where the pixels of maps begin, which stay the caller's.</summary>
    private static nint[] Pixels(IReadOnlyList<Tensor> maps) =>
        [
            .. maps.Select(map =>
            {
                using var pixels = map.permute(0, 2, 3, 1);
                return First(pixels);
            }),
        ];

    private static nint First(Tensor tensor)
    {
        if (!tensor.is_contiguous() || tensor.dtype != ScalarType.Float32 || tensor.device_type != DeviceType.CPU)
            throw new InvalidOperationException("The numbers of a map do not lie as they should.");
        using var flat = tensor.view(-1);
        using var head = flat.narrow(0, 0, 1);
        return (nint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(head.bytes));
    }
}
