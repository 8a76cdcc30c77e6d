using System.Text.RegularExpressions;

namespace MLNetLosses.Data;

/// <summary>Finds the names of YOLO's classes: data.yaml, classes.txt or a *.names file in the folder of the images or above it.</summary>
internal static partial class YoloClassNames
{
    private const int Levels = 4;

    public static string[] Find(string path)
    {
        var folder = new DirectoryInfo(Path.GetFullPath(Directory.Exists(path) ? path : Path.GetDirectoryName(Path.GetFullPath(path))!));
        for (var level = 0; level < Levels && folder is not null; level++, folder = folder.Parent)
        {
            foreach (var file in folder.EnumerateFiles("*.y*ml").OrderBy(file => file.Name, StringComparer.Ordinal))
                if (FromYaml(file.FullName) is { Length: > 0 } names)
                    return names;
            foreach (var file in folder.EnumerateFiles("classes.txt").Concat(folder.EnumerateFiles("*.names")))
                return [.. ImageFiles.Lines(file.FullName).Select(line => line.Text)];
        }
        throw new InvalidDataException(
            $"The names of the classes are not known: there is no data.yaml with names, no classes.txt and no *.names in '{path}' or above. Give them in {nameof(AnnotationOptions)}.{nameof(AnnotationOptions.Classes)}."
        );
    }

    /// <summary>The entry "names" of a YAML file: [a, b], a block of "- a", or a block of "0: a". Null where there is none.</summary>
    internal static string[]? FromYaml(string file)
    {
        var lines = File.ReadAllLines(file);
        var start = Array.FindIndex(lines, line => line.StartsWith("names:", StringComparison.Ordinal));
        if (start < 0)
            return null;
        var inline = Bare(lines[start]["names:".Length..]);
        if (inline.Length > 0)
        {
            for (var next = start + 1; !inline.EndsWith(']') && !inline.EndsWith('}') && next < lines.Length; next++)
                inline += " " + Bare(lines[next]);
            var items = Item().Matches(inline.Trim('[', ']', '{', '}', ' ')).Select(match => match.Value.Trim());
            return [.. inline.StartsWith('{') ? Keyed(items.Select(item => item.Trim())) : items.Select(Unquoted)];
        }
        var block = lines
            .Skip(start + 1)
            .Select(Bare)
            .TakeWhile((line, i) => line.Length == 0 || Belongs(lines[start + 1 + i]))
            .Where(line => line.Length > 0);
        var entries = block.ToArray();
        return entries.All(entry => entry.StartsWith('-')) ? [.. entries.Select(entry => Unquoted(entry[1..]))] : [.. Keyed(entries)];
    }

    private static bool Belongs(string line) => line.StartsWith(' ') || line.StartsWith('\t') || line.StartsWith('-');

    /// <summary>Entries "0: a" by their numbers; a number that is left out has its number as its name.</summary>
    private static string[] Keyed(IEnumerable<string> entries)
    {
        var names = entries
            .Select(entry => entry.Split(':', 2))
            .Where(pair => pair.Length == 2 && int.TryParse(Unquoted(pair[0]), out var number) && number is >= 0 and < 100_000)
            .ToDictionary(
                pair => int.Parse(Unquoted(pair[0]), System.Globalization.CultureInfo.InvariantCulture),
                pair => Unquoted(pair[1])
            );
        return [.. Enumerable.Range(0, names.Keys.DefaultIfEmpty(-1).Max() + 1).Select(i => names.GetValueOrDefault(i, $"{i}"))];
    }

    private static string Bare(string text)
    {
        var comment = text.StartsWith('#') ? 0 : text.IndexOf(" #", StringComparison.Ordinal);
        return (comment < 0 ? text : text[..comment]).Trim();
    }

    private static string Unquoted(string text)
    {
        text = text.Trim();
        return text.Length >= 2 && text[0] is '\'' or '"' && text[^1] == text[0] ? text[1..^1] : text;
    }

    [GeneratedRegex("""(?:'[^']*'|"[^"]*"|[^,])+""")]
    private static partial Regex Item();
}
