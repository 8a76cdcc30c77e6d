using System.Collections.Concurrent;
using System.Reflection;

namespace MLNetLosses.Losses;

/// <summary>Finds the types of definitions by their names: those of this library and those of every loaded assembly that refers to it.</summary>
internal static class DefinitionCatalog
{
    private static readonly ConcurrentDictionary<Assembly, IReadOnlyList<Type>> Known = new();

    /// <summary>All concrete types of a kind.</summary>
    public static IEnumerable<Type> All(Type kind)
    {
        var home = typeof(DefinitionCatalog).Assembly;
        return AppDomain
            .CurrentDomain.GetAssemblies()
            .Where(a => a == home || (!a.IsDynamic && a.GetReferencedAssemblies().Any(r => r.Name == home.GetName().Name)))
            .OrderBy(a => a == home ? 0 : 1)
            .SelectMany(a => Known.GetOrAdd(a, Definitions))
            .Where(kind.IsAssignableFrom);
    }

    /// <summary>The type of a name that may stand where <paramref name="expected"/> is wanted.</summary>
    public static Type Find(string name, Type expected)
    {
        var named = All(typeof(Definition)).Where(t => DefinitionSchema.Of(t).Name == name).ToArray();
        if (named.FirstOrDefault(expected.IsAssignableFrom) is { } found)
            return found;
        var allowed = string.Join(", ", All(expected).Select(t => DefinitionSchema.Of(t).Name).Distinct().Order());
        throw new FormatException(
            named.Length > 0
                ? $"'{name}' is a {Kind(named[0])}; a {expected.Name} is wanted here. Allowed: {allowed}."
                : $"'{name}' is not the name of a {expected.Name}. Allowed: {allowed}."
        );
    }

    private static string Kind(Type type) => type.BaseType is { } parent && parent != typeof(Definition) ? parent.Name : type.Name;

    private static IReadOnlyList<Type> Definitions(Assembly assembly)
    {
        Type?[] types;
        try
        {
            types = assembly.GetTypes();
        }
        catch (ReflectionTypeLoadException partly)
        {
            types = partly.Types;
        }
        return
        [
            .. types
                .Where(t => t is { IsAbstract: false, IsGenericTypeDefinition: false } && typeof(Definition).IsAssignableFrom(t))
                .Select(t => t!),
        ];
    }
}
