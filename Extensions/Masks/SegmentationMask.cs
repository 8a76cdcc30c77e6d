namespace MLNetLosses;

/// <summary>
/// The classes of the pixels of an image: either one class index a pixel, or, where classes overlap, one layer of 0 and 1 a class
/// (<see cref="Ignored"/> in either: not known). Immutable and managed:
/// nothing to dispose, safe on any number of threads. A column of masks has the type <see cref="SegmentationMaskDataViewType"/>.
/// </summary>
public sealed class SegmentationMask : IEquatable<SegmentationMask>
{
    /// <summary>The class index, or value in a layer, that by convention marks pixels of which nothing is known, which no loss and no metric counts: 255.</summary>
    public const byte Ignored = 255;

    /// <summary>The most pixels (width times height times layers) that a mask holds: 2^30.</summary>
    internal const long MaxValues = 1L << 30;

    private readonly byte[] values;

    private SegmentationMask(int width, int height, int layerCount, byte[] values) =>
        (Width, Height, LayerCount, this.values) = (width, height, layerCount, values);

    /// <summary>Width in pixels, at least 1.</summary>
    public int Width { get; }

    /// <summary>Height in pixels, at least 1.</summary>
    public int Height { get; }

    /// <summary>The layers, one a class, of a mask whose classes may overlap; 0 for a mask of class indices.</summary>
    public int LayerCount { get; }

    /// <summary>Width times height.</summary>
    public int PixelCount => Width * Height;

    /// <summary>
    /// [Height, Width] class indices, row by row from the top; or [LayerCount, Height, Width] of 0, 1 and <see cref="Ignored"/> where there are layers.
    /// </summary>
    public ReadOnlySpan<byte> Values => values;

    /// <summary>The class index of a pixel of a mask without layers.</summary>
    /// <param name="x">Column, from 0.</param>
    /// <param name="y">Row, from 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">The pixel lies outside.</exception>
    /// <exception cref="InvalidOperationException">The mask has layers.</exception>
    public byte this[int x, int y]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)x, (uint)Width, nameof(x));
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)y, (uint)Height, nameof(y));
            return LayerCount == 0
                ? values[y * Width + x]
                : throw new InvalidOperationException(
                    $"The mask has {LayerCount} layers, not class indices: read them with {nameof(Layer)}."
                );
        }
    }

    /// <summary>A mask of one class index a pixel.</summary>
    /// <param name="width">Width in pixels.</param>
    /// <param name="height">Height in pixels.</param>
    /// <param name="indices">[height, width] class indices, copied; <see cref="Ignored"/> where a pixel shall not count.</param>
    /// <exception cref="ArgumentException">The size is not positive, or the number of indices is another.</exception>
    public static SegmentationMask OfIndices(int width, int height, ReadOnlySpan<byte> indices)
    {
        CheckCount(width, height, 1, indices.Length, nameof(indices));
        return new(width, height, 0, indices.ToArray());
    }

    /// <summary>A mask whose classes may overlap.</summary>
    /// <param name="width">Width in pixels.</param>
    /// <param name="height">Height in pixels.</param>
    /// <param name="layerCount">How many classes, 1 to 255.</param>
    /// <param name="layers">
    /// [layerCount, height, width] of 0 and 1, copied; <see cref="Ignored"/> where a pixel shall not count for a class. To leave it out of all of them, mark it in each layer.
    /// </param>
    /// <exception cref="ArgumentException">The size is not positive, the number of values is another, or one is neither 0, 1 nor <see cref="Ignored"/>.</exception>
    public static SegmentationMask OfLayers(int width, int height, int layerCount, ReadOnlySpan<byte> layers)
    {
        CheckCount(width, height, layerCount, layers.Length, nameof(layers));
        if (layers.IndexOfAnyExcept((byte)0, (byte)1, Ignored) is >= 0 and var wrong)
        {
            var (layer, pixel) = Math.DivRem(wrong, width * height);
            throw new ArgumentException(
                $"Pixel ({pixel % width}, {pixel / width}) of layer {layer} is {layers[wrong]}; layers hold 0, 1 and {Ignored} (ignored).",
                nameof(layers)
            );
        }
        return new(width, height, layerCount, layers.ToArray());
    }

    /// <summary>One layer, [Height, Width] of 0, 1 and <see cref="Ignored"/>.</summary>
    /// <param name="layer">The class, in [0, LayerCount).</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such layer.</exception>
    public ReadOnlySpan<byte> Layer(int layer)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)layer, (uint)LayerCount, nameof(layer));
        return values.AsSpan(layer * PixelCount, PixelCount);
    }

    /// <summary>The pixels of each class.</summary>
    /// <param name="classCount">How many classes are counted; pixels of other indices are not.</param>
    /// <exception cref="ArgumentOutOfRangeException">Below 1.</exception>
    public long[] Areas(int classCount)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(classCount, 1);
        var areas = new long[Math.Max(classCount, 256)];
        if (LayerCount == 0)
            foreach (var index in values)
                areas[index]++;
        else
            for (var layer = 0; layer < Math.Min(classCount, LayerCount); layer++)
                areas[layer] = Layer(layer).Count((byte)1);
        return areas[..classCount];
    }

    /// <summary>
    /// The mask at another size: each pixel takes the value of the pixel under its centre, column <c>floor((x + 0.5) Width / width)</c>.
    /// </summary>
    /// <param name="width">The new width.</param>
    /// <param name="height">The new height.</param>
    /// <exception cref="ArgumentException">The size is not positive or too large.</exception>
    public SegmentationMask Resize(int width, int height)
    {
        if (width == Width && height == Height)
            return this;
        var layers = Math.Max(1, LayerCount);
        CheckSize(width, height, layers);
        int[] columns = [.. Enumerable.Range(0, width).Select(x => (int)((2L * x + 1) * Width / (2L * width)))];
        var result = GC.AllocateUninitializedArray<byte>(layers * width * height);
        for (var layer = 0; layer < layers; layer++)
        for (var y = 0; y < height; y++)
        {
            var from = values.AsSpan(layer * PixelCount + (int)((2L * y + 1) * Height / (2L * height)) * Width, Width);
            var to = result.AsSpan((layer * height + y) * width, width);
            for (var x = 0; x < to.Length; x++)
                to[x] = from[columns[x]];
        }
        return new(width, height, LayerCount, result);
    }

    /// <inheritdoc/>
    public bool Equals(SegmentationMask? other) =>
        other is not null
        && (ReferenceEquals(this, other) || Width == other.Width && LayerCount == other.LayerCount && Values.SequenceEqual(other.Values));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as SegmentationMask);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.Add(Width);
        hash.Add(LayerCount);
        hash.AddBytes(values);
        return hash.ToHashCode();
    }

    /// <summary>Size and kind, for people.</summary>
    public override string ToString() => $"{Width} x {Height} {(LayerCount == 0 ? "class indices" : $"pixels in {LayerCount} layers")}";

    /// <summary>A mask over bytes that the caller has made, checked, and leaves alone from now on.</summary>
    internal static SegmentationMask Owning(int width, int height, int layerCount, byte[] values)
    {
        CheckCount(width, height, Math.Max(1, layerCount), values.Length, nameof(values));
        return new(width, height, layerCount, values);
    }

    private static void CheckCount(int width, int height, int layers, int count, string name)
    {
        CheckSize(width, height, layers);
        if (count != layers * width * height)
            throw new ArgumentException(
                $"A mask of {width} x {height} pixels{(layers == 1 ? "" : $" and {layers} layers")} needs {layers * width * height} values, got {count}.",
                name
            );
    }

    private static void CheckSize(int width, int height, int layers)
    {
        if (width < 1 || height < 1 || layers is < 1 or > 255 || (long)width * height * layers > MaxValues)
            throw new ArgumentException(
                $"A mask of {width} x {height} pixels and {layers} layers cannot be: each is at least 1, layers at most 255, values at most {MaxValues:N0}."
            );
    }
}
