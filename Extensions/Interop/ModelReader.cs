using System.Text;
using Microsoft.ML;

namespace MLNetLosses.Interop;

/// <summary>Reads one component's named parts from a model file.</summary>
internal sealed class ModelReader(ModelLoadContext context, ModelFormat format)
{
    /// <summary>Reads a part through a stream that can seek.</summary>
    /// <exception cref="InvalidDataException">The part is missing or cannot be understood: the file is damaged.</exception>
    public TPart Read<TPart>(string name, Func<Stream, TPart> read)
    {
        var result = default(TPart)!;
        bool found;
        try
        {
            found = context.TryLoadBinaryStream(name, reader => result = read(reader.BaseStream));
        }
        catch (Exception e) when (e is EndOfStreamException or FormatException or InvalidDataException or System.Text.Json.JsonException)
        {
            throw Damaged(name, e.Message, e);
        }
        return found ? result : throw Damaged(name, "it is missing", null);
    }

    /// <summary>Reads a part of UTF-8 text.</summary>
    public string ReadText(string name) =>
        Read(
            name,
            stream =>
            {
                using var reader = new StreamReader(stream, Encoding.UTF8, leaveOpen: true);
                return reader.ReadToEnd();
            }
        );

    /// <summary>Reads what <see cref="ModelWriter.WriteKeyValues"/> wrote.</summary>
    public KeyValues ReadKeyValues(string name) => Read(name, KeyValues.Load);

    /// <summary>Whether the model has a part of this name.</summary>
    public bool Has(string name) => context.TryLoadBinaryStream(name, _ => { });

    private InvalidDataException Damaged(string part, string what, Exception? inner) =>
        new($"The saved model is damaged: the part '{part}' of its component '{format.DisplayName}' cannot be read ({what}).", inner);
}
