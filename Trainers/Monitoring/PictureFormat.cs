using System.Buffers.Binary;

namespace MLNetLosses.Training;

/// <summary>What the first bytes of a picture say.</summary>
/// <param name="MediaType">Such as <c>image/png</c>.</param>
/// <param name="Width">Pixels.</param>
/// <param name="Height">Pixels.</param>
internal sealed record PictureFormat(string MediaType, int Width, int Height)
{
    private static ReadOnlySpan<byte> PngHead => [0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10];

    /// <summary>Null for what is neither PNG nor JPEG.</summary>
    public static PictureFormat? Of(ReadOnlySpan<byte> content)
    {
        if (content.Length >= 24 && content.StartsWith(PngHead))
            return new("image/png", BinaryPrimitives.ReadInt32BigEndian(content[16..]), BinaryPrimitives.ReadInt32BigEndian(content[20..]));
        if (content.Length < 4 || content[0] != 0xFF || content[1] != 0xD8)
            return null;
        for (
            var at = 2;
            at + 9 < content.Length && content[at] == 0xFF;
            at += 2 + BinaryPrimitives.ReadUInt16BigEndian(content[(at + 2)..])
        )
            if (content[at + 1] is >= 0xC0 and <= 0xCF and not (0xC4 or 0xC8 or 0xCC))
                return new(
                    "image/jpeg",
                    BinaryPrimitives.ReadUInt16BigEndian(content[(at + 7)..]),
                    BinaryPrimitives.ReadUInt16BigEndian(content[(at + 5)..])
                );
        return null;
    }
}
