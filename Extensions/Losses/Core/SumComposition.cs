using System.Reflection;
using System.Text.Json.Nodes;
using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>A term of a sum: a loss with a name and a weight, fixed or scheduled.</summary>
[DefinitionKind("term")]
public sealed record WeightedLoss : Definition
{
    /// <summary>By which the term is reported; unique in its sum. By default the loss's name in camelCase.</summary>
    public new string Name { get; init; } = "";

    /// <summary>Multiplies the term's mean; 0: the term is reported and not trained.</summary>
    [Interval("[0, inf)")]
    public double Weight
    {
        get;
        init => field = Valid(value);
    } = 1;

    /// <summary>Multiplies the weight while training; null: nothing.</summary>
    public WeightRamp? Schedule { get; init; }

    /// <summary>The loss.</summary>
    public required Loss Loss { get; init; }

    /// <summary>The weight at a time of training.</summary>
    /// <param name="clock">Where training stands.</param>
    public double WeightAt(LossClock clock) => Schedule is null ? Weight : Weight * Schedule.At(clock);
}

/// <summary>Says which record holds sums of a family's losses.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
internal sealed class SumTypeAttribute(Type type) : Attribute
{
    public Type Type { get; } = type;
}

/// <summary>A sum of weighted losses.</summary>
public interface ISumLoss
{
    /// <summary>The terms, flat: no term is itself a sum.</summary>
    ValueList<WeightedLoss> Terms { get; init; }
}

/// <summary>What the sums of all families share: making, reading and evaluating flat lists of named, weighted terms.</summary>
internal static class SumComposition
{
    public const string JsonName = "Sum";

    public static ValueList<WeightedLoss> Add(Loss a, Loss b) => Normalized([.. TermsOf(a), .. TermsOf(b)]);

    public static ValueList<WeightedLoss> Scale(double weight, Loss loss) =>
        Normalized([.. TermsOf(loss).Select(t => t with { Weight = weight * t.Weight })]);

    public static ValueList<WeightedLoss> Scale(WeightRamp schedule, Loss loss) =>
        Normalized([
            .. TermsOf(loss)
                .Select(t =>
                    t.Schedule is null
                        ? t with
                        {
                            Schedule = schedule,
                        }
                        : throw new ArgumentException($"The term '{t.Name}' already has a schedule.", nameof(schedule))
                ),
        ]);

    public static ValueList<WeightedLoss> Rename(string name, Loss loss) =>
        TermsOf(loss) is [var only]
            ? Normalized([only with { Name = name }])
            : throw new ArgumentException("A sum of several terms has no single name: name its terms.", nameof(name));

    private static IReadOnlyList<WeightedLoss> TermsOf(Loss loss) =>
        loss is ISumLoss sum ? sum.Terms : [new WeightedLoss { Name = JsonNames.Camel(loss.Name), Loss = loss }];

    /// <summary>Names without a number, or whose number an earlier term has taken, become unique: focal, focal2, ...</summary>
    private static ValueList<WeightedLoss> Normalized(ReadOnlySpan<WeightedLoss> terms)
    {
        var taken = new HashSet<string>();
        var named = new List<WeightedLoss>();
        foreach (var term in terms)
        {
            var name = term.Name;
            for (var n = 2; !taken.Add(name); n++)
                name = $"{JsonNames.Camel(term.Loss.Name)}{n}";
            named.Add(name == term.Name ? term : term with { Name = name });
        }
        return [.. named];
    }

    /// <summary>The name that a term gets when none is given.</summary>
    public static string DefaultName(IReadOnlyList<WeightedLoss> terms, int index)
    {
        var name = JsonNames.Camel(terms[index].Loss.Name);
        var earlier = terms.Take(index).Select(t => t.Name).ToHashSet();
        var unique = name;
        for (var n = 2; earlier.Contains(unique); n++)
            unique = $"{name}{n}";
        return unique;
    }

    public static void Validate(ValueList<WeightedLoss>? terms)
    {
        if (terms is not { Count: > 0 })
            throw new ArgumentException("Sum: it needs at least one term.", nameof(terms));
        var names = new HashSet<string>();
        foreach (var term in terms)
        {
            if (
                string.IsNullOrWhiteSpace(term.Name)
                || !term.Name.All(c => char.IsLetterOrDigit(c) || c == '_')
                || char.IsDigit(term.Name[0])
            )
                throw new ArgumentException(
                    $"Sum: the term name '{term.Name}' must be a word of letters, digits and underscores.",
                    nameof(terms)
                );
            if (!names.Add(term.Name))
                throw new ArgumentException($"Sum: two terms are named '{term.Name}'.", nameof(terms));
            if (term.Loss is ISumLoss)
                throw new ArgumentException($"Sum: the term '{term.Name}' is itself a sum; add its terms instead.", nameof(terms));
            term.Loss.Validate();
        }
    }

    public static IReadOnlyList<string> RequiredInputs(ValueList<WeightedLoss> terms) =>
        [.. terms.SelectMany(t => t.Loss.RequiredInputs).Distinct()];

    public static IReadOnlyList<string> OptionalInputs(ValueList<WeightedLoss> terms) =>
        [.. terms.SelectMany(t => t.Loss.OptionalInputs).Distinct().Except(RequiredInputs(terms))];

    public static IEnumerable<(string Name, Loss Loss)> Inner(ValueList<WeightedLoss> terms) => terms.Select(t => (t.Name, t.Loss));

    public static LossTermValue[] Evaluate(ISumLoss sum, LossCall call) =>
        [.. sum.Terms.Select(t => new LossTermValue(t.Name, call.Inner(t.Name).Evaluate(), t.WeightAt(call.Clock)))];

    public static Tensor Total(IReadOnlyList<LossTermValue> terms)
    {
        Tensor? total = null;
        foreach (var (_, value, weight) in terms)
        {
            var weighted = weight == 1 ? value : value * weight;
            total = total is null ? weighted : total + weighted;
        }
        return ReferenceEquals(total, terms[0].Value) ? total!.alias() : total!;
    }

    public static LossTerms Terms(ISumLoss sum, LossCall call) => LossTerms.Single(Total(Evaluate(sum, call)));

    /// <summary>Reads {"loss": "Sum", "terms": [...]} as the sum record of the family that all terms share.</summary>
    public static Definition Read(JsonObject node, Type expected, string path)
    {
        if (node.FirstOrDefault(m => m.Key is not ("loss" or "terms" or DefinitionJson.AnyKind)).Key is { } unknown)
            throw new FormatException($"{path}Sum has no option '{unknown}'. Options: terms: list of {{name, weight, schedule, loss}}.");
        if (node["terms"] is not JsonArray { Count: > 0 } items)
            throw DefinitionJson.Wrong(path + "Sum.terms", "a list of {name, weight, schedule, loss} with at least one term is wanted");
        var termType =
            typeof(ISumLoss).IsAssignableFrom(expected) ? expected.BaseType!
            : typeof(Loss).IsAssignableFrom(expected) ? expected
            : typeof(Loss);
        var terms = new List<WeightedLoss>();
        for (var i = 0; i < items.Count; i++)
            terms.Add(ReadTerm(items[i], termType, $"{path}Sum.terms[{i}].", terms));
        var sumType = SumTypeFor(terms, path);
        if (!expected.IsAssignableFrom(sumType))
            throw new FormatException($"{path}Sum: these terms make a {sumType.BaseType!.Name}; a {expected.Name} is wanted.");
        var sum = Activator.CreateInstance(sumType)!;
        sumType.GetProperty(nameof(ISumLoss.Terms))!.SetValue(sum, (ValueList<WeightedLoss>)[.. terms]);
        try
        {
            Validate([.. terms]);
        }
        catch (ArgumentException error)
        {
            throw new FormatException(path + error.Message, error);
        }
        return (Definition)sum;
    }

    private static WeightedLoss ReadTerm(JsonNode? node, Type termType, string path, List<WeightedLoss> earlier)
    {
        if (node is not JsonObject members)
            throw DefinitionJson.Wrong(path, "a term {name, weight, schedule, loss} is wanted");
        if (members.FirstOrDefault(m => m.Key is not ("name" or "weight" or "schedule" or "loss" or "term")).Key is { } unknown)
            throw new FormatException(
                $"{path} a term has no option '{unknown}'. Options: name: text; weight: number in [0, inf); schedule: a WeightRamp; loss: a {termType.Name}, required."
            );
        var loss = (Loss)DefinitionJson.ReadDefinition(members["loss"], termType, path);
        var weight = members.ContainsKey("weight")
            ? (double)DefinitionJson.ReadValue(members["weight"], typeof(double), path + "weight")!
            : 1;
        if (!(weight >= 0 && double.IsFinite(weight)))
            throw new FormatException($"{path}weight: it must lie in [0, inf); it is {weight}.");
        var term = new WeightedLoss
        {
            Loss = loss,
            Weight = weight,
            Schedule = (WeightRamp?)DefinitionJson.ReadValue(members["schedule"], typeof(WeightRamp), path + "schedule"),
            Name = (string?)DefinitionJson.ReadValue(members["name"], typeof(string), path + "name") ?? "",
        };
        return term.Name.Length > 0 ? term : term with { Name = DefaultName([.. earlier, term], earlier.Count) };
    }

    // The nearest family, from the first term's own type upwards, that takes every term.
    private static Type SumTypeFor(IReadOnlyList<WeightedLoss> terms, string path)
    {
        for (var family = terms[0].Loss.GetType(); family is not null; family = family.BaseType)
            if (family.GetCustomAttribute<SumTypeAttribute>(inherit: false) is { } sum && terms.All(t => family.IsInstanceOfType(t.Loss)))
                return sum.Type;
        throw new FormatException(
            $"{path}Sum: {string.Join(" and ", terms.Select(t => t.Loss.Name))} cannot be added: they belong to no common family."
        );
    }
}
