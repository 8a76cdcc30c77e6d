using System.Runtime.InteropServices;
using Microsoft.ML;
using SkiaSharp;

namespace MLNetLosses.UnitTests.SemanticSegmentation;

/// <summary>Small images with masks that a network learns in a few epochs: a red disc (class 1) and a green square (class 2) on a dark noisy ground (class 0).</summary>
internal sealed class DrawnShapes : IDisposable
{
    public static readonly string[] Classes = ["ground", "disc", "square"];

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("shapes");

    public string Folder => folder.FullName;

    public void Dispose() => folder.Delete(recursive: true);

    public sealed class Row
    {
        public byte[] ImagePath { get; set; } = [];

        [SegmentationMaskType]
        public SegmentationMask Mask { get; set; } = null!;
    }

    public sealed class FileRow
    {
        public string ImagePath { get; set; } = "";
        public string Mask { get; set; } = "";
    }

    public sealed class Prediction
    {
        [SegmentationMaskType]
        public SegmentationMask? PredictedLabel { get; set; }

        public long[] Areas { get; set; } = [];
    }

    /// <summary>An image as PNG, and its class indices.</summary>
    public static (byte[] Image, byte[] Indices) Draw(int seed, int width = 24, int height = 24)
    {
        var random = new Random(31 * seed + 17);
        using var bitmap = new SKBitmap(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque);
        var indices = new byte[width * height];
        var (radius, half) = (3.5 + 3 * random.NextDouble(), 2.5 + 2.5 * random.NextDouble());
        var (discX, discY) = (width * random.NextDouble(), height * random.NextDouble());
        var (squareX, squareY) = (width * random.NextDouble(), height * random.NextDouble());
        for (var y = 0; y < height; y++)
        for (var x = 0; x < width; x++)
        {
            var index =
                Math.Max(Math.Abs(x + 0.5 - squareX), Math.Abs(y + 0.5 - squareY)) < half ? 2
                : Math.Pow(x + 0.5 - discX, 2) + Math.Pow(y + 0.5 - discY, 2) < radius * radius ? 1
                : 0;
            var level = (byte)random.Next(60);
            bitmap.SetPixel(
                x,
                y,
                index switch
                {
                    1 => new SKColor(200, level, level),
                    2 => new SKColor(level, 200, level),
                    _ => new SKColor(level, level, level),
                }
            );
            indices[y * width + x] = (byte)index;
        }
        using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return (data.ToArray(), indices);
    }

    /// <summary>Rows of encoded bytes and masks of class indices.</summary>
    public static List<Row> Rows(int count, int seed = 0, int width = 24, int height = 24) =>
        [
            .. Enumerable
                .Range(0, count)
                .Select(i =>
                {
                    var (image, indices) = Draw(1000 * seed + i, width, height);
                    return new Row { ImagePath = image, Mask = SegmentationMask.OfIndices(width, height, indices) };
                }),
        ];

    /// <summary>Data of class indices.</summary>
    public static IDataView Data(int count, int seed = 0, int width = 24, int height = 24) =>
        new MLContext(1).Data.LoadFromEnumerable(Rows(count, seed, width, height));

    /// <summary>Data of two overlapping layers: any shape, and squares; where asked for with some rows of pixels that are not known.</summary>
    public static IDataView Layers(int count, int seed = 0, bool ignored = false) =>
        new MLContext(1).Data.LoadFromEnumerable(
            Rows(count, seed)
                .ConvertAll(row =>
                {
                    var indices = row.Mask.Values.ToArray();
                    byte[] layers =
                    [
                        .. indices.Select(index => (byte)(index > 0 ? 1 : 0)),
                        .. indices.Select(index => (byte)(index == 2 ? 1 : 0)),
                    ];
                    if (ignored)
                    {
                        layers.AsSpan(5 * row.Mask.Width, 3 * row.Mask.Width).Fill(SegmentationMask.Ignored);
                        layers.AsSpan(row.Mask.PixelCount + 7 * row.Mask.Width, 2 * row.Mask.Width).Fill(SegmentationMask.Ignored);
                    }
                    return new Row
                    {
                        ImagePath = row.ImagePath,
                        Mask = SegmentationMask.OfLayers(row.Mask.Width, row.Mask.Height, 2, layers),
                    };
                })
        );

    /// <summary>Writes images and masks of class indices into the folder.</summary>
    public List<FileRow> Files(int count, int seed = 0, int width = 24, int height = 24)
    {
        var rows = new List<FileRow>();
        for (var i = 0; i < count; i++)
        {
            var (image, indices) = Draw(1000 * seed + i, width, height);
            var row = new FileRow
            {
                ImagePath = Path.Combine(Folder, $"image-{seed}-{i}.png"),
                Mask = Path.Combine(Folder, $"mask-{seed}-{i}.png"),
            };
            File.WriteAllBytes(row.ImagePath, image);
            File.WriteAllBytes(row.Mask, GrayPng(width, height, indices));
            rows.Add(row);
        }
        return rows;
    }

    /// <summary>Writes images, masks and the names of classes as <c>LoadSegmentationFolder</c> reads them.</summary>
    public void Dataset(int count, IEnumerable<string> classes)
    {
        Directory.CreateDirectory(Path.Combine(Folder, "images"));
        Directory.CreateDirectory(Path.Combine(Folder, "masks"));
        File.WriteAllLines(Path.Combine(Folder, "classes.txt"), classes);
        for (var i = 0; i < count; i++)
        {
            var (image, indices) = Draw(i);
            File.WriteAllBytes(Path.Combine(Folder, "images", $"{i}.png"), image);
            File.WriteAllBytes(Path.Combine(Folder, "masks", $"{i}.png"), GrayPng(24, 24, indices));
        }
    }

    public static byte[] GrayPng(int width, int height, byte[] indices)
    {
        using var bitmap = new SKBitmap(width, height, SKColorType.Gray8, SKAlphaType.Opaque);
        for (var y = 0; y < height; y++)
            Marshal.Copy(indices, y * width, bitmap.GetPixels() + y * bitmap.RowBytes, width);
        using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }
}
