using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Data.IO;

namespace MLNetLosses.Interop;

/// <summary>What the keys of a column stand for: the names, or the numbers, of the classes. Immutable.</summary>
internal abstract class KeyValues
{
    /// <summary>A vector of the values' type.</summary>
    public abstract VectorDataViewType Type { get; }

    /// <summary>The values as text, in the order of the keys.</summary>
    public abstract IReadOnlyList<string> Names { get; }

    /// <summary>Number of keys.</summary>
    public int Count => Names.Count;

    /// <summary>Adds the values as an annotation, in their own type.</summary>
    public abstract void AddTo(DataViewSchema.Annotations.Builder annotations, string kind);

    /// <summary>Adds the values as an annotation of text.</summary>
    public void AddNamesTo(DataViewSchema.Annotations.Builder annotations, string kind)
    {
        var names = Names.Select(name => name.AsMemory()).ToArray();
        annotations.Add(
            kind,
            new VectorDataViewType(TextDataViewType.Instance, names.Length),
            (ref VBuffer<ReadOnlyMemory<char>> value) => Fill(ref value, names)
        );
    }

    internal abstract void Save(Stream stream);

    /// <summary>The values of a column of keys or of vectors of keys, or null when it is neither or does not say what its keys stand for.</summary>
    public static KeyValues? Of(DataViewSchema.Column column)
    {
        var kind = AnnotationUtils.Kinds.KeyValues;
        if (
            ((column.Type as VectorDataViewType)?.ItemType ?? column.Type) is not KeyDataViewType key
            || column.Annotations.Schema.GetColumnOrNull(kind)?.Type is not VectorDataViewType { IsKnownSize: true } type
            || (ulong)type.Size != key.Count
        )
            return null;
        return Make(type, nameof(ReadFrom), column, kind);
    }

    /// <summary>Names as key values.</summary>
    public static KeyValues Of(IEnumerable<string> names)
    {
        var values = names.Select(name => name.AsMemory()).ToArray();
        return new KeyValues<ReadOnlyMemory<char>>(new VectorDataViewType(TextDataViewType.Instance, values.Length), values);
    }

    internal static KeyValues Load(Stream stream)
    {
        if (
            !Saver().TryLoadTypeAndValue(stream, out var type, out var value) || type is not VectorDataViewType { IsKnownSize: true } vector
        )
            throw new InvalidDataException("the values of the classes are not in a form that ML.NET knows");
        return Make(vector, nameof(FromBuffer), value);
    }

    /// <summary>ML.NET's own binary form of a typed value.</summary>
    protected static BinarySaver Saver() => new(new MLContext(), new BinarySaver.Arguments { Silent = true });

    /// <summary>Fills a buffer with a dense copy.</summary>
    protected static void Fill<T>(ref VBuffer<T> buffer, T[] values)
    {
        var editor = VBufferEditor.Create(ref buffer, values.Length);
        values.CopyTo(editor.Values);
        buffer = editor.Commit();
    }

    private static KeyValues Make(VectorDataViewType type, string method, params object[] arguments)
    {
        var generic = typeof(KeyValues).GetMethod(
            method,
            System.Reflection.BindingFlags.NonPublic | System.Reflection.BindingFlags.Static
        )!;
        return (KeyValues)generic.MakeGenericMethod(type.ItemType.RawType).Invoke(null, [type, .. arguments])!;
    }

    private static KeyValues<T> ReadFrom<T>(VectorDataViewType type, DataViewSchema.Column column, string kind)
    {
        VBuffer<T> values = default;
        column.Annotations.GetValue(kind, ref values);
        return FromBuffer<T>(type, values);
    }

    private static KeyValues<T> FromBuffer<T>(VectorDataViewType type, VBuffer<T> values) => new(type, [.. values.DenseValues()]);
}

/// <summary>Key values of one type.</summary>
internal sealed class KeyValues<T>(VectorDataViewType type, T[] values) : KeyValues
{
    public override VectorDataViewType Type => type;

    public override IReadOnlyList<string> Names { get; } =
    [
        .. values.Select(value =>
            value is IFormattable number ? number.ToString(null, CultureInfo.InvariantCulture) : value?.ToString() ?? ""
        ),
    ];

    public override void AddTo(DataViewSchema.Annotations.Builder annotations, string kind) =>
        annotations.Add(kind, type, (ref VBuffer<T> value) => Fill(ref value, values));

    internal override void Save(Stream stream)
    {
        VBuffer<T> buffer = default;
        Fill(ref buffer, values);
        if (!Saver().TryWriteTypeAndValue(stream, type, ref buffer, out _))
            throw new NotSupportedException($"ML.NET cannot store classes whose values are of type {type.ItemType}.");
    }
}
