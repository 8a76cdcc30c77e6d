using System.Collections;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace MLNetLosses.Losses;

/// <summary>
/// The one-line form: <c>CrossEntropy(labelSmoothing: 0.1) + 0.5 * Focal(gamma: 3)</c>. A term may carry a name (<c>edges: 0.5 * Boundary()</c>)
/// and a schedule for its weight (<c>WeightRamp(to: 0.1) * Boundary()</c>). Reading goes through the JSON form.
/// </summary>
internal static class DefinitionText
{
    public static string Format(Definition definition)
    {
        if (definition is ISumLoss sum)
            return string.Join(" + ", sum.Terms.Select((term, i) => FormatTerm(term, SumComposition.DefaultName(sum.Terms, i))));
        var schema = DefinitionSchema.Of(definition.GetType());
        var changed =
            from option in schema.Options
            let value = option.Property.GetValue(definition)
            where option.Required || !Equals(value, option.Default)
            select $"{option.JsonName}: {FormatValue(value)}";
        return $"{definition.Name}({string.Join(", ", changed)})";
    }

    private static string FormatTerm(WeightedLoss term, string defaultName)
    {
        var name = term.Name == defaultName ? "" : term.Name + ": ";
        var weight = term.Weight == 1 ? "" : FormatValue(term.Weight) + " * ";
        var schedule = term.Schedule is null ? "" : Format(term.Schedule) + " * ";
        return name + weight + schedule + Format(term.Loss);
    }

    private static string FormatValue(object? value) =>
        value switch
        {
            null => "null",
            Definition inner => Format(inner),
            bool flag => flag ? "true" : "false",
            string text => JsonSerializer.Serialize(text),
            Enum choice => choice.ToString(),
            IEnumerable items => $"[{string.Join(", ", items.Cast<object?>().Select(FormatValue))}]",
            IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
            _ => value.ToString() ?? "",
        };

    public static Definition Parse(string text, Type expected)
    {
        var reader = new Reader(text);
        var node = reader.Expression();
        reader.End();
        return DefinitionJson.ReadDefinition(node, expected, "");
    }

    private sealed class Reader(string text)
    {
        private int at;

        public JsonNode Expression()
        {
            var terms = new List<JsonObject> { Term() };
            while (Take('+'))
                terms.Add(Term());
            return terms is [var only] && only.Count == 1
                ? only["loss"]!.DeepClone()
                : new JsonObject { [DefinitionJson.AnyKind] = SumComposition.JsonName, ["terms"] = new JsonArray([.. terms]) };
        }

        private JsonObject Term()
        {
            var term = new JsonObject();
            if (Peek() is var first && (char.IsLetter(first) || first == '_') && NameBeforeColon() is { } name)
                term["name"] = name;
            while (true)
            {
                if (char.IsDigit(Peek()) || Peek() is '-' or '.')
                {
                    term["weight"] = (term["weight"]?.GetValue<double>() ?? 1) * Number();
                    Expect('*');
                    continue;
                }
                JsonNode factor;
                if (Take('('))
                {
                    factor = Expression();
                    Expect(')');
                }
                else
                    factor = Call();
                if (!Take('*'))
                {
                    term["loss"] = factor;
                    return term;
                }
                term["schedule"] = factor;
            }
        }

        private string? NameBeforeColon()
        {
            var start = at;
            var name = Identifier();
            if (Take(':'))
                return name;
            at = start;
            return null;
        }

        private JsonObject Call()
        {
            var node = new JsonObject { [DefinitionJson.AnyKind] = Identifier() };
            if (!Take('('))
                return node;
            if (Take(')'))
                return node;
            do
            {
                var option = Identifier();
                Expect(':');
                if (node.ContainsKey(option))
                    throw Error($"the option '{option}' is given twice");
                node[option] = Value();
            } while (Take(','));
            Expect(')');
            return node;
        }

        private JsonNode? Value()
        {
            if (Take('['))
            {
                var items = new JsonArray();
                if (Take(']'))
                    return items;
                do items.Add(Value());
                while (Take(','));
                Expect(']');
                return items;
            }
            if (Peek() == '"')
                return Text();
            var start = at;
            if (char.IsDigit(Peek()) || Peek() is '-' or '.')
            {
                var number = Number();
                if (Peek() != '*')
                    return double.IsFinite(number)
                        ? JsonValue.Create(number)
                        : JsonValue.Create(number.ToString(CultureInfo.InvariantCulture));
                at = start;
                return Expression();
            }
            var word = Identifier();
            if (Peek() is '(' or '*' or '+' or ':')
            {
                at = start;
                return Expression();
            }
            return word switch
            {
                "true" => JsonValue.Create(true),
                "false" => JsonValue.Create(false),
                "null" => null,
                _ => JsonValue.Create(word), // an enumeration's value, Infinity, or a definition with its defaults
            };
        }

        private JsonValue Text()
        {
            var start = at++;
            while (at < text.Length && text[at] != '"')
                at += text[at] == '\\' ? 2 : 1;
            if (at >= text.Length)
                throw Error("a closing quotation mark is missing");
            at++;
            return JsonValue.Create(JsonSerializer.Deserialize<string>(text[start..at]))!;
        }

        private double Number()
        {
            Skip();
            var start = at;
            if (at < text.Length && text[at] == '-')
                at++;
            if (text.AsSpan(at).StartsWith("Infinity"))
                at += "Infinity".Length;
            else
                while (
                    at < text.Length
                    && (char.IsDigit(text[at]) || text[at] is '.' or 'e' or 'E' || (text[at] is '+' or '-' && text[at - 1] is 'e' or 'E'))
                )
                    at++;
            return double.TryParse(text.AsSpan(start, at - start), NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
                ? number
                : throw Error("a number is wanted");
        }

        private string Identifier()
        {
            Skip();
            var start = at;
            while (at < text.Length && (char.IsLetterOrDigit(text[at]) || text[at] == '_'))
                at++;
            return at > start ? text[start..at] : throw Error("a name is wanted");
        }

        private char Peek()
        {
            Skip();
            return at < text.Length ? text[at] : '\0';
        }

        private bool Take(char expected)
        {
            if (Peek() != expected)
                return false;
            at++;
            return true;
        }

        private void Expect(char expected)
        {
            if (!Take(expected))
                throw Error($"'{expected}' is wanted");
        }

        public void End()
        {
            if (Peek() != '\0')
                throw Error("nothing more is wanted");
        }

        private void Skip()
        {
            while (at < text.Length && char.IsWhiteSpace(text[at]))
                at++;
        }

        private FormatException Error(string what) =>
            new(
                $"'{text}' at character {at + 1}: {what}. A loss reads like \"CrossEntropy(labelSmoothing: 0.1) + 0.5 * Focal(gamma: 3)\"."
            );
    }
}
