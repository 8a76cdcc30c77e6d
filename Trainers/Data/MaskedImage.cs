namespace MLNetLosses.Data;

/// <summary>An image and its mask at the size that a network learns from.</summary>
/// <param name="Width">Pixels in a row.</param>
/// <param name="Height">Rows.</param>
/// <param name="Pixels">[channels, Height, Width].</param>
/// <param name="Mask">[layers, Height, Width], class indices or 0 and 1; <see cref="SegmentationMask.Ignored"/> where a pixel does not count.</param>
internal readonly record struct MaskedImage(int Width, int Height, ReadOnlyMemory<byte> Pixels, ReadOnlyMemory<byte> Mask);
