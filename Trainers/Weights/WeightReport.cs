namespace MLNetLosses.Networks;

/// <summary>What became of each tensor when weights were loaded into a network. Names are those of the network.</summary>
public sealed class WeightReport
{
    internal WeightReport(string source) => Source = source;

    /// <summary>The file that the weights came from.</summary>
    public string Source { get; }

    /// <summary>The tensors that were loaded.</summary>
    public IReadOnlyList<string> Loaded { get; internal init; } = [];

    /// <summary>
    /// Tensors of the network that the file does not have, or not in that shape, and that keep their values: of the head, and of the first
    /// convolution where its kernel differs. (A file that lacks others is refused; batch counts may be absent and are not listed.)
    /// </summary>
    public IReadOnlyList<string> Kept { get; internal init; } = [];

    /// <summary>Tensors of the file that the network does not have.</summary>
    public IReadOnlyList<string> Unexpected { get; internal init; } = [];

    /// <summary>The head of the network keeps its new values, because the file has none or one for another number of classes.</summary>
    public bool HeadKept { get; internal init; }

    /// <summary>The number of classes of the file's head; <see langword="null"/> when the file has none.</summary>
    public int? ClassCountInFile { get; internal init; }

    /// <summary>The first convolution was adapted to another number of input channels.</summary>
    public bool StemAdapted { get; internal init; }

    /// <summary>One line that says all this, for a log.</summary>
    public override string ToString()
    {
        List<string> parts = [$"Loaded {Quantity.Of(Loaded.Count, "tensor")} from '{Source}'"];
        if (HeadKept)
            parts.Add(
                ClassCountInFile is { } count
                    ? $"the head is new, because the file's is for {count} classes"
                    : "the head is new, because the file has none"
            );
        if (StemAdapted)
            parts.Add("the first convolution was adapted to the number of input channels");
        if (Kept.Count > 0)
            parts.Add($"new: {Names(Kept)}");
        if (Unexpected.Count > 0)
            parts.Add($"not used: {Names(Unexpected)}");
        return string.Join("; ", parts) + ".";
    }

    internal static string Names(IReadOnlyCollection<string> names)
    {
        const int shown = 3;
        var first = string.Join(", ", names.Take(shown).Select(name => $"'{(name.Length <= 100 ? name : name[..100] + "...")}'"));
        return names.Count <= shown ? first : $"{first} and {names.Count - shown} more";
    }
}
