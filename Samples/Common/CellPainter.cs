using SkiaSharp;

namespace MLNetLosses.Samples;

/// <summary>A kind of drawn blood cell.</summary>
public enum CellKind
{
    /// <summary>A red cell: a pink disc with a pale centre.</summary>
    Erythrocyte,

    /// <summary>A white cell with one round, dark nucleus that nearly fills it.</summary>
    Lymphocyte,

    /// <summary>A white cell whose nucleus has three to five lobes.</summary>
    Neutrophil,

    /// <summary>A white cell with two lobes and orange granules.</summary>
    Eosinophil,

    /// <summary>A small purple fragment.</summary>
    Platelet,
}

/// <summary>Paints cells as a microscope might show them: varying in size, place, turn, stain and focus. Everything comes from a random generator.</summary>
public static class CellPainter
{
    /// <summary>Paints a smear with one cell of a kind near the middle, and perhaps parts of red cells around it.</summary>
    /// <param name="kind">The cell in the middle.</param>
    /// <param name="size">Width and height in pixels.</param>
    /// <param name="random">Decides everything that varies.</param>
    public static SKBitmap Paint(CellKind kind, int size, Random random)
    {
        var bitmap = new SKBitmap(size, size, SKColorType.Rgba8888, SKAlphaType.Opaque);
        using var canvas = new SKCanvas(bitmap);
        var light = (float)(0.85 + 0.25 * random.NextDouble());
        canvas.Clear(Shade(new SKColor(236, 224, 226), light));
        for (var i = random.Next(3); i > 0; i--)
        {
            var angle = random.NextDouble() * 2 * Math.PI;
            var far = size * (0.48 + 0.15 * random.NextDouble());
            var at = new SKPoint((float)(size / 2 + far * Math.Cos(angle)), (float)(size / 2 + far * Math.Sin(angle)));
            DrawCell(canvas, CellKind.Erythrocyte, at, size, light, random);
        }
        var jitter = size * 0.1f;
        var centre = new SKPoint(
            size / 2f + jitter * (float)(2 * random.NextDouble() - 1),
            size / 2f + jitter * (float)(2 * random.NextDouble() - 1)
        );
        DrawCell(canvas, kind, centre, size, light, random);
        AddNoise(bitmap, 5 + random.Next(6), random);
        return bitmap;
    }

    /// <summary>Draws one cell.</summary>
    /// <param name="canvas">Where to.</param>
    /// <param name="kind">The kind.</param>
    /// <param name="centre">The middle of the cell.</param>
    /// <param name="size">The size of the picture that the cell is scaled to.</param>
    /// <param name="light">Brightness, about 1.</param>
    /// <param name="random">Decides everything that varies.</param>
    /// <param name="mask">Gets the outline of the cell, filled with one colour; null: not drawn.</param>
    /// <param name="maskColor">The colour.</param>
    /// <returns>The radius of the cell in pixels.</returns>
    public static float DrawCell(
        SKCanvas canvas,
        CellKind kind,
        SKPoint centre,
        float size,
        float light,
        Random random,
        SKCanvas? mask = null,
        SKColor maskColor = default
    )
    {
        var radius = size * (float)(0.9 + 0.25 * random.NextDouble()) * RelativeRadius(kind);
        canvas.Save();
        canvas.Translate(centre.X, centre.Y);
        canvas.RotateDegrees(random.Next(360));
        canvas.Scale(1, (float)(0.82 + 0.18 * random.NextDouble()));
        if (mask is not null)
        {
            using var fill = new SKPaint { IsAntialias = false, Color = maskColor };
            mask.SetMatrix(canvas.TotalMatrix);
            mask.DrawCircle(0, 0, radius, fill);
            mask.ResetMatrix();
        }
        using var focus = SKMaskFilter.CreateBlur(SKBlurStyle.Normal, size / 64f * (float)(0.3 + 0.7 * random.NextDouble()));
        using var paint = new SKPaint { IsAntialias = true, MaskFilter = focus };
        void Disc(float x, float y, float r, SKColor color)
        {
            paint.Color = Shade(color, light);
            canvas.DrawCircle(x * radius, y * radius, r * radius, paint);
        }
        switch (kind)
        {
            case CellKind.Erythrocyte:
                Disc(0, 0, 1, new SKColor(214, 130, 136));
                Disc(0, 0, 0.45f, new SKColor(232, 182, 184));
                break;
            case CellKind.Lymphocyte:
                Disc(0, 0, 1, new SKColor(176, 186, 224));
                Disc(0.06f, 0, 0.84f, new SKColor(86, 52, 128));
                break;
            case CellKind.Neutrophil:
                Disc(0, 0, 1, new SKColor(224, 206, 220));
                Lobes(3 + random.Next(3), 0.5f, 0.3f);
                break;
            case CellKind.Eosinophil:
                Disc(0, 0, 1, new SKColor(228, 196, 186));
                for (var i = 0; i < 30; i++)
                {
                    var (angle, far) = (random.NextDouble() * 2 * Math.PI, 0.9 * Math.Sqrt(random.NextDouble()));
                    Disc((float)(far * Math.Cos(angle)), (float)(far * Math.Sin(angle)), 0.09f, new SKColor(216, 108, 66));
                }
                Lobes(2, 0.36f, 0.36f);
                break;
            case CellKind.Platelet:
                Disc(0, 0, 1, new SKColor(170, 120, 176));
                Disc(0.1f, 0.1f, 0.5f, new SKColor(120, 70, 140));
                break;
        }
        canvas.Restore();
        return radius;

        void Lobes(int count, float far, float r)
        {
            for (var i = 0; i < count; i++)
            {
                var angle = i * 1.7 * Math.PI / count + 0.4 * random.NextDouble();
                Disc((float)(far * Math.Cos(angle)), (float)(far * Math.Sin(angle)), r, new SKColor(92, 58, 130));
            }
        }
    }

    private static float RelativeRadius(CellKind kind) =>
        kind switch
        {
            CellKind.Erythrocyte => 0.26f,
            CellKind.Platelet => 0.11f,
            CellKind.Lymphocyte => 0.3f,
            _ => 0.36f,
        };

    internal static SKColor Shade(SKColor color, float light) =>
        new(Clamp(color.Red * light), Clamp(color.Green * light), Clamp(color.Blue * light));

    internal static void AddNoise(SKBitmap bitmap, int strength, Random random)
    {
        var pixels = bitmap.GetPixelSpan();
        for (var i = 0; i < pixels.Length; i++)
            if (i % 4 != 3)
                Write(bitmap, i, Clamp(pixels[i] + random.Next(-strength, strength + 1)));
    }

    private static unsafe void Write(SKBitmap bitmap, int index, byte value) => ((byte*)bitmap.GetPixels())[index] = value;

    private static byte Clamp(float value) => (byte)Math.Clamp(value, 0, 255);
}
