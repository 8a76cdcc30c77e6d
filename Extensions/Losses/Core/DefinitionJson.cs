using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace MLNetLosses.Losses;

/// <summary>Definitions to JSON and back, driven by their types' options.</summary>
internal static class DefinitionJson
{
    /// <summary>The discriminator that the text parser writes, since it does not know which kind stands where.</summary>
    internal const string AnyKind = "$name";

    private static readonly JsonSerializerOptions OneLine = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly JsonSerializerOptions Lines = new(OneLine) { WriteIndented = true };

    public static string Serialize(Definition definition, bool indented) => Write(definition).ToJsonString(indented ? Lines : OneLine);

    public static Definition Deserialize(string json, Type expected)
    {
        JsonNode? node;
        try
        {
            node = JsonNode.Parse(json, documentOptions: new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
        }
        catch (JsonException error)
        {
            throw new FormatException($"Not JSON: {error.Message}", error);
        }
        return ReadDefinition(node, expected, "");
    }

    public static JsonObject Write(Definition definition)
    {
        var schema = DefinitionSchema.Of(definition.GetType());
        var node = new JsonObject { [schema.Kind.Key] = definition.Name };
        foreach (var option in schema.Options)
            if (option.Property.GetValue(definition) is var value && (value is not null || option.Default is not null))
                node[option.JsonName] = WriteValue(value);
        return node;
    }

    private static JsonNode? WriteValue(object? value) =>
        value switch
        {
            null => null,
            Definition inner => Write(inner),
            bool flag => JsonValue.Create(flag),
            string text => JsonValue.Create(text),
            Enum choice => JsonValue.Create(choice.ToString()),
            double number when !double.IsFinite(number) => JsonValue.Create(number.ToString(CultureInfo.InvariantCulture)),
            double number => JsonValue.Create(number),
            int number => JsonValue.Create(number),
            long number => JsonValue.Create(number),
            IEnumerable items => new JsonArray([.. items.Cast<object?>().Select(WriteValue)]),
            _ => throw new NotSupportedException($"An option of type {value.GetType()} has no JSON form."),
        };

    public static Definition ReadDefinition(JsonNode? node, Type expected, string path)
    {
        var key = DefinitionSchema.Of(expected).Kind.Key;
        if (node is JsonValue bare && bare.TryGetValue<string>(out var bareName))
            node = new JsonObject { [key] = bareName };
        if (node is not JsonObject members)
            throw Wrong(path, $"a {expected.Name} is wanted: an object such as {{\"{key}\": \"Name\", ...}}");
        var discriminator = members[AnyKind] ?? members[key];
        if (discriminator is not JsonValue named || !named.TryGetValue<string>(out var name))
            throw Wrong(path, $"the property \"{key}\" with the name of a {expected.Name} is missing");
        if (name == SumComposition.JsonName)
            return SumComposition.Read(members, expected, path);
        var schema = DefinitionSchema.Of(DefinitionCatalog.Find(name, expected));
        var definition = schema.CreateInstance();
        var seen = new HashSet<string>();
        foreach (var (member, value) in members)
        {
            if (member == AnyKind || member == schema.Kind.Key)
                continue;
            var option =
                schema.Option(member)
                ?? throw new FormatException($"{Where(path)}{name} has no option '{member}'. {schema.AllowedOptions}");
            seen.Add(member);
            Set(definition, option, ReadValue(value, option.Type, $"{path}{name}.{member}"), $"{path}{name}.{member}");
        }
        if (schema.Options.FirstOrDefault(o => o.Required && !seen.Contains(o.JsonName)) is { } missing)
            throw new FormatException($"{Where(path)}{name} needs the option '{missing.JsonName}'. {schema.AllowedOptions}");
        try
        {
            definition.Validate();
        }
        catch (ArgumentException error)
        {
            throw new FormatException($"{Where(path)}{error.Message}", error);
        }
        return definition;
    }

    private static void Set(Definition definition, DefinitionOption option, object? value, string path)
    {
        try
        {
            option.Property.SetValue(definition, value);
        }
        catch (TargetInvocationException error) when (error.InnerException is ArgumentException inner)
        {
            throw new FormatException($"{Where(path)}{inner.Message}", inner);
        }
    }

    public static object? ReadValue(JsonNode? node, Type type, string path)
    {
        if (Nullable.GetUnderlyingType(type) is { } inner)
            return node is null ? null : ReadValue(node, inner, path);
        if (node is null)
            return type.IsValueType ? throw Wrong(path, $"{DefinitionOption.Describe(type)} is wanted, not null") : null;
        if (typeof(Definition).IsAssignableFrom(type))
            return ReadDefinition(node, type, path + ".");
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(ValueList<>))
            return ReadList(node, type.GetGenericArguments()[0], path);
        if (node is JsonValue value)
        {
            if (type.IsEnum && value.TryGetValue<string>(out var choice) && Enum.GetNames(type).Contains(choice))
                return Enum.Parse(type, choice);
            if (type == typeof(bool) && value.TryGetValue<bool>(out var flag))
                return flag;
            if (type == typeof(string) && value.TryGetValue<string>(out var text))
                return text;
            if (type == typeof(double) && Number(value) is { } number)
                return number;
            if (
                (type == typeof(int) || type == typeof(long))
                && Number(value) is { } whole
                && whole == Math.Truncate(whole)
                && Math.Abs(whole) < 1L << 53
            )
                return type == typeof(long) ? (long)whole
                    : Math.Abs(whole) <= int.MaxValue ? (object)(int)whole
                    : throw Wrong(path, $"{whole} is too large");
        }
        throw Wrong(path, $"{DefinitionOption.Describe(type)} is wanted, not {node.ToJsonString()}");
    }

    private static object ReadList(JsonNode node, Type element, string path)
    {
        if (node is not JsonArray items)
            throw Wrong(path, $"a list of {DefinitionOption.Describe(element)} is wanted, not {node.ToJsonString()}");
        var array = Array.CreateInstance(element, items.Count);
        for (var i = 0; i < items.Count; i++)
            array.SetValue(ReadValue(items[i], element, $"{path}[{i}]"), i);
        return Activator.CreateInstance(
            typeof(ValueList<>).MakeGenericType(element),
            BindingFlags.NonPublic | BindingFlags.Instance,
            null,
            [array],
            CultureInfo.InvariantCulture
        )!;
    }

    private static double? Number(JsonValue value)
    {
        if (value.TryGetValue<string>(out var text))
            return text switch
            {
                "Infinity" => double.PositiveInfinity,
                "-Infinity" => double.NegativeInfinity,
                _ => null,
            };
        return value.GetValueKind() == JsonValueKind.Number
            ? double.Parse(value.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture)
            : null;
    }

    internal static FormatException Wrong(string path, string what) => new($"{Where(path)}{what}.");

    private static string Where(string path) => path.Length == 0 ? "" : $"{path.TrimEnd('.')}: ";
}
