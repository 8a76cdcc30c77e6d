using System.Collections;
using System.Globalization;

namespace MLNetLosses.Data;

/// <summary>A read-only copy of numbers that is compared and printed by value, so that a record that holds one is too.</summary>
internal sealed class ValueList(IEnumerable<float> values) : IReadOnlyList<float>, IEquatable<ValueList>
{
    private readonly float[] _values = [.. values];

    public int Count => _values.Length;

    public float this[int index] => _values[index];

    public bool Equals(ValueList? other) => other is not null && _values.AsSpan().SequenceEqual(other._values);

    public override bool Equals(object? obj) => Equals(obj as ValueList);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var value in _values)
            hash.Add(value);
        return hash.ToHashCode();
    }

    public IEnumerator<float> GetEnumerator() => ((IEnumerable<float>)_values).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public override string ToString() => $"[{string.Join(", ", _values.Select(v => v.ToString(CultureInfo.InvariantCulture)))}]";
}
