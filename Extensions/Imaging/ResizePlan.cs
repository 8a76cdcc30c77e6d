namespace MLNetLosses.Data;

/// <summary>
/// One axis of a resize. Target positions <c>[Start, Start + Count)</c> are filled; the one at <c>i</c> has its centre at
/// <c>Offset + (i - Start + 0.5) * Scale</c> of the source, where pixel <c>j</c> covers <c>[j, j + 1)</c>.
/// </summary>
internal readonly record struct ResizeAxis(int Source, int Target, int Start, int Count, double Scale, double Offset)
{
    /// <summary>True when target and source hold the same pixels.</summary>
    public bool IsIdentity => Source == Target && Start == 0 && Count == Target && Scale == 1 && Offset == 0;

    /// <summary>Where a source coordinate lands in the target.</summary>
    public double ToTarget(double source) => (source - Offset) / Scale + Start;

    public static ResizeAxis Stretch(int source, int target) => new(source, target, 0, target, (double)source / target, 0);
}

/// <summary>Where each pixel of a resized image comes from; the same plan moves boxes.</summary>
internal readonly record struct ResizePlan(ResizeAxis X, ResizeAxis Y)
{
    public static ResizePlan For(int width, int height, ImagePreprocessing preprocessing) =>
        For(width, height, preprocessing.Width, preprocessing.Height, preprocessing.Resize);

    public static ResizePlan For(int width, int height, int targetWidth, int targetHeight, ResizeRule rule)
    {
        var (sx, sy) = ((double)width / targetWidth, (double)height / targetHeight);
        return rule switch
        {
            ResizeRule.Stretch => new(ResizeAxis.Stretch(width, targetWidth), ResizeAxis.Stretch(height, targetHeight)),
            ResizeRule.CropCenter => new(Crop(width, targetWidth, Math.Min(sx, sy)), Crop(height, targetHeight, Math.Min(sx, sy))),
            ResizeRule.Pad => new(Pad(width, targetWidth, Math.Max(sx, sy)), Pad(height, targetHeight, Math.Max(sx, sy))),
            _ => throw new ArgumentOutOfRangeException(nameof(rule), rule, "Unknown resize rule."),
        };
    }

    private static ResizeAxis Crop(int source, int target, double scale) =>
        new(source, target, 0, target, scale, (source - target * scale) / 2);

    private static ResizeAxis Pad(int source, int target, double scale)
    {
        var count = Math.Clamp((int)Math.Round(source / scale), 1, target);
        return new(source, target, (target - count) / 2, count, (double)source / count, 0);
    }
}
