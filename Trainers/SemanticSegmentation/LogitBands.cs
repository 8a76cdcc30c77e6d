using static TorchSharp.torch;

namespace MLNetLosses;

/// <summary>
/// A mask, and on request probabilities, of logits that come in bands of rows, from the top on: rows are made as soon as the logits that they lie between are there,
/// so that no more than a band is held.
/// </summary>
/// <param name="mode">What the outputs mean.</param>
/// <param name="outputs">How many there are.</param>
/// <param name="source">The size of all logits.</param>
/// <param name="target">The size of the mask.</param>
/// <param name="givesProbabilities">Whether probabilities are wanted.</param>
internal sealed class LogitBands(
    SegmentationMode mode,
    int outputs,
    (int Width, int Height) source,
    (int Width, int Height) target,
    bool givesProbabilities = false
)
{
    private readonly LogitReader.Axis rows = new(source.Height, target.Height);
    private readonly LogitReader.Axis columns = new(source.Width, target.Width);
    private int made;

    /// <summary>Class indices, or layers, as <see cref="LogitReader.Classes"/> gives them; whole after the last band.</summary>
    public byte[] Classes { get; } =
        GC.AllocateUninitializedArray<byte>((mode == SegmentationMode.Multilabel ? outputs : 1) * target.Width * target.Height);

    /// <summary>[outputs, height, width]; null where they are not wanted.</summary>
    public float[]? Probabilities { get; } = givesProbabilities ? NewProbabilities(outputs, target) : null;

    /// <summary>An array for the probabilities of an image.</summary>
    /// <exception cref="InvalidOperationException">They are more than an array can hold.</exception>
    public static float[] NewProbabilities(int outputs, (int Width, int Height) size) =>
        (long)outputs * size.Width * size.Height <= Array.MaxLength
            ? GC.AllocateUninitializedArray<float>(outputs * size.Width * size.Height)
            : throw new InvalidOperationException(
                $"The probabilities of {outputs} classes for an image of {size.Width} x {size.Height} pixels are more numbers than a column can hold ({Array.MaxLength:N0}). Cut the image, or train with ProbabilitiesColumnName = null."
            );

    /// <summary>Reads a band, which begins with the last row of the one before.</summary>
    /// <param name="logits">[1, outputs, rows, width] on the CPU.</param>
    /// <param name="firstRow">Where it begins.</param>
    public void Add(Tensor logits, int firstRow)
    {
        var end = made;
        while (end < target.Height && rows.Second[end] < firstRow + logits.shape[2])
            end++;
        LogitReader.Read(logits, firstRow, mode, rows, columns, (made, end), Classes, Probabilities);
        made = end;
    }
}
