using Microsoft.ML;
using SkiaSharp;

namespace MLNetLosses.UnitTests.ImageClassification;

/// <summary>
/// Small images of three classes that a network learns in a few steps: a red disc, a green square, a blue stripe, on a dark noisy ground.
/// </summary>
internal sealed class DrawnImages : IDisposable
{
    public static readonly string[] Classes = ["disc", "square", "stripe"];

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("drawn");

    public string Folder => folder.FullName;

    public void Dispose() => folder.Delete(recursive: true);

    public sealed class FileRow
    {
        public string Path { get; set; } = "";
        public string Label { get; set; } = "";
        public float Weight { get; set; } = 1;
    }

    public sealed class BytesRow
    {
        public byte[] Image { get; set; } = [];
        public string Label { get; set; } = "";
        public float Weight { get; set; } = 1;
    }

    public sealed class Prediction
    {
        public string PredictedLabel { get; set; } = "";
        public float[] Score { get; set; } = [];
    }

    /// <summary>The bytes of a PNG.</summary>
    public static byte[] Png(int kind, int seed, int size = 16)
    {
        var random = new Random(31 * seed + 17);
        using var bitmap = new SKBitmap(size, size, SKColorType.Rgba8888, SKAlphaType.Opaque);
        for (var y = 0; y < size; y++)
        for (var x = 0; x < size; x++)
        {
            var level = (byte)random.Next(60);
            bitmap.SetPixel(x, y, new SKColor(level, level, level));
        }
        using var canvas = new SKCanvas(bitmap);
        var (cx, cy) = (size * (0.35f + 0.3f * random.NextSingle()), size * (0.35f + 0.3f * random.NextSingle()));
        var extent = size * (0.2f + 0.1f * random.NextSingle());
        using var paint = new SKPaint
        {
            Color = kind switch
            {
                0 => SKColors.Red,
                1 => SKColors.Lime,
                _ => SKColors.Blue,
            },
        };
        if (kind == 0)
            canvas.DrawCircle(cx, cy, extent, paint);
        else if (kind == 1)
            canvas.DrawRect(cx - extent, cy - extent, 2 * extent, 2 * extent, paint);
        else
            canvas.DrawRect(0, cy - extent / 2, size, extent, paint);
        canvas.Flush();
        using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }

    /// <summary>Rows of encoded bytes, classes in turn.</summary>
    public static List<BytesRow> Bytes(int count, int seed = 0, int size = 16) =>
        [.. Enumerable.Range(0, count).Select(i => new BytesRow { Image = Png(i % 3, 1000 * seed + i, size), Label = Classes[i % 3] })];

    /// <summary>Data with an image column of bytes and a key column Label.</summary>
    public static IDataView Keyed(MLContext context, IEnumerable<BytesRow> rows)
    {
        var data = context.Data.LoadFromEnumerable(rows);
        return Keys(context).Fit(data).Transform(data);
    }

    /// <summary>Maps Label to keys, always in the same order.</summary>
    public static IEstimator<ITransformer> Keys(MLContext context) =>
        context.Transforms.Conversion.MapValueToKey(
            "Label",
            keyOrdinality: Microsoft.ML.Transforms.ValueToKeyMappingEstimator.KeyOrdinality.ByValue
        );

    /// <summary>Writes images into the folder.</summary>
    public List<FileRow> Files(int count, int seed = 0, int size = 16)
    {
        var rows = new List<FileRow>();
        for (var i = 0; i < count; i++)
        {
            var path = Path.Combine(Folder, $"{Classes[i % 3]}-{seed}-{i}.png");
            File.WriteAllBytes(path, Png(i % 3, 1000 * seed + i, size));
            rows.Add(new FileRow { Path = path, Label = Classes[i % 3] });
        }
        return rows;
    }
}
