using System.Text;
using Microsoft.ML;

namespace MLNetLosses.Interop;

/// <summary>Writes one component's named parts into a model file.</summary>
internal sealed class ModelWriter
{
    private readonly ModelSaveContext _context;

    private ModelWriter(ModelSaveContext context) => _context = context;

    /// <summary>Marks the component's place in the model as that of <typeparamref name="T"/>; parts are written with the result.</summary>
    public static ModelWriter Begin<T>(ModelSaveContext context)
        where T : class, ILoadable<T>
    {
        ArgumentNullException.ThrowIfNull(context);
        context.CheckAtModel();
        context.SetVersionInfo(T.Format.ToVersionInfo(typeof(T)));
        return new ModelWriter(context);
    }

    /// <summary>Writes a part through a stream that can seek.</summary>
    public void Write(string name, Action<Stream> write) =>
        _context.SaveBinaryStream(
            name,
            writer =>
            {
                writer.Flush();
                write(writer.BaseStream);
            }
        );

    /// <summary>Writes a part of UTF-8 text.</summary>
    public void WriteText(string name, string text) => Write(name, stream => stream.Write(Encoding.UTF8.GetBytes(text)));

    /// <summary>Writes the values of a key column, of any type that ML.NET can store.</summary>
    public void WriteKeyValues(string name, KeyValues values) => Write(name, values.Save);
}
