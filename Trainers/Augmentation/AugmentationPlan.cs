namespace MLNetLosses.Data;

/// <summary>
/// Everything random about one batch, drawn before anything is computed: a pure function of the augmentation, the seed, the epoch and the step.
/// </summary>
/// <param name="Geometry">One an image.</param>
/// <param name="Colors">Steps, in order; each has one operation an image.</param>
/// <param name="Erased">One an image, or null.</param>
/// <param name="Mixing">Mixup or CutMix, or null.</param>
/// <param name="Fill">What shows outside the images.</param>
internal sealed record AugmentationPlan(
    GeometricTransform[] Geometry,
    IReadOnlyList<ColorOperation[]> Colors,
    PixelRectangle[]? Erased,
    MixingPlan? Mixing,
    byte Fill
)
{
    private const long Purpose = 0xA06;

    public static AugmentationPlan Sample(Augmentation augmentation, int count, int width, int height, long seed, int epoch, int step)
    {
        var random = new RandomStream(Purpose, seed, epoch, step);
        var geometry = new GeometricTransform[count];
        foreach (ref var transform in geometry.AsSpan())
            transform = Placement(augmentation, width, height, ref random);
        var colors = new List<ColorOperation[]>();
        for (var i = 0; i < (augmentation.Policy?.Steps ?? 0); i++)
            colors.Add(PolicyStep(augmentation.Policy!, geometry, ref random));
        if (augmentation.Affine is { } affine)
            foreach (ref var transform in geometry.AsSpan())
                transform = transform.Then(affine.Sample(width, height, ref random));
        augmentation.ColorJitter?.Sample(colors, count, ref random);
        if (augmentation.Grayscale > 0)
            colors.Add(Grayscale(augmentation.Grayscale, count, ref random));
        augmentation.Blur?.Sample(colors, count, ref random);
        PixelRectangle[]? erased = augmentation.Erasing is null ? null : new PixelRectangle[count];
        foreach (ref var box in erased.AsSpan())
            box = augmentation.Erasing!.Sample(width, height, ref random);
        colors.RemoveAll(step => Array.TrueForAll(step, o => o.Kind == ColorKind.None));
        var mixing = MixingPlan.Sample(augmentation, count, width, height, ref random);
        return new(geometry, colors, erased, mixing, (byte)augmentation.Fill);
    }

    private static GeometricTransform Placement(Augmentation augmentation, int width, int height, ref RandomStream random)
    {
        var result = GeometricTransform.Identity(width, height);
        if (augmentation.ResizedCrop is { } crop)
            result = crop.Sample(width, height, ref random);
        else if (augmentation.CropPadding > 0)
        {
            var (padX, padY) = ((int)(width * augmentation.CropPadding), (int)(height * augmentation.CropPadding));
            var (left, top) = (random.Below(2 * padX + 1) - padX, random.Below(2 * padY + 1) - padY);
            result = GeometricTransform.Crop(width, height, left, top, width, height);
        }
        if (augmentation.HorizontalFlip > 0 && random.Chance(augmentation.HorizontalFlip))
            result = result.Then(GeometricTransform.FlipHorizontally(width, height));
        if (augmentation.VerticalFlip > 0 && random.Chance(augmentation.VerticalFlip))
            result = result.Then(GeometricTransform.FlipVertically(width, height));
        return result;
    }

    private static ColorOperation[] PolicyStep(AugmentationPolicy policy, GeometricTransform[] geometry, ref RandomStream random)
    {
        var operations = new ColorOperation[geometry.Length];
        for (var i = 0; i < operations.Length; i++)
        {
            (var moved, operations[i]) = policy.Sample(geometry[i].Width, geometry[i].Height, ref random);
            if (moved is { } transform)
                geometry[i] = geometry[i].Then(transform);
        }
        return operations;
    }

    private static ColorOperation[] Grayscale(double probability, int count, ref RandomStream random)
    {
        var operations = new ColorOperation[count];
        foreach (ref var operation in operations.AsSpan())
            operation = random.Chance(probability) ? new(ColorKind.Grayscale, 0) : default;
        return operations;
    }
}
