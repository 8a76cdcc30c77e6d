using System.Text.Json;
using System.Text.Json.Nodes;
using MLNetLosses.Networks;
using static TorchSharp.torch;

namespace MLNetLosses.Training;

/// <summary>
/// A training on disk: one safetensors file with the tensors of network, loss, optimizer, average, best weights and generators, and with
/// two entries of metadata in JSON: what the training is (<see cref="TrainingIdentity"/>) and where it stands
/// (<see cref="CheckpointCounters"/>).
/// </summary>
internal sealed class Checkpoint
{
    private const string FormatName = "mlnetlosses.training";
    private const string Format = "1";
    private const string IdentityName = "identity";
    private const string CountersName = "counters";

    private readonly CheckpointOptions options;
    private readonly TrainingState state;
    private readonly CheckpointTensors tensors;
    private readonly JsonObject identity;

    public Checkpoint(CheckpointOptions options, TrainingJob job, TrainingState state)
    {
        (this.options, this.state) = (options, state);
        Path = System.IO.Path.GetFullPath(options.Path);
        tensors = new(job, state);
        identity = TrainingIdentity.Of(job);
        CheckWritable();
    }

    public string Path { get; }

    /// <summary>
    /// The seed of the training that a file keeps: for a trainer that draws a seed when it is given none, and now has to go on with the
    /// drawn one. Null where there is no checkpoint.
    /// </summary>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    public static long? SavedSeed(CheckpointOptions options)
    {
        if (!options.Resume || !File.Exists(options.Path))
            return null;
        using var file = TensorFile.Read(options.Path);
        if (!file.Metadata.TryGetValue(IdentityName, out var json))
            return null;
        try
        {
            return (long?)JsonNode.Parse(json)?["options"]?["seed"];
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or FormatException)
        {
            throw Damaged(options.Path, error);
        }
    }

    /// <exception cref="IOException">It could not be written; the old file is as it was.</exception>
    public void Save()
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        var metadata = new Dictionary<string, string>
        {
            [FormatName] = Format,
            [IdentityName] = identity.ToJsonString(),
            [CountersName] = JsonSerializer.Serialize(CheckpointCounters.Of(state), CheckpointCounters.Json),
        };
        try
        {
            AtomicFile.Write(Path, stream => SafetensorsWriter.Write(options.Through?.Invoke(stream) ?? stream, tensors.Read(), metadata));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new IOException(
                $"The checkpoint '{Path}' could not be written: {error.Message} What was there before is unchanged. "
                    + "Free space or choose another place, then resume.",
                error
            );
        }
    }

    /// <summary>Goes on from the file if that is wanted and there is one.</summary>
    /// <exception cref="InvalidDataException">It is damaged, no checkpoint, or of another training.</exception>
    public bool TryResume()
    {
        if (!options.Resume || !File.Exists(Path))
            return false;
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        using var file = TensorFile.Read(Path);
        if (file.Metadata.GetValueOrDefault(FormatName) is not { } format)
            throw new InvalidDataException(
                $"'{Path}' is no checkpoint of a training: it holds weights only. Give it as weights, or choose another path."
            );
        if (format != Format)
            throw new InvalidDataException($"The checkpoint '{Path}' has format {format}; this version reads format {Format}.");
        var (saved, counters) = ReadMetadata(file);
        if (TrainingIdentity.Differences(saved, identity) is { Count: > 0 } differences)
            throw Other(differences);
        if (tensors.Differences(file.Tensors) is { Count: > 0 } wrong)
            throw Other(wrong);
        tensors.Load(file.Tensors);
        counters.Restore(state);
        return true;
    }

    private (JsonNode Identity, CheckpointCounters Counters) ReadMetadata(TensorFile file)
    {
        try
        {
            return (
                JsonNode.Parse(file.Metadata[IdentityName])!,
                JsonSerializer.Deserialize<CheckpointCounters>(file.Metadata[CountersName], CheckpointCounters.Json)!
            );
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or NotSupportedException)
        {
            throw Damaged(Path, error);
        }
    }

    private static InvalidDataException Damaged(string path, Exception error) =>
        new($"The checkpoint '{path}' is damaged: {error.Message}", error);

    private InvalidDataException Other(IReadOnlyList<string> differences) =>
        new(
            $"The checkpoint '{Path}' is of another training and cannot be resumed: {string.Join("; ", differences.Take(10))}"
                + $"{(differences.Count > 10 ? $"; and {differences.Count - 10} more" : "")}. Use the same options, or start anew without resuming."
        );

    // Better now than after the first epoch.
    private void CheckWritable()
    {
        var folder = System.IO.Path.GetDirectoryName(Path)!;
        try
        {
            Directory.CreateDirectory(folder);
            var probe = System.IO.Path.Combine(folder, $".{Guid.NewGuid():N}.tmp");
            using (new FileStream(probe, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose)) { }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"The checkpoint '{Path}' cannot be written: {error.Message} Choose another place.", error);
        }
    }
}
