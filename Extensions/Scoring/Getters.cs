using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetLosses.Scoring;

internal static class Getters
{
    /// <summary>The getter as one of <typeparamref name="TValue"/>, or the reason why it is none.</summary>
    public static ValueGetter<TValue> Cast<TValue>(Delegate getter, DataViewSchema.Column column) =>
        getter as ValueGetter<TValue>
        ?? throw new InvalidOperationException(
            $"The column '{column.Name}' is of type {column.Type}: read it as {column.Type.RawType}, not as {typeof(TValue)}."
        );
}
