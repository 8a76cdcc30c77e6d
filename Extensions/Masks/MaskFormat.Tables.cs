namespace MLNetLosses;

public abstract partial record MaskFormat
{
    /// <summary>
    /// The colours of CamVid, whose 32 kinds are put together to the 11 classes that are usually trained: sky, building, pole, road, pavement, tree, sign,
    /// fence, car, pedestrian, bicyclist; void is ignored.
    /// </summary>
    public static MaskFormat CamVid { get; } =
        Table(
            ("sky", [0x808080]),
            ("building", [0x800000, 0x40C000, 0x008040, 0x400040, 0xC00080]),
            ("pole", [0xC0C080, 0x000040]),
            ("road", [0x804080, 0x8000C0, 0xC00040]),
            ("pavement", [0x0000C0, 0x40C080, 0x8080C0]),
            ("tree", [0x808000, 0xC0C000]),
            ("sign", [0xC08080, 0x808040, 0x004040]),
            ("fence", [0x404080]),
            ("car", [0x400080, 0x4080C0, 0xC080C0, 0xC04080, 0x804040]),
            ("pedestrian", [0x404000, 0xC08040, 0x4000C0, 0x408040]),
            ("bicyclist", [0x0080C0, 0xC000C0]),
            (null, [0x000000])
        );

    /// <summary>The colours of Cityscapes: the 19 classes that are trained, in their usual order; all else is ignored.</summary>
    public static MaskFormat Cityscapes { get; } =
        Table(
            ("road", [0x804080]),
            ("sidewalk", [0xF423E8]),
            ("building", [0x464646]),
            ("wall", [0x66669C]),
            ("fence", [0xBE9999]),
            ("pole", [0x999999]),
            ("traffic light", [0xFAAA1E]),
            ("traffic sign", [0xDCDC00]),
            ("vegetation", [0x6B8E23]),
            ("terrain", [0x98FB98]),
            ("sky", [0x4682B4]),
            ("person", [0xDC143C]),
            ("rider", [0xFF0000]),
            ("car", [0x00008E]),
            ("truck", [0x000046]),
            ("bus", [0x003C64]),
            ("train", [0x005064]),
            ("motorcycle", [0x0000E6]),
            ("bicycle", [0x770B20]),
            (null, [0x000000, 0x6F4A00, 0x510051, 0xFAAAA0, 0xE6968C, 0xB4A5B4, 0x966464, 0x96785A, 0x00005A, 0x00006E])
        );

    private static MaskFormat Table(params (string? Name, uint[] Colors)[] rows) =>
        Colors(
            rows.SelectMany((row, i) => row.Colors.Select(c => MaskColor.Of(c, row.Name is null ? SegmentationMask.Ignored : (byte)i))),
            rows.Select(row => row.Name).OfType<string>()
        );
}
