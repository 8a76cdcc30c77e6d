using System.Reflection;

namespace MLNetLosses.Losses;

/// <summary>A loss of the catalog: what it is called, where it belongs, its options and when to use it.</summary>
/// <param name="Name">The name in JSON and text.</param>
/// <param name="Family">The family, which is also the folder: Regression, Classification, ...</param>
/// <param name="Type">The record.</param>
/// <param name="Options">Its options with ranges and defaults.</param>
/// <param name="Guide">Formula and advice; null where a loss of another assembly states none.</param>
public sealed record LossInfo(string Name, string Family, Type Type, IReadOnlyList<DefinitionOption> Options, LossGuideAttribute? Guide)
{
    /// <summary>Whether the loss may stand where a family is wanted.</summary>
    /// <typeparam name="T">The family, such as <see cref="SegmentationLoss"/>.</typeparam>
    public bool Is<T>()
        where T : Loss => typeof(T).IsAssignableFrom(Type);
}

/// <summary>All losses, for tools, tuning and documentation.</summary>
public static class LossCatalog
{
    /// <summary>Every public loss of this library and of the loaded assemblies that define their own, without sums; ordered by family and name.</summary>
    public static IReadOnlyList<LossInfo> All =>
        [
            .. DefinitionCatalog
                .All(typeof(Loss))
                .Where(type => type.IsVisible && !typeof(ISumLoss).IsAssignableFrom(type))
                .Select(Describe)
                .OrderBy(loss => loss.Family, StringComparer.Ordinal)
                .ThenBy(loss => loss.Name, StringComparer.Ordinal),
        ];

    /// <summary>The losses that may stand where a family is wanted.</summary>
    /// <typeparam name="T">The family, such as <see cref="ClassificationLoss"/>.</typeparam>
    public static IReadOnlyList<LossInfo> For<T>()
        where T : Loss => [.. All.Where(loss => loss.Is<T>())];

    private static LossInfo Describe(Type type)
    {
        var schema = DefinitionSchema.Of(type);
        return new(schema.Name, FamilyOf(type), type, schema.Options, type.GetCustomAttribute<LossGuideAttribute>());
    }

    private static string FamilyOf(Type type)
    {
        for (var family = type; family is not null; family = family.BaseType)
            if (family.GetCustomAttribute<LossFamilyAttribute>(inherit: false) is { } stated)
                return stated.Name;
        return "Other";
    }
}

/// <summary>Names the family, and so the folder, of a base record of losses or of one loss that lives elsewhere than its base.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class LossFamilyAttribute : Attribute
{
    /// <summary>Names the family.</summary>
    /// <param name="name">Such as <c>Segmentation</c>.</param>
    public LossFamilyAttribute(string name) => Name = name;

    /// <summary>The family's name.</summary>
    public string Name { get; }
}
