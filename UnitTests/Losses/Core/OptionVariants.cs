using System.Collections;
using System.Globalization;
using MLNetLosses.Losses;

namespace MLNetLosses.UnitTests.Losses.Core;

/// <summary>Any loss with any of its options changed, by what reflection knows of it.</summary>
internal static class OptionVariants
{
    /// <summary>The loss with its defaults, or its example where an option is required.</summary>
    public static Loss Plain(Type type) => (Loss)PlainOf(type);

    private static Definition PlainOf(Type type)
    {
        if (type.GetCustomAttributes(typeof(DefinitionExampleAttribute), false) is [DefinitionExampleAttribute example])
            return DefinitionText.Parse(example.Text, type);
        var definition = DefinitionSchema.Of(type).CreateInstance();
        foreach (var option in DefinitionSchema.Of(type).Options.Where(option => option.Required && option.Type == typeof(string)))
            option.Property.SetValue(definition, "some");
        return definition;
    }

    /// <summary>A copy of a definition with one option changed; null where the options then contradict each other.</summary>
    public static T? With<T>(T definition, DefinitionOption option, object? value)
        where T : Definition
    {
        try
        {
            var copy = (T)DefinitionSchema.Of(definition.GetType()).CreateInstance();
            foreach (var each in DefinitionSchema.Of(definition.GetType()).Options)
                each.Property.SetValue(copy, each == option ? value : each.Property.GetValue(definition));
            copy.Validate();
            return copy;
        }
        catch (ArgumentException)
        {
            return null;
        }
        catch (System.Reflection.TargetInvocationException error) when (error.InnerException is ArgumentException)
        {
            return null;
        }
    }

    /// <summary>Allowed values of an option, other than the one given.</summary>
    public static IEnumerable<object> Values(DefinitionOption option, object? now) =>
        Candidates(Nullable.GetUnderlyingType(option.Type) ?? option.Type, option, now).Where(value => !value.Equals(now));

    private static IEnumerable<object> Candidates(Type type, DefinitionOption option, object? now)
    {
        bool Allowed(double value) => option.Interval?.Contains(value) ?? true;
        var number = now is double or int or long ? Convert.ToDouble(now, CultureInfo.InvariantCulture) : 0;
        double[] near = [number / 2, number * 2, number + 0.1, number + 1, number - 0.1, number - 1, 0.3, 0.5, 0.7, 3];
        if (type == typeof(bool))
            return [true, false];
        if (type == typeof(string))
            return ["other"];
        if (type.IsEnum)
            return Enum.GetValues(type).Cast<object>();
        if (type == typeof(double))
            return near.Where(value => double.IsFinite(value) && Allowed(value)).Distinct().Cast<object>();
        if (type == typeof(int))
            return near.Append(2).Select(Math.Truncate).Where(Allowed).Distinct().Select(value => (object)(int)value);
        if (type == typeof(long))
            return near.Append(2).Select(Math.Truncate).Where(Allowed).Distinct().Select(value => (object)(long)value);
        if (type == typeof(ValueList<double>))
            return Lists(option, (IEnumerable?)now, value => value);
        if (type == typeof(ValueList<int>))
            return Lists(option, (IEnumerable?)now, value => (int)Math.Ceiling(value));
        if (type == typeof(ValueList<long>))
            return Lists(option, (IEnumerable?)now, value => (long)Math.Ceiling(value * 10));
        if (type == typeof(ValueList<UncertainTask>))
            return Enum.GetValues<UncertainTask>().Select(kind => (object)(ValueList<UncertainTask>)[kind, kind, kind]); // one a task of the samples
        if (type == typeof(ValueList<ValueList<double>>))
            return
            [
                (ValueList<ValueList<double>>)
                    [
                        [0.4, 0.2, 0.2, 0.2],
                        [0.1, 0.7, 0.1, 0.1],
                        [0, 0.3, 0.6, 0.1],
                        [0.1, 0, 0, 0.9],
                    ],
            ];
        if (typeof(Definition).IsAssignableFrom(type))
            return DefinitionCatalog
                .All(type)
                .Where(kind => !typeof(ISumLoss).IsAssignableFrom(kind))
                .Select(PlainOf)
                .Concat(now is Definition inner ? Changed(inner) : []);
        return [];
    }

    /// <summary>A definition with each of its options changed, one at a time.</summary>
    public static IEnumerable<Definition> Changed(Definition definition) =>
        from option in DefinitionSchema.Of(definition.GetType()).Options
        from value in Values(option, option.Property.GetValue(definition))
        let changed = With(definition, option, value)
        where changed is not null
        select changed;

    // As many entries as the list has, or one for each class of the samples; increasing, since some lists must.
    private static IEnumerable<object> Lists<T>(DefinitionOption option, IEnumerable? now, Func<double, T> convert)
    {
        var counts = new[] { now?.Cast<object>().Count() ?? 0, LossSamples.Classes, 2, 1 }.Where(count => count > 0).Distinct();
        foreach (var count in counts)
        foreach (var (first, step) in new[] { (0.2, 0.15), (0.5, 0.7), (1.0, 1.0) })
        {
            var values = Enumerable.Range(0, count).Select(i => first + i * step).ToArray();
            if (values.All(value => option.Interval?.Contains(value) ?? true))
                yield return ValueList.Create<T>([.. values.Select(convert)]);
        }
    }
}
