using System.Buffers;

namespace MLNetLosses;

/// <summary>Decoded images of one size, [count, channels, height, width] bytes; a row whose image could not be decoded is marked.</summary>
internal sealed class ImageBlock(int count, int imageBytes) : IDisposable
{
    private byte[]? pixels = ArrayPool<byte>.Shared.Rent(count * imageBytes);

    public int Count => count;

    /// <summary>Whether the image of a row is missing.</summary>
    public bool[] Failed { get; } = new bool[count];

    public Span<byte> Pixels => pixels.AsSpan(0, count * imageBytes);

    public Span<byte> this[int row] => pixels.AsSpan(row * imageBytes, imageBytes);

    public void Dispose()
    {
        if (Interlocked.Exchange(ref pixels, null) is { } rented)
            ArrayPool<byte>.Shared.Return(rented);
    }
}
