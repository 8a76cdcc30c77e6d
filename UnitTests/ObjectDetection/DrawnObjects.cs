using Microsoft.ML;
using Microsoft.ML.Data;
using SkiaSharp;

namespace MLNetLosses.UnitTests.ObjectDetection;

/// <summary>Small images of odd sizes with a few red discs and green squares on a dark noisy ground, and where these are.</summary>
public static class DrawnObjects
{
    public static readonly string[] Classes = ["disc", "square"];

    public sealed class Row
    {
        public byte[] Image { get; set; } = [];
        public string[] Label { get; set; } = [];
        public float[] BoundingBoxes { get; set; } = [];
        public bool[] Ignored { get; set; } = [];
    }

    public sealed class FileRow
    {
        public string Image { get; set; } = "";
        public string[] Label { get; set; } = [];
        public float[] BoundingBoxes { get; set; } = [];
    }

    public sealed class Prediction
    {
        [VectorType]
        public uint[] PredictedLabel { get; set; } = [];

        [VectorType]
        public float[] Score { get; set; } = [];

        [VectorType]
        public float[] PredictedBoundingBoxes { get; set; } = [];
    }

    /// <summary>An image of a size with given objects.</summary>
    public static Row Draw(int width, int height, int seed, params (int Kind, float X0, float Y0, float X1, float Y1)[] objects)
    {
        var random = new Random(31 * seed + 17);
        using var bitmap = new SKBitmap(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque);
        for (var y = 0; y < height; y++)
        for (var x = 0; x < width; x++)
        {
            var level = (byte)random.Next(60);
            bitmap.SetPixel(x, y, new SKColor(level, level, level));
        }
        using var canvas = new SKCanvas(bitmap);
        foreach (var (kind, x0, y0, x1, y1) in objects)
        {
            using var paint = new SKPaint { Color = kind == 0 ? SKColors.Red : SKColors.Lime };
            if (kind == 0)
                canvas.DrawOval(new SKRect(x0, y0, x1, y1), paint);
            else
                canvas.DrawRect(new SKRect(x0, y0, x1, y1), paint);
        }
        canvas.Flush();
        using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return new()
        {
            Image = data.ToArray(),
            Label = [.. objects.Select(o => Classes[o.Kind])],
            BoundingBoxes = [.. objects.SelectMany(o => new[] { o.X0, o.Y0, o.X1, o.Y1 })],
            Ignored = [.. objects.Select(_ => false)],
        };
    }

    /// <summary>Rows of one or two objects each; every fifth shows none.</summary>
    public static List<Row> Rows(int count, int seed = 0, bool empty = true) =>
        [.. Enumerable.Range(0, count).Select(i => Random(1000 * seed + i, empty && i % 5 == 4 ? 0 : 1 + i % 2))];

    private static Row Random(int seed, int objects)
    {
        var random = new Random(seed);
        var (width, height) = (random.Next(70, 110), random.Next(70, 110));
        var side = Math.Min(width, height);
        return Draw(
            width,
            height,
            seed,
            [
                .. Enumerable
                    .Range(0, objects)
                    .Select(i =>
                    {
                        var extent = side * (0.25f + 0.15f * random.NextSingle());
                        // The first in the left half, the second in the right one.
                        var x =
                            objects == 1
                                ? (width - extent) * random.NextSingle()
                                : i * width / 2f + (width / 2f - extent) * random.NextSingle();
                        var y = (height - extent) * random.NextSingle();
                        return (random.Next(2), Math.Max(0, x), y, Math.Max(0, x) + extent, y + extent);
                    }),
            ]
        );
    }

    /// <summary>Data whose labels are keys, always in the same order.</summary>
    public static IDataView Keyed<TRow>(MLContext context, IEnumerable<TRow> rows)
        where TRow : class
    {
        var keys = context.Data.LoadFromEnumerable(Classes.Select(name => new KeyRow { Value = name }));
        var data = context.Data.LoadFromEnumerable(rows);
        return context.Transforms.Conversion.MapValueToKey("Label", keyData: keys).Fit(data).Transform(data);
    }

    public static IDataView Data(int count, int seed = 0, bool empty = true) => Keyed(new MLContext(1), Rows(count, seed, empty));

    private sealed class KeyRow
    {
        public string Value { get; set; } = "";
    }
}
