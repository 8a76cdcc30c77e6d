namespace MLNetLosses.Samples;

/// <summary>A folder of images with one subfolder a class.</summary>
public static class ImageFolder
{
    private static readonly string[] Extensions = [".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp"];

    /// <summary>The images with their classes, ordered by class and name.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="DirectoryNotFoundException">It does not exist.</exception>
    /// <exception cref="InvalidDataException">It has no image in any subfolder, or only one class.</exception>
    public static IReadOnlyList<(string Path, string Class)> Read(string folder)
    {
        if (!Directory.Exists(folder))
            throw new DirectoryNotFoundException($"The folder {folder} does not exist.");
        (string Path, string Class)[] images =
        [
            .. Directory
                .EnumerateDirectories(folder)
                .Order(StringComparer.Ordinal)
                .SelectMany(one =>
                    Directory
                        .EnumerateFiles(one)
                        .Where(file => Extensions.Contains(Path.GetExtension(file).ToLowerInvariant()))
                        .Order(StringComparer.Ordinal)
                        .Select(file => (file, Path.GetFileName(one)))
                ),
        ];
        if (images.Length == 0)
            throw new InvalidDataException(
                $"{folder} has no images: put the images of each class into a subfolder named after the class ({string.Join(", ", Extensions)})."
            );
        return images;
    }
}
