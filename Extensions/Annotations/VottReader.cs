using System.Globalization;
using System.Text.Json;

namespace MLNetLosses.Data;

/// <summary>Reads what VoTT 2 exports: one JSON file of all images, one JSON file an image, or a CSV file.</summary>
internal static class VottReader
{
    /// <summary>Reads an export. Classes are the tags that JSON declares; null for CSV and for files an image.</summary>
    /// <param name="path">A file, or the folder of an export.</param>
    /// <param name="imageFolder">Where images are looked for first; null: beside the export.</param>
    public static (List<AnnotatedImage> Images, string[]? Classes) Read(string path, string? imageFolder)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        if (imageFolder is not null)
            ImageFiles.Folder(imageFolder);
        if (!Directory.Exists(path))
            return ReadFile(ImageFiles.Existing(path), imageFolder);
        foreach (var pattern in new[] { "*-export.json", "*-export.csv" })
            if (Directory.EnumerateFiles(path, pattern).Order(StringComparer.Ordinal).FirstOrDefault() is { } export)
                return ReadFile(export, imageFolder);
        var assets = Directory.EnumerateFiles(path, "*-asset.json").Order(StringComparer.Ordinal).ToArray();
        return assets.Length == 0
            ? throw new InvalidDataException($"'{path}' holds no export of VoTT: no *-export.json, *-export.csv or *-asset.json.")
            : (Ordered.Select(assets, file => WithJson(file, root => Asset(file, root, imageFolder))), null);
    }

    private static (List<AnnotatedImage>, string[]?) ReadFile(string file, string? imageFolder) =>
        Path.GetExtension(file).Equals(".csv", StringComparison.OrdinalIgnoreCase)
            ? (VottCsvReader.Read(file, imageFolder), null)
            : WithJson(file, root => Export(file, root, imageFolder));

    private static (List<AnnotatedImage>, string[]?) Export(string file, JsonElement root, string? imageFolder)
    {
        if (root.TryGetProperty("asset", out _))
            return ([Asset(file, root, imageFolder)], null);
        if (!root.TryGetProperty("assets", out var assets) || assets.ValueKind != JsonValueKind.Object)
            throw new InvalidDataException(
                $"{file} has no assets: it is no JSON export of VoTT 2."
                    + (root.TryGetProperty("frames", out _) ? " It looks like one of VoTT 1: open it in VoTT 2 and export it again." : "")
            );
        string[]? tags =
            root.TryGetProperty("tags", out var declared) && declared.ValueKind == JsonValueKind.Array
                ?
                [
                    .. declared
                        .EnumerateArray()
                        .Select(tag => tag.TryGetProperty("name", out var name) ? name.GetString() ?? "" : "")
                        .Distinct(),
                ]
                : null;
        List<AnnotatedImage> images = [.. assets.EnumerateObject().Select(asset => Asset(file, asset.Value, imageFolder))];
        return images.Count == 0 ? throw new InvalidDataException($"{file} holds no images.") : (images, tags);
    }

    private static AnnotatedImage Asset(string file, JsonElement entry, string? imageFolder)
    {
        if (
            !entry.TryGetProperty("asset", out var asset)
            || !asset.TryGetProperty("name", out var named)
            || named.GetString() is not { Length: > 0 } name
        )
            throw new InvalidDataException($"{file}: an entry has no asset with a name.");
        var source = $"{file}, image '{name}'";
        var size =
            asset.TryGetProperty("size", out var told)
            && Number(told, "width") is > 0 and var width
            && Number(told, "height") is > 0 and var height
                ? (width, height)
                : ((double, double)?)null;
        var objects = new List<AnnotatedObject>();
        if (entry.TryGetProperty("regions", out var regions) && regions.ValueKind == JsonValueKind.Array)
            foreach (var (region, index) in regions.EnumerateArray().Select((region, index) => (region, index)))
                objects.AddRange(Region(source, region, $"region {index + 1}"));
        var path = asset.TryGetProperty("path", out var uri) ? uri.GetString() : null;
        return new(source, Find(file, imageFolder, name, path), name, size, objects);
    }

    /// <summary>One object for each tag of a region.</summary>
    private static IEnumerable<AnnotatedObject> Region(string source, JsonElement region, string place)
    {
        if (
            !region.TryGetProperty("boundingBox", out var box)
            || Number(box, "left") is not { } left
            || Number(box, "top") is not { } top
            || Number(box, "width") is not { } width
            || Number(box, "height") is not { } height
        )
            throw new InvalidDataException($"{source}, {place}: it has no boundingBox of left, top, width and height.");
        string[] tags = region.TryGetProperty("tags", out var given)
            ? [.. given.EnumerateArray().Select(tag => tag.GetString() ?? "")]
            : [];
        if (tags.Length == 0)
            throw new InvalidDataException($"{source}, {place}: it has no tag, which tells its class.");
        return tags.Select(tag => new AnnotatedObject(place, tag, tag, new(left, top, left + width, top + height), false));
    }

    /// <summary>The image of an asset: in the folder given, beside the export or above it, or where VoTT saw it.</summary>
    internal static string? Find(string file, string? imageFolder, string name, string? uri)
    {
        var beside = Path.GetDirectoryName(Path.GetFullPath(file))!;
        string[] folders = [.. imageFolder is null ? Array.Empty<string>() : [imageFolder], beside, Path.Combine(beside, "..")];
        string[] names = [.. new[] { name, Uri.UnescapeDataString(name) }.Distinct()];
        return ImageFiles.Find(folders, names)
            ?? (
                uri is not null && uri.StartsWith("file:", StringComparison.OrdinalIgnoreCase)
                    ? new[] { uri["file:".Length..], Uri.UnescapeDataString(uri["file:".Length..]) }.FirstOrDefault(File.Exists)
                    : null
            );
    }

    private static double? Number(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object
        && element.TryGetProperty(name, out var value)
        && value.ValueKind == JsonValueKind.Number
        && value.GetDouble() is var number
        && double.IsFinite(number)
            ? number
            : null;

    private static T WithJson<T>(string file, Func<JsonElement, T> read)
    {
        try
        {
            using var stream = File.OpenRead(file);
            using var document = JsonDocument.Parse(stream);
            return read(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new InvalidDataException($"{file} is no JSON export of VoTT: {e.Message}", e);
        }
    }
}
