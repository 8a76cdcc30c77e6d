namespace MLNetLosses.Networks;

/// <summary>The formats that weights come in.</summary>
internal enum TensorFileFormat
{
    Safetensors,

    /// <summary>torch.save since 1.6.</summary>
    PyTorchZip,

    /// <summary>torch.save before 1.6.</summary>
    PyTorchLegacy,
}

/// <summary>
/// The named tensors of a weights file. Only the directory is read at first; the elements are read when a tensor is asked for, from the open
/// file. Nothing in the file is ever executed, and a file that is damaged or made to deceive is refused with
/// <see cref="InvalidDataException"/>.
/// </summary>
internal sealed class TensorFile : IDisposable
{
    private readonly ByteSource source;

    private TensorFile(ByteSource source)
    {
        this.source = source;
        var start = new byte[Math.Min(source.Length, 64)];
        source.Read(0, start);
        Metadata = new Dictionary<string, string>();
        if (SafetensorsReader.Recognizes(start))
        {
            Format = TensorFileFormat.Safetensors;
            (var tensors, Metadata) = SafetensorsReader.Read(source);
            Tensors = StateDictionary.WithoutWrapperPrefix(tensors);
        }
        else if (ZipDirectory.Recognizes(start))
        {
            Format = TensorFileFormat.PyTorchZip;
            Tensors = StateDictionary.Find(source, PyTorchZipReader.Read(source));
        }
        else if (PyTorchLegacyReader.Recognizes(start))
        {
            Format = TensorFileFormat.PyTorchLegacy;
            Tensors = StateDictionary.Find(source, PyTorchLegacyReader.Read(source));
        }
        else
        {
            throw Unrecognized(source, start);
        }
    }

    public string Name => source.Name;
    public TensorFileFormat Format { get; }
    public IReadOnlyDictionary<string, StoredTensor> Tensors { get; }

    /// <summary>What safetensors keeps as <c>__metadata__</c>; empty for other formats.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Opens a file, whatever its name ends with: the format is told from the content.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">It is no weights file, it is damaged, or it asks for code to be executed.</exception>
    public static TensorFile Read(string path) => Read(ByteSource.Open(path));

    /// <summary>Reads from memory; <paramref name="name"/> is what messages call it.</summary>
    public static TensorFile Read(ReadOnlyMemory<byte> bytes, string name) => Read(ByteSource.Of(bytes, name));

    public void Dispose() => source.Dispose();

    private static TensorFile Read(ByteSource source)
    {
        try
        {
            return new(source);
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    private static InvalidDataException Unrecognized(ByteSource source, ReadOnlySpan<byte> start) =>
        source.Error(
            start switch
            {
                [] => "it is empty",
                [(byte)'<', ..] => "it is a web page, not weights",
                _ when start.StartsWith("version https://git-lfs"u8) => "it is a pointer of Git LFS, not the weights themselves",
                [0x80, ..] => "it is a Python pickle, but none of torch.save's",
                _ => "its content is none of safetensors, PyTorch zip (1.6 and later) or PyTorch legacy",
            },
            cure: start.StartsWith("version https://git-lfs"u8)
                ? "Fetch the weights with 'git lfs pull'."
                : "Choose a .safetensors, .pth or .pt file, and check that its download was complete."
        );
}
