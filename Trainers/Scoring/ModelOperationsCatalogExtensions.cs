using MLNetLosses.Networks;

namespace Microsoft.ML;

/// <summary>Saving of models that does not lose the old one.</summary>
public static class ModelOperationsCatalogExtensions
{
    /// <summary>
    /// Saves a model as <see cref="ModelOperationsCatalog.Save(ITransformer, DataViewSchema, string)"/> does, whole or not at all: beside
    /// the target, flushed to the disk, then renamed over it. ML.NET's own method empties the target first, so that on a full disk, or when
    /// the process ends midway, neither the old model nor the new one is left.
    /// </summary>
    /// <param name="catalog"><c>mlContext.Model</c>.</param>
    /// <param name="model">The model.</param>
    /// <param name="inputSchema">The columns that go into the model; null: not saved.</param>
    /// <param name="filePath">The file. Loaded with <c>mlContext.Model.Load</c>.</param>
    /// <exception cref="IOException">It could not be written; what was there before is unchanged.</exception>
    public static void SaveAtomically(this ModelOperationsCatalog catalog, ITransformer model, DataViewSchema? inputSchema, string filePath)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(model);
        try
        {
            AtomicFile.Write(filePath, stream => catalog.Save(model, inputSchema, stream));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new IOException(
                $"The model could not be written to '{filePath}': {error.Message} What was there before is unchanged. "
                    + "Free space or choose another place.",
                error
            );
        }
    }
}
