using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetLosses.Interop;

namespace MLNetLosses.Scoring;

/// <summary>A column of weights: one number a row.</summary>
internal sealed class NumberColumn
{
    private NumberColumn(DataViewSchema.Column column) => Column = column;

    public DataViewSchema.Column Column { get; }

    /// <summary>Finds the column.</summary>
    /// <param name="schema">Where to look.</param>
    /// <param name="name">Its name.</param>
    /// <param name="option">The option that names it, for messages.</param>
    /// <param name="environment">For messages.</param>
    /// <exception cref="ArgumentException">There is no such column, or it is not of type Single.</exception>
    public static NumberColumn Find(DataViewSchema schema, string name, string option, IExceptionContext environment)
    {
        var column =
            schema.GetColumnOrNull(name)
            ?? throw environment.Process(
                new ArgumentException(
                    $"{option} names the column '{name}', which the data do not have. The columns are {string.Join(", ", schema.Select(c => $"'{c.Name}'"))}."
                )
            );
        return column.Type == NumberDataViewType.Single
            ? new(column)
            : throw Hosts.SchemaMismatch(
                environment,
                nameof(schema),
                "weight",
                name,
                $"Single (put mlContext.Transforms.Conversion.ConvertType(\"{name}\") before this trainer)",
                column.Type.ToString()!
            );
    }

    /// <summary>Makes what takes the weight of the current row.</summary>
    public Func<float> CreateReader(DataViewRow row)
    {
        var getter = row.GetGetter<float>(Column);
        return () =>
        {
            var value = 0f;
            getter(ref value);
            return value >= 0 && float.IsFinite(value)
                ? value
                : throw new ArgumentException(
                    $"Row {row.Position} has the weight {value} in the column '{Column.Name}'. A weight must be a finite number of at least 0."
                );
        };
    }
}
