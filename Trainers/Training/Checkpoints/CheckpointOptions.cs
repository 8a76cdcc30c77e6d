namespace MLNetLosses.Training;

/// <summary>Where a training is kept, so that it can go on after an interruption.</summary>
/// <param name="Path">
/// The file (safetensors). It is written beside itself, flushed and renamed: a failing write leaves the old file.
/// </param>
public sealed record CheckpointOptions(string Path)
{
    /// <summary>After how many epochs it is written; the last epoch always is. Default 1.</summary>
    public int EveryEpochs { get; init; } = 1;

    /// <summary>
    /// Whether to go on from the file, if it is there, to the same result as without the interruption. Default false: start anew and
    /// overwrite it.
    /// </summary>
    public bool Resume { get; init; }

    /// <summary>What the bytes go through, so that a test can let a write fail midway.</summary>
    internal Func<Stream, Stream>? Through { get; init; }

    internal void Check()
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(Path);
        ArgumentOutOfRangeException.ThrowIfLessThan(EveryEpochs, 1);
        if (Directory.Exists(Path))
            throw new ArgumentException($"The checkpoint '{Path}' is a folder; name a file in it.", nameof(Path));
    }
}
