using MLNetLosses.Losses;

namespace MLNetLosses.Masks;

/// <summary>Pictures of class indices.</summary>
internal sealed record IndexMaskFormat : MaskFormat
{
    public int? Count { get; init; }

    public int? IgnoreIndex { get; init; }

    public override int? ClassCount => Count;

    internal override SegmentationMask Read(string path)
    {
        var picture = MaskPicture.Read(path);
        var indices = picture.ToIndices(path);
        if (Count is { } count)
            for (var i = 0; i < indices.Length; i++)
                if (indices[i] >= count && indices[i] != SegmentationMask.Ignored && indices[i] != IgnoreIndex)
                    throw MaskErrors.At(
                        path,
                        i,
                        picture.Width,
                        $"is {indices[i]}; classes are 0 to {count - 1}, and {SegmentationMask.Ignored}{(IgnoreIndex is { } ignored ? $" or {ignored}" : "")} is ignored."
                    );
        return SegmentationMask.Owning(picture.Width, picture.Height, 0, indices);
    }
}

/// <summary>Pictures of colours.</summary>
internal sealed record ColorMaskFormat : MaskFormat
{
    public required ValueList<MaskColor> Table { get; init; }

    public override int? ClassCount =>
        ClassNames?.Count ?? Table.Where(row => row.Class != SegmentationMask.Ignored).Max(row => row.Class) + 1;

    public void Validate()
    {
        if (Table.All(row => row.Class == SegmentationMask.Ignored))
            throw new ArgumentException("The table has no colour of a class.");
        foreach (var group in Table.GroupBy(row => row.Rgb))
            if (group.Select(row => row.Class).Distinct().Count() > 1)
                throw new ArgumentException(
                    $"The colour {MaskColor.Text(group.Key)} stands for the classes {string.Join(" and ", group.Select(row => row.Class))}."
                );
        if (Table.FirstOrDefault(row => row.Class >= ClassCount && row.Class != SegmentationMask.Ignored) is { Class: > 0 } beyond)
            throw new ArgumentException(
                $"The colour {MaskColor.Text(beyond.Rgb)} stands for the class {beyond.Class}, but {ClassCount} names are given."
            );
    }

    internal override SegmentationMask Read(string path)
    {
        var classes = Table.DistinctBy(row => row.Rgb).ToDictionary(row => row.Rgb, row => row.Class);
        var picture = MaskPicture.Read(path);
        var indices = new byte[picture.Width * picture.Height];
        var (last, lastClass) = (uint.MaxValue, (byte)0);
        for (var i = 0; i < indices.Length; i++)
        {
            var color = picture.Color(i);
            if (color != last)
                (last, lastClass) = classes.TryGetValue(color, out var found)
                    ? (color, found)
                    : throw MaskErrors.At(
                        path,
                        i,
                        picture.Width,
                        $"has the colour {MaskColor.Text(color)}, which the table of {Table.Count} colours does not have."
                    );
            indices[i] = lastClass;
        }
        return SegmentationMask.Owning(picture.Width, picture.Height, 0, indices);
    }
}

/// <summary>One picture a class.</summary>
internal sealed record FilePerClassMaskFormat : MaskFormat
{
    public const string Place = "{class}";

    public required ValueList<string> Files { get; init; }

    public required bool Layers { get; init; }

    public override int? ClassCount => Layers ? Files.Count : Files.Count + 1;

    internal override bool HasLayers => Layers;

    internal override SegmentationMask Read(string path)
    {
        if (!path.Contains(Place))
            throw MaskErrors.Of(path, $"the path must hold {Place}, where the name of each class goes.");
        var (width, height, first) = (0, 0, "");
        byte[]? values = null;
        for (var i = 0; i < Files.Count; i++)
        {
            var file = path.Replace(Place, Files[i]);
            if (!File.Exists(file))
                continue;
            var picture = MaskPicture.Read(file);
            if (values is null)
                (values, width, height, first) = (
                    new byte[checked((Layers ? Files.Count : 1) * picture.Width * picture.Height)],
                    picture.Width,
                    picture.Height,
                    file
                );
            if (picture.Width != width || picture.Height != height)
                throw MaskErrors.Of(
                    file,
                    $"it has {picture.Width} x {picture.Height} pixels, but '{first}' of the same image has {width} x {height}."
                );
            var binary = picture.ToBinary();
            if (Layers)
                binary.CopyTo(values, i * binary.Length);
            else
                Add(values, binary, i, path, file, width);
        }
        return values is null
            ? throw MaskErrors.Of(path, $"there is no file for any of the classes {string.Join(", ", Files)}.")
            : SegmentationMask.Owning(width, height, Layers ? Files.Count : 0, values);
    }

    private void Add(byte[] values, byte[] binary, int index, string path, string file, int width)
    {
        for (var i = 0; i < binary.Length; i++)
        {
            if (binary[i] == 0)
                continue;
            if (values[i] != 0)
                throw MaskErrors.At(
                    file,
                    i,
                    width,
                    $"is set here and in '{path.Replace(Place, Files[values[i] - 1])}'. For classes that overlap use layers."
                );
            values[i] = (byte)(index + 1);
        }
    }
}
