using System.Globalization;
using System.Text;

namespace MLNetLosses.Data;

/// <summary>Reads the CSV export of VoTT: image, xmin, ymin, xmax, ymax, label, one object a line. Images without objects are not in it.</summary>
internal static class VottCsvReader
{
    private static readonly string[] Columns = ["image", "xmin", "ymin", "xmax", "ymax", "label"];

    public static List<AnnotatedImage> Read(string file, string? imageFolder)
    {
        var lines = ImageFiles.Lines(file).ToArray();
        var header = lines.Length == 0 ? [] : Fields(lines[0].Text).Select(field => field.Trim().TrimStart('\uFEFF')).ToArray();
        var places = Columns
            .Select(column => Array.FindIndex(header, field => field.Equals(column, StringComparison.OrdinalIgnoreCase)))
            .ToArray();
        if (places.Contains(-1))
            throw new InvalidDataException(
                $"{file}, line 1: the columns are {string.Join(", ", header)}; {string.Join(", ", Columns)} are needed (VoTT's CSV export)."
            );
        var images = new Dictionary<string, List<AnnotatedObject>>(StringComparer.Ordinal);
        foreach (var (text, number) in lines.Skip(1))
        {
            var place = $"line {number}";
            var fields = Fields(text);
            if (fields.Count < header.Length)
                throw new InvalidDataException($"{file}, {place}: there are {fields.Count} values; {header.Length} are needed.");
            var label = fields[places[5]].Trim();
            if (label.Length == 0)
                throw new InvalidDataException($"{file}, {place}: there is no label.");
            if (!images.TryGetValue(fields[places[0]], out var objects))
                images.Add(fields[places[0]], objects = []);
            var edges = Enumerable.Range(1, 4).Select(i => Edge(file, place, Columns[i], fields[places[i]])).ToArray();
            objects.Add(new(place, label, label, new(edges[0], edges[1], edges[2], edges[3]), false));
        }
        return images.Count == 0
            ? throw new InvalidDataException($"{file} holds no object.")
            :
            [
                .. images.Select(image => new AnnotatedImage(
                    file,
                    VottReader.Find(file, imageFolder, image.Key, null),
                    image.Key,
                    null,
                    image.Value
                )),
            ];
    }

    private static double Edge(string file, string place, string column, string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value)
            ? value
            : throw new InvalidDataException($"{file}, {place}: {column} is '{text}'; it must be a number of pixels.");

    /// <summary>The fields of a line; in quotes, two quotes stand for one.</summary>
    private static List<string> Fields(string line)
    {
        var fields = new List<string>();
        var field = new StringBuilder();
        var quoted = false;
        for (var i = 0; i < line.Length; i++)
        {
            var c = line[i];
            if (c == '"' && quoted && i + 1 < line.Length && line[i + 1] == '"')
                field.Append(line[++i]);
            else if (c == '"')
                quoted = !quoted;
            else if (c == ',' && !quoted)
            {
                fields.Add(field.ToString());
                field.Clear();
            }
            else
                field.Append(c);
        }
        fields.Add(field.ToString());
        return fields;
    }
}
