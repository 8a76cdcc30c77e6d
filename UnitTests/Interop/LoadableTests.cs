using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Interop;
using MLNetLosses.UnitTests.Interop;

[assembly: Loadable<NoteTransformer>]

namespace MLNetLosses.UnitTests.Interop;

/// <summary>A transformer that adds nothing and keeps a note and the values of a key.</summary>
public sealed class NoteTransformer : ITransformer, ILoadable<NoteTransformer>
{
    internal string Note { get; init; } = "";
    internal KeyValues Values { get; init; } = KeyValues.Of([]);

    static ModelFormat ILoadable<NoteTransformer>.Format { get; } = new("MLLOSNOT", "MLNetLossesTestNote", "Note");

    static NoteTransformer ILoadable<NoteTransformer>.Load(IHostEnvironment environment, ModelReader reader) =>
        new() { Note = reader.ReadText("note.txt"), Values = reader.ReadKeyValues("values") };

    public bool IsRowToRowMapper => false;

    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => inputSchema;

    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => throw new NotSupportedException();

    public IDataView Transform(IDataView input) => input;

    public void Save(ModelSaveContext ctx)
    {
        var writer = ModelWriter.Begin<NoteTransformer>(ctx);
        writer.WriteText("note.txt", Note);
        writer.WriteKeyValues("values", Values);
    }
}

[TestClass]
public class LoadableTests
{
    private static MemoryStream Saved(NoteTransformer transformer)
    {
        var stream = new MemoryStream();
        var chain = new TransformerChain<ITransformer>(transformer);
        new MLContext().Model.Save(chain, null, stream);
        stream.Position = 0;
        return stream;
    }

    [TestMethod]
    public void AComponentComesBackFromASavedChain()
    {
        using var stream = Saved(new NoteTransformer { Note = "grün, 緑", Values = KeyValues.Of(["cat", "dog"]) });
        var loaded = (NoteTransformer)((TransformerChain<ITransformer>)new MLContext().Model.Load(stream, out _)).Single();
        Assert.AreEqual("grün, 緑", loaded.Note);
        CollectionAssert.AreEqual(new[] { "cat", "dog" }, loaded.Values.Names.ToArray());
    }

    [TestMethod]
    public void KeyValuesKeepTheirType()
    {
        var data = new MLContext().Data.LoadFromEnumerable(new[] { new { Label = 30f }, new { Label = -1.5f }, new { Label = 30f } });
        var keys = new MLContext().Transforms.Conversion.MapValueToKey("Label").Fit(data).Transform(data);
        var values = KeyValues.Of(keys.Schema["Label"])!;
        using var stream = Saved(new NoteTransformer { Values = values });
        var loaded = (NoteTransformer)((TransformerChain<ITransformer>)new MLContext().Model.Load(stream, out _)).Single();
        CollectionAssert.AreEqual(new[] { "30", "-1.5" }, loaded.Values.Names.ToArray());
        var annotations = new DataViewSchema.Annotations.Builder();
        loaded.Values.AddTo(annotations, "KeyValues");
        VBuffer<float> numbers = default;
        annotations.ToAnnotations().GetValue("KeyValues", ref numbers);
        CollectionAssert.AreEqual(new[] { 30f, -1.5f }, numbers.DenseValues().ToArray());
    }

    [TestMethod]
    public void APlainColumnHasNoKeyValues()
    {
        var data = new MLContext().Data.LoadFromEnumerable(new[] { new { Label = "a" } });
        Assert.IsNull(KeyValues.Of(data.Schema["Label"]));
    }

    [TestMethod]
    public void AMissingPartIsNamed()
    {
        var damaged = new MemoryStream();
        using (var source = Saved(new NoteTransformer { Note = "x", Values = KeyValues.Of(["a"]) }))
            source.CopyTo(damaged);
        using (var archive = new System.IO.Compression.ZipArchive(damaged, System.IO.Compression.ZipArchiveMode.Update, leaveOpen: true))
            archive.Entries.Single(entry => entry.Name == "note.txt").Delete();
        damaged.Position = 0;
        var error = Assert.Throws<Exception>(() => new MLContext().Model.Load(damaged, out _)).GetBaseException();
        Assert.IsInstanceOfType<InvalidDataException>(error);
        StringAssert.Contains(error.Message, "note.txt");
    }
}
