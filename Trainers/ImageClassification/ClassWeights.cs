using System.Globalization;

namespace MLNetLosses;

/// <summary>
/// How much an image counts by its class, against data in which classes are rare: <see cref="Balanced"/>, numbers a class, or a column of
/// the data. The weights are divided by their mean over the images, so that the size of the loss stays. Immutable; compared by value.
/// </summary>
public sealed record ClassWeights
{
    private ClassWeights() { }

    /// <summary>
    /// n / (C n_c) for class c with n_c of the n images: every class counts the same in total. An absent class gets no weight.
    /// </summary>
    public static ClassWeights Balanced { get; } = new() { IsBalanced = true };

    /// <summary>A weight a class, in the order of the keys of the label column.</summary>
    /// <param name="weights">At least 0 and finite, one for each class, not all 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">A weight is negative or no finite number, or all are 0.</exception>
    public static ClassWeights Of(params ReadOnlySpan<double> weights)
    {
        foreach (var weight in weights)
            Check(weight, nameof(weights));
        Some(weights, nameof(weights));
        return new() { Values = new([.. weights]) };
    }

    /// <summary>A weight for the classes that are named, and 1 for the others.</summary>
    /// <param name="weights">Weight by class, at least 0 and finite. Classes are named as the label column names its keys.</param>
    /// <exception cref="ArgumentException">None is given.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A weight is negative or no finite number.</exception>
    public static ClassWeights Of(IReadOnlyDictionary<string, double> weights)
    {
        ArgumentNullException.ThrowIfNull(weights);
        if (weights.Count == 0)
            throw new ArgumentException("Give the weight of at least one class.", nameof(weights));
        foreach (var (_, weight) in weights)
            Check(weight, nameof(weights));
        var ordered = weights.OrderBy(pair => pair.Key, StringComparer.Ordinal).ToArray();
        return new() { Names = new([.. ordered.Select(pair => pair.Key)]), Values = new([.. ordered.Select(pair => pair.Value)]) };
    }

    /// <summary>The weight of a class stands in a column of the training data, the same in every row of that class.</summary>
    /// <param name="columnName">A column of numbers.</param>
    public static ClassWeights FromColumn(string columnName)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(columnName);
        return new() { ColumnName = columnName };
    }

    /// <summary>The text <c>balanced</c>, or <see cref="ToString">numbers</see>: <c>1, 2.5, 1</c> or <c>cat: 2, dog: 1</c>.</summary>
    /// <param name="text">The text.</param>
    /// <exception cref="FormatException">The text is none of these.</exception>
    public static ClassWeights Parse(string text)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(text);
        if (text.Trim().Equals("balanced", StringComparison.OrdinalIgnoreCase))
            return Balanced;
        var parts = text.Split(',', StringSplitOptions.TrimEntries);
        return parts.Any(part => part.Contains(':'))
            ? Of(
                parts
                    .Select(part => (Part: part, At: part.LastIndexOf(':')))
                    .ToDictionary(p => Name(p.Part, p.At), p => Number(p.Part[(p.At + 1)..]))
            )
            : Of([.. parts.Select(Number)]);

        static string Name(string part, int at) =>
            at > 0 ? part[..at].Trim() : throw new FormatException($"'{part}' is no class with its weight: write 'name: number'.");
        static double Number(string part) =>
            double.TryParse(part, NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
                ? value
                : throw new FormatException($"'{part.Trim()}' is no weight: write 'balanced', '1, 2.5, 1' or 'cat: 2, dog: 1'.");
    }

    /// <summary>Allows <c>ClassWeights = "balanced"</c>.</summary>
    /// <param name="text">As for <see cref="Parse"/>.</param>
    public static implicit operator ClassWeights(string text) => Parse(text);

    internal bool IsBalanced { get; private init; }
    internal Losses.ValueList<string>? Names { get; private init; }
    internal Losses.ValueList<double>? Values { get; private init; }
    internal string? ColumnName { get; private init; }

    /// <summary>The text form.</summary>
    public override string ToString()
    {
        if (IsBalanced)
            return "balanced";
        if (ColumnName is not null)
            return $"column {ColumnName}";
        var numbers = Values!.Select(value => value.ToString("R", CultureInfo.InvariantCulture));
        return string.Join(", ", Names is null ? numbers : Names.Zip(numbers, (name, number) => $"{name}: {number}"));
    }

    /// <summary>The weight of each class, with a mean of 1 over the images.</summary>
    /// <param name="classes">Names of the classes.</param>
    /// <param name="counts">Images of each class.</param>
    /// <param name="fromColumn">What the column says of each class; null for a class without rows.</param>
    /// <exception cref="ArgumentException">The numbers do not fit the classes.</exception>
    internal double[] For(IReadOnlyList<string> classes, IReadOnlyList<long> counts, IReadOnlyList<double?>? fromColumn = null)
    {
        double[] weights =
            IsBalanced ? [.. counts.Select(count => count == 0 ? 0 : 1.0 / count)]
            : ColumnName is not null ? [.. fromColumn!.Select(weight => weight ?? 0)]
            : Names is not null ? ByName(classes)
            : Values!.Count == classes.Count ? [.. Values]
            : throw new ArgumentException(
                $"ClassWeights gives {Values.Count} weights, but the label column has {classes.Count} classes: {Listed(classes)}. Give one a class, in this order."
            );
        var total = weights.Zip(counts, (weight, count) => weight * count).Sum();
        if (!(total > 0))
            throw new ArgumentException("ClassWeights gives every image the weight 0: nothing could be learned.");
        var scale = counts.Sum() / total;
        return [.. weights.Select(weight => weight * scale)];
    }

    private double[] ByName(IReadOnlyList<string> classes)
    {
        if (Names!.Except(classes).ToArray() is [_, ..] unknown)
            throw new ArgumentException($"ClassWeights names {Listed(unknown)}, but the classes are {Listed(classes)}.");
        var given = Names!.Zip(Values!).ToDictionary(pair => pair.First, pair => pair.Second);
        return [.. classes.Select(name => given.GetValueOrDefault(name, 1))];
    }

    private static string Listed(IReadOnlyList<string> names) =>
        string.Join(", ", names.Take(20).Select(name => $"'{name}'")) + (names.Count > 20 ? $" and {names.Count - 20} more" : "");

    private static void Check(double weight, string parameter)
    {
        if (!(weight >= 0) || double.IsInfinity(weight))
            throw new ArgumentOutOfRangeException(parameter, weight, "A class weight must be a finite number of at least 0.");
    }

    private static void Some(ReadOnlySpan<double> weights, string parameter)
    {
        foreach (var weight in weights)
            if (weight > 0)
                return;
        throw new ArgumentOutOfRangeException(parameter, "At least one class weight must be above 0.");
    }
}
