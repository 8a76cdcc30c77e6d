using static TorchSharp.torch;

namespace MLNetLosses;

/// <summary>
/// A mask of logits that come in bands of rows, from the top on: the rows of the mask are made as soon as the logits that they lie between are there, so that no more
/// than a band is held.
/// </summary>
/// <param name="mode">What the outputs mean.</param>
/// <param name="outputs">How many there are.</param>
/// <param name="source">The size of all logits.</param>
/// <param name="target">The size of the mask.</param>
internal sealed class LogitBands(SegmentationMode mode, int outputs, (int Width, int Height) source, (int Width, int Height) target)
{
    private readonly LogitReader.Axis rows = new(source.Height, target.Height);
    private readonly LogitReader.Axis columns = new(source.Width, target.Width);
    private int made;

    /// <summary>Class indices, or layers, as <see cref="LogitReader.Classes"/> gives them; whole after the last band.</summary>
    public byte[] Classes { get; } =
        GC.AllocateUninitializedArray<byte>((mode == SegmentationMode.Multilabel ? outputs : 1) * target.Width * target.Height);

    /// <summary>Reads a band, which begins with the last row of the one before.</summary>
    /// <param name="logits">[1, outputs, rows, width] on the CPU.</param>
    /// <param name="firstRow">Where it begins.</param>
    public void Add(Tensor logits, int firstRow)
    {
        var end = made;
        while (end < target.Height && rows.Second[end] < firstRow + logits.shape[2])
            end++;
        LogitReader.Read(logits, firstRow, mode, rows, columns, (made, end), Classes);
        made = end;
    }
}
