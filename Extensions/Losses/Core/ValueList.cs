using System.Collections;
using System.Runtime.CompilerServices;

namespace MLNetLosses.Losses;

/// <summary>An immutable list that compares by its elements, so that a definition holding one has value equality. Written as <c>[1, 2, 3]</c>.</summary>
/// <typeparam name="T">The element's type.</typeparam>
[CollectionBuilder(typeof(ValueList), nameof(ValueList.Create))]
public sealed class ValueList<T> : IReadOnlyList<T>, IEquatable<ValueList<T>>
{
    private readonly T[] items;

    internal ValueList(T[] items) => this.items = items;

    /// <summary>The number of elements.</summary>
    public int Count => items.Length;

    /// <summary>The element at a position.</summary>
    /// <param name="index">From 0.</param>
    public T this[int index] => items[index];

    /// <summary>A copy as an array.</summary>
    public T[] ToArray() => [.. items];

    /// <summary>Makes a list that holds a copy of an array's elements; null gives null.</summary>
    /// <param name="items">The elements.</param>
    public static implicit operator ValueList<T>?(T[]? items) => items is null ? null : new ValueList<T>([.. items]);

    /// <inheritdoc/>
    public bool Equals(ValueList<T>? other) => other is not null && items.AsSpan().SequenceEqual(other.items, EqualityComparer<T>.Default);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as ValueList<T>);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var item in items)
            hash.Add(item);
        return hash.ToHashCode();
    }

    /// <inheritdoc/>
    public override string ToString() => $"[{string.Join(", ", items)}]";

    /// <inheritdoc/>
    public IEnumerator<T> GetEnumerator() => ((IEnumerable<T>)items).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => items.GetEnumerator();
}

/// <summary>Makes <see cref="ValueList{T}"/> from collection expressions.</summary>
public static class ValueList
{
    /// <summary>Makes a list of the elements.</summary>
    /// <typeparam name="T">The element's type.</typeparam>
    /// <param name="items">The elements, copied.</param>
    public static ValueList<T> Create<T>(ReadOnlySpan<T> items) => new(items.ToArray());
}
