namespace MLNetLosses.Data;

/// <summary>Finds the image files that annotations mean.</summary>
internal static class ImageFiles
{
    private static readonly string[] Extensions = [".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif"];

    public static bool IsImage(string path) => Extensions.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase);

    /// <summary>The name without the extension of an image; other dots stay.</summary>
    public static string Stem(string name) => IsImage(name) ? name[..^Path.GetExtension(name).Length] : name;

    /// <summary>The first of the names that is a file in one of the folders, or null.</summary>
    public static string? Find(IEnumerable<string> folders, IEnumerable<string> names) =>
        folders.SelectMany(_ => names, Path.Combine).FirstOrDefault(File.Exists);

    /// <summary>A name with every extension of images.</summary>
    public static IEnumerable<string> WithExtensions(string stem) =>
        Extensions.SelectMany(extension => new[] { stem + extension, stem + extension.ToUpperInvariant() });

    /// <summary>The lines of a list, without blanks, with their numbers from 1.</summary>
    public static IEnumerable<(string Text, int Number)> Lines(string file) =>
        File.ReadLines(file).Select((line, index) => (line.Trim(), index + 1)).Where(line => line.Item1.Length > 0);

    /// <summary>Refuses a folder that is not there.</summary>
    public static string Folder(string folder)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        return Directory.Exists(folder) ? folder : throw new DirectoryNotFoundException($"There is no folder '{folder}'.");
    }

    /// <summary>Refuses a file that is not there.</summary>
    public static string Existing(string file)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(file);
        return File.Exists(file) ? file : throw new FileNotFoundException($"There is no file '{file}'.", file);
    }
}
