using System.Collections;
using System.Collections.Concurrent;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace MLNetLosses.Losses;

/// <summary>One option of a definition: its name, type, default and range.</summary>
public sealed class DefinitionOption
{
    internal DefinitionOption(PropertyInfo property, object? defaultValue)
    {
        Property = property;
        Default = defaultValue;
        Interval = property.GetCustomAttribute<IntervalAttribute>();
        Required = property.GetCustomAttribute<RequiredMemberAttribute>() is not null;
        JsonName = JsonNamingPolicy.CamelCase.ConvertName(property.Name);
    }

    internal PropertyInfo Property { get; }

    /// <summary>The C# name.</summary>
    public string Name => Property.Name;

    /// <summary>The name in JSON and text.</summary>
    public string JsonName { get; }

    /// <summary>The C# type.</summary>
    public Type Type => Property.PropertyType;

    /// <summary>The default; null also where there is none.</summary>
    public object? Default { get; }

    /// <summary>Whether it has no default and must be given.</summary>
    public bool Required { get; }

    /// <summary>The allowed values of a number; null where every value of the type is allowed.</summary>
    public IntervalAttribute? Interval { get; }

    internal string Allowed =>
        $"{JsonName}: {Describe(Type)}{(Interval is null ? "" : " in " + Interval.Notation)}{(Required ? ", required" : "")}";

    internal static string Describe(Type type)
    {
        if (Nullable.GetUnderlyingType(type) is { } inner)
            return Describe(inner) + " or null";
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(ValueList<>))
            return "list of " + Describe(type.GetGenericArguments()[0]);
        if (type.IsEnum)
            return string.Join(" | ", Enum.GetNames(type));
        if (typeof(Definition).IsAssignableFrom(type))
            return "a " + type.Name;
        return type == typeof(double) ? "number"
            : type == typeof(int) || type == typeof(long) ? "whole number"
            : type == typeof(bool) ? "true | false"
            : "text";
    }
}

/// <summary>What reflection knows of a definition's type, read once.</summary>
internal sealed class DefinitionSchema
{
    private static readonly ConcurrentDictionary<Type, DefinitionSchema> Known = new();

    private readonly Lazy<IReadOnlyList<DefinitionOption>> options;
    private readonly Dictionary<string, IntervalAttribute?> intervals;

    private DefinitionSchema(Type type)
    {
        Type = type;
        Kind = type.GetCustomAttribute<DefinitionKindAttribute>(inherit: true) ?? new DefinitionKindAttribute("type");
        Name =
            type.Name.EndsWith(Kind.Suffix, StringComparison.Ordinal) && type.Name.Length > Kind.Suffix.Length
                ? type.Name[..^Kind.Suffix.Length]
                : type.Name;
        intervals = Properties(type).ToDictionary(p => p.Name, p => p.GetCustomAttribute<IntervalAttribute>());
        options = new(() =>
        {
            var defaults = CreateInstance();
            return [.. Properties(type).Select(p => new DefinitionOption(p, p.GetValue(defaults)))];
        });
    }

    public Type Type { get; }
    public string Name { get; }
    public DefinitionKindAttribute Kind { get; }
    public IReadOnlyList<DefinitionOption> Options => options.Value;

    public static DefinitionSchema Of(Type type) => Known.GetOrAdd(type, t => new DefinitionSchema(t));

    public Definition CreateInstance() =>
        Activator.CreateInstance(Type, nonPublic: true) as Definition
        ?? throw new MissingMethodException($"{Type.Name} needs a parameterless constructor.");

    public DefinitionOption? Option(string jsonName) => Options.FirstOrDefault(o => o.JsonName == jsonName);

    public string AllowedOptions =>
        Options.Count == 0 ? "It has no options." : "Options: " + string.Join("; ", Options.Select(o => o.Allowed)) + ".";

    public void Check<T>(string option, T value)
    {
        if (value is Enum choice && !Enum.IsDefined(choice.GetType(), choice))
            throw new ArgumentOutOfRangeException(
                option,
                value,
                $"{Name}: {option} must be one of {string.Join(", ", Enum.GetNames(choice.GetType()))}."
            );
        if (value is null || !intervals.TryGetValue(option, out var interval) || interval is null)
            return;
        if (value is IEnumerable elements and not string)
        {
            var position = 0;
            foreach (var element in elements)
                CheckNumber($"{option}[{position++}]", element, interval);
        }
        else
            CheckNumber(option, value, interval);
    }

    private void CheckNumber(string option, object? value, IntervalAttribute interval)
    {
        if (value is IEnumerable inner and not string)
        {
            foreach (var element in inner)
                CheckNumber(option, element, interval);
        }
        else if (value is IConvertible number && !interval.Contains(number.ToDouble(CultureInfo.InvariantCulture)))
            throw new ArgumentOutOfRangeException(option, value, $"{Name}: {option} must lie in {interval.Notation}.");
    }

    // A base class's options come first, in the order of their declaration.
    private static IEnumerable<PropertyInfo> Properties(Type type) =>
        type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(p => p.SetMethod is { IsPublic: true } && p.GetIndexParameters().Length == 0)
            .OrderBy(p => Depth(p.DeclaringType))
            .ThenBy(p => p.MetadataToken);

    private static int Depth(Type? type) => type is null ? 0 : 1 + Depth(type.BaseType);
}
