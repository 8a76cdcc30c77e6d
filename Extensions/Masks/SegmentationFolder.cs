using MLNetLosses.Data;

namespace MLNetLosses.Masks;

/// <summary>A folder with <c>images/</c> and <c>masks/</c> of equal names, and perhaps <c>classes.txt</c>.</summary>
internal static class SegmentationFolder
{
    private static readonly string[] Images = [".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp"];
    private static readonly string[] Masks = [".png", ".bmp", ".gif", ".webp"];

    /// <summary>The rows of the folder, ordered by name, and how its masks are read.</summary>
    public static (List<MaskRows.FileRow> Rows, MaskFormat Format) Read(
        string folder,
        MaskFormat? format,
        string imageFolder,
        string maskFolder,
        int? ignoreIndex
    )
    {
        var (images, masks) = (Existing(Path.Combine(folder, imageFolder)), Existing(Path.Combine(folder, maskFolder)));
        var classes = Path.Combine(folder, "classes.txt");
        format ??= File.Exists(classes) ? ReadClasses(classes, masks, ignoreIndex) : PerClass(masks) ?? MaskFormat.Indices();
        var find = format is FilePerClassMaskFormat files ? PathsPerClass(masks, files) : PathsByName(masks);
        var rows = new List<MaskRows.FileRow>();
        foreach (var group in Files(images, Images).GroupBy(Path.GetFileNameWithoutExtension))
        {
            if (group.Count() > 1)
                throw new InvalidDataException($"'{images}' has several images named '{group.Key}': {string.Join(", ", group)}.");
            var mask =
                find(group.Key!)
                ?? throw new InvalidDataException(
                    $"The image '{group.Single()}' has no mask: '{masks}' has no file named '{group.Key}' ({string.Join(", ", Masks)})."
                );
            rows.Add(new(group.Single(), mask, format));
        }
        return rows.Count > 0 ? (rows, format) : throw new InvalidDataException($"'{images}' has no images ({string.Join(", ", Images)}).");
    }

    private static string Existing(string folder) =>
        Directory.Exists(folder)
            ? folder
            : throw new DirectoryNotFoundException(
                $"The folder '{folder}' does not exist. Images and masks of equal names are expected in two folders."
            );

    private static IEnumerable<string> Files(string folder, string[] extensions) =>
        Directory
            .EnumerateFiles(folder)
            .Where(file => extensions.Contains(Path.GetExtension(file).ToLowerInvariant()))
            .Order(StringComparer.Ordinal);

    private static Func<string, string?> PathsByName(string masks)
    {
        var paths = Files(masks, Masks).GroupBy(Path.GetFileNameWithoutExtension).ToDictionary(g => g.Key!, g => g.ToArray());
        return name =>
            !paths.TryGetValue(name, out var found) ? null
            : found.Length == 1 ? found[0]
            : throw new InvalidDataException($"'{masks}' has several masks named '{name}': {string.Join(", ", found)}.");
    }

    /// <summary>masks/CLASS/NAME.png, as a path with a place for the class.</summary>
    private static Func<string, string?> PathsPerClass(string masks, FilePerClassMaskFormat format)
    {
        var extensions = format
            .Files.Select(name => Path.Combine(masks, name))
            .Where(Directory.Exists)
            .SelectMany(folder => Files(folder, Masks))
            .GroupBy(Path.GetFileNameWithoutExtension)
            .ToDictionary(group => group.Key!, group => Path.GetExtension(group.First()));
        return name =>
            extensions.TryGetValue(name, out var extension) ? Path.Combine(masks, FilePerClassMaskFormat.Place, name + extension) : null;
    }

    private static MaskFormat? PerClass(string masks) =>
        !Files(masks, Masks).Any()
        && Directory.EnumerateDirectories(masks).Select(Path.GetFileName).Order(StringComparer.Ordinal).ToArray() is { Length: > 0 } folders
            ? MaskFormat.FilePerClass(folders!)
            : null;

    /// <summary>A class a line: its name, and perhaps its colour as #rrggbb.</summary>
    private static MaskFormat ReadClasses(string path, string masks, int? ignoreIndex)
    {
        var lines = File.ReadAllLines(path).Select(line => line.Trim()).Where(line => line.Length > 0).ToArray();
        var names = new List<string>();
        var table = new List<MaskColor>();
        foreach (var line in lines)
        {
            var at = line.LastIndexOf('#');
            if (at >= 0)
                try
                {
                    table.Add(MaskColor.Parse(line[at..], (byte)names.Count));
                }
                catch (FormatException e)
                {
                    throw new InvalidDataException($"'{path}', line '{line}': {e.Message}", e);
                }
            names.Add((at < 0 ? line : line[..at]).TrimEnd(' ', '\t', ','));
        }
        if (table.Count != 0 && table.Count != names.Count)
            throw new InvalidDataException($"'{path}' gives {table.Count} of {names.Count} classes a colour; give all or none one.");
        try
        {
            return table.Count > 0 ? MaskFormat.Colors(table, names)
                : PerClass(masks) is not null ? MaskFormat.FilePerClass(names)
                : MaskFormat.Indices(ignoreIndex: ignoreIndex, classNames: names);
        }
        catch (ArgumentException e)
        {
            throw new InvalidDataException($"'{path}': {e.Message}", e);
        }
    }
}
