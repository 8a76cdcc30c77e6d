namespace MLNetLosses.Data;

/// <summary>The operations that TrivialAugment and RandAugment draw from.</summary>
internal enum PolicyOperation
{
    Identity,
    ShearX,
    ShearY,
    TranslateX,
    TranslateY,
    Rotate,
    Brightness,
    Saturation,
    Contrast,
    Sharpness,
    Posterize,
    Solarize,
    AutoContrast,
    Equalize,
}

internal static class PolicyOperations
{
    public const int Count = (int)PolicyOperation.Equalize + 1;

    /// <summary>An operation of a strength, negated by <paramref name="sign"/> where the two directions differ.</summary>
    public static (GeometricTransform? Geometry, ColorOperation Color) Make(
        PolicyOperation kind,
        double amount,
        int sign,
        int width,
        int height
    ) =>
        kind switch
        {
            PolicyOperation.Identity => (null, default),
            PolicyOperation.ShearX => (GeometricTransform.Shear(width, height, sign * amount, 0), default),
            PolicyOperation.ShearY => (GeometricTransform.Shear(width, height, 0, sign * amount), default),
            PolicyOperation.TranslateX => (GeometricTransform.Translate(width, height, sign * (int)amount, 0), default),
            PolicyOperation.TranslateY => (GeometricTransform.Translate(width, height, 0, sign * (int)amount), default),
            PolicyOperation.Rotate => (GeometricTransform.Affine(width, height, sign * amount), default),
            PolicyOperation.Brightness => (null, new(ColorKind.Brightness, 1 + sign * amount)),
            PolicyOperation.Saturation => (null, new(ColorKind.Saturation, 1 + sign * amount)),
            PolicyOperation.Contrast => (null, new(ColorKind.Contrast, 1 + sign * amount)),
            PolicyOperation.Sharpness => (null, new(ColorKind.Sharpness, 1 + sign * amount)),
            PolicyOperation.Posterize => (null, new(ColorKind.Posterize, amount)),
            PolicyOperation.Solarize => (null, new(ColorKind.Solarize, amount)),
            PolicyOperation.AutoContrast => (null, new(ColorKind.AutoContrast, 0)),
            PolicyOperation.Equalize => (null, new(ColorKind.Equalize, 0)),
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Unknown operation."),
        };
}
