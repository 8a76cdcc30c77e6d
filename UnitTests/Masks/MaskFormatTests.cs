using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Data;
using MLNetLosses.Masks;
using MLNetLosses.UnitTests.Imaging;
using SkiaSharp;

namespace MLNetLosses.UnitTests.Masks;

/// <summary>Mask files of every form, and what is said of wrong ones.</summary>
[TestClass]
public class MaskFormatTests
{
    private DirectoryInfo folder = null!;

    [TestInitialize]
    public void MakeFolder() => folder = Directory.CreateTempSubdirectory("masks");

    [TestCleanup]
    public void DeleteFolder() => folder.Delete(recursive: true);

    private string Write(string name, byte[] content)
    {
        var path = Path.Combine(folder.FullName, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, content);
        return path;
    }

    private static void Refused(string[] parts, Func<SegmentationMask> read)
    {
        var message = Assert.Throws<Exception>(read).Message;
        foreach (var part in parts)
            StringAssert.Contains(message, part);
    }

    [TestMethod]
    [DataRow((byte)1, new byte[] { 0b0110_0000, 0b1000_0000 }, new byte[] { 0, 1, 1, 1, 0, 0 })]
    [DataRow((byte)2, new byte[] { 0b00_01_10_00, 0b11_00_01_00 }, new byte[] { 0, 1, 2, 3, 0, 1 })]
    [DataRow((byte)4, new byte[] { 0x0F, 0x20, 0x71, 0x30 }, new byte[] { 0, 15, 2, 7, 1, 3 })]
    [DataRow((byte)8, new byte[] { 0, 200, 255, 3, 4, 5 }, new byte[] { 0, 200, 255, 3, 4, 5 })]
    public void GreyscaleAndPaletteGiveTheNumbersInTheFile(int depth, byte[] rows, byte[] expected)
    {
        var palette = new byte[3 * (1 << depth)];
        new Random(1).NextBytes(palette);
        foreach (
            var file in new[] { Png.Write(3, 2, Png.Gray, (byte)depth, rows), Png.Write(3, 2, Png.Palette, (byte)depth, rows, palette) }
        )
            CollectionAssert.AreEqual(expected, MaskFormat.Indices().Read(Write("mask.png", file)).Values.ToArray());
    }

    [TestMethod]
    public void SixteenBitsAreReadUpTo255()
    {
        var path = Write("deep.png", Png.Write(2, 1, Png.Gray, 16, [0, 7, 0, 255]));
        CollectionAssert.AreEqual(new byte[] { 7, 255 }, MaskFormat.Indices().Read(path).Values.ToArray());
        path = Write("deeper.png", Png.Write(2, 1, Png.Gray, 16, [0, 7, 1, 2]));
        Refused(["deeper.png", "pixel (1, 0)", "is 258"], () => MaskFormat.Indices().Read(path));
    }

    [TestMethod]
    public void SixteenBitsOfEqualChannelsAreReadUpTo255Too()
    {
        var path = Write("rgb.png", Png.Write(2, 1, Png.Rgb, 16, [0, 7, 0, 7, 0, 7, 0, 255, 0, 255, 0, 255]));
        CollectionAssert.AreEqual(new byte[] { 7, 255 }, MaskFormat.Indices().Read(path).Values.ToArray());
        path = Write("rgba.png", Png.Write(2, 1, Png.RgbAlpha, 16, [0, 3, 0, 3, 0, 3, 255, 255, 1, 2, 1, 2, 1, 2, 255, 255]));
        Refused(["rgba.png", "pixel (1, 0)", "is 258"], () => MaskFormat.Indices().Read(path));
        path = Write("colour.png", Png.Write(1, 1, Png.Rgb, 16, [0, 7, 0, 8, 0, 7]));
        Refused(["colour.png", "pixel (0, 0)", "(7, 8, 7)"], () => MaskFormat.Indices().Read(path));
    }

    /// <summary>Skia writes all five filters; what it decodes is what we read.</summary>
    [TestMethod]
    public void FiltersAreUndoneAsDecodersDo()
    {
        var random = new Random(3);
        using var bitmap = new SKBitmap(61, 47, SKColorType.Gray8, SKAlphaType.Opaque);
        var pixels = new byte[61 * 47];
        for (var i = 0; i < pixels.Length; i++)
            pixels[i] = (byte)(i % 61 * 3 + i / 61 * 2 + random.Next(3));
        System.Runtime.InteropServices.Marshal.Copy(pixels, 0, bitmap.GetPixels(), pixels.Length);
        foreach (
            var filter in new[]
            {
                SKPngEncoderFilterFlags.Sub,
                SKPngEncoderFilterFlags.Up,
                SKPngEncoderFilterFlags.Avg,
                SKPngEncoderFilterFlags.Paeth,
                SKPngEncoderFilterFlags.AllFilters,
            }
        )
        {
            using var data = bitmap.PeekPixels().Encode(new SKPngEncoderOptions(filter, 6));
            CollectionAssert.AreEqual(
                pixels,
                MaskFormat.Indices().Read(Write("f.png", data.ToArray())).Values.ToArray(),
                filter.ToString()
            );
        }
    }

    /// <summary>5 x 3 pixels 0 to 14 in the seven passes of Adam7, each a row of filter 0.</summary>
    [TestMethod]
    public void InterlacedFilesAreRead()
    {
        // Passes of 5 x 3: (0,0); (4,0); none; (2,0); (0,2),(2,2),(4,2); (1,0),(3,0) and (1,2),(3,2); row 1.
        byte[] scan = [0, 0, 0, 4, 0, 2, 0, 10, 12, 14, 0, 1, 3, 0, 11, 13, 0, 5, 6, 7, 8, 9];
        var file = Png.WriteScan(5, 3, Png.Gray, 8, scan, interlaced: true);
        CollectionAssert.AreEqual(
            Enumerable.Range(0, 15).Select(i => (byte)i).ToArray(),
            MaskFormat.Indices().Read(Write("adam7.png", file)).Values.ToArray()
        );
    }

    [TestMethod]
    public void IndicesOutsideTheClassesAreNamed()
    {
        var path = Write("street.png", Png.Write(3, 2, Png.Gray, 8, [0, 1, 255, 2, 11, 12]));
        Assert.AreEqual((byte)12, MaskFormat.Indices().Read(path)[2, 1]);
        Refused(["street.png", "pixel (1, 1)", "is 11", "0 to 10"], () => MaskFormat.Indices(11).Read(path));
        Refused(["pixel (2, 1)", "is 12", "255 or 11 is ignored"], () => MaskFormat.Indices(11, ignoreIndex: 11).Read(path));
        Refused(["is 2"], () => MaskFormat.Indices(classNames: ["a", "b"]).Read(path));
    }

    [TestMethod]
    public void ColoursAreLookedUp()
    {
        var path = Write("colours.png", TestImages.RgbPng(2, 2, (x, y) => (128, 64 * x, 128 * y)));
        var mask = MaskFormat.Colors("#800000", "#804000", "#800080", "#804080").Read(path);
        CollectionAssert.AreEqual(new byte[] { 0, 1, 2, 3 }, mask.Values.ToArray());
        var some = MaskFormat.Colors("#800000", "#804000", "#800080");
        Refused(["colours.png", "pixel (1, 1)", "#804080 (red 128, green 64, blue 128)", "table of 3 colours"], () => some.Read(path));
        Refused(["pixel (0, 0)", "#800000", "MaskFormat.Colors"], () => MaskFormat.Indices().Read(path));
        byte[] palette = [0, 0, 0, 128, 64, 128, 7, 7, 7];
        var indexed = Write("palette.png", Png.Write(2, 1, Png.Palette, 8, [1, 0], palette));
        CollectionAssert.AreEqual(new byte[] { 3, 255 }, MaskFormat.CamVid.Read(indexed).Values.ToArray());
        Assert.AreEqual(11, MaskFormat.CamVid.ClassCount);
        Assert.AreEqual("bicyclist", MaskFormat.CamVid.ClassNames![10]);
        Assert.AreEqual(19, MaskFormat.Cityscapes.ClassCount);
    }

    [TestMethod]
    public void OtherLosslessFilesAreRead()
    {
        using var bitmap = new SKBitmap(2, 1, SKColorType.Rgba8888, SKAlphaType.Opaque);
        bitmap.SetPixel(0, 0, new SKColor(5, 5, 5));
        bitmap.SetPixel(1, 0, new SKColor(9, 9, 9));
        using var webp = bitmap.PeekPixels().Encode(new SKWebpEncoderOptions(SKWebpEncoderCompression.Lossless, 100));
        CollectionAssert.AreEqual(new byte[] { 5, 9 }, MaskFormat.Indices().Read(Write("m.webp", webp.ToArray())).Values.ToArray());
        Refused(["m.jpg", "JPEG"], () => MaskFormat.Indices().Read(Write("m.jpg", TestImages.Jpeg(8, 8))));
    }

    [TestMethod]
    public void OneFileAClassGivesLayersOrIndices()
    {
        Write("cell/1.png", Png.Write(2, 1, Png.Gray, 8, [255, 0]));
        Write("nucleus/1.png", Png.Write(2, 1, Png.Gray, 1, [0b1000_0000]));
        var path = Path.Combine(folder.FullName, "{class}", "1.png");
        var layers = MaskFormat.FilePerClass(["cell", "membrane", "nucleus"]).Read(path);
        Assert.AreEqual(SegmentationMask.OfLayers(2, 1, 3, [1, 0, 0, 0, 1, 0]), layers);
        var indices = MaskFormat.FilePerClass(["cell", "membrane", "nucleus"], layers: false);
        Refused(["nucleus", "pixel (0, 0)", "cell", "layers"], () => indices.Read(path));
        Write("nucleus/1.png", Png.Write(2, 1, Png.Gray, 8, [0, 1]));
        Assert.AreEqual(SegmentationMask.OfIndices(2, 1, [1, 3]), indices.Read(path));
        CollectionAssert.AreEqual(new[] { "background", "cell", "membrane", "nucleus" }, indices.ClassNames!.ToArray());
        Write("membrane/1.png", Png.Write(1, 1, Png.Gray, 8, [0]));
        Refused(["membrane", "1 x 1", "2 x 1"], () => indices.Read(path));
        Refused(["no file for any"], () => indices.Read(path.Replace("1.png", "2.png")));
        Refused(["{class}"], () => indices.Read(Path.Combine(folder.FullName, "1.png")));
    }

    [TestMethod]
    public void DamagedFilesAreNamed()
    {
        var whole = Png.Write(20, 20, Png.Gray, 8, new byte[400]);
        Refused(["cut.png", "truncated"], () => MaskFormat.Indices().Read(Write("cut.png", whole[..^20])));
        var changed = whole.ToArray();
        changed[45] ^= 1;
        Refused(["bit.png", "damaged"], () => MaskFormat.Indices().Read(Write("bit.png", changed)));
        Refused(["lie.png", "50000 x 50000"], () => MaskFormat.Indices().Read(Write("lie.png", Png.Write(50000, 50000, Png.Gray, 8, []))));
        Refused(
            ["short.png", "end too early"],
            () => MaskFormat.Indices().Read(Write("short.png", Png.WriteScan(9, 9, Png.Gray, 8, new byte[50])))
        );
        Refused(["none.png", "cannot be read"], () => MaskFormat.Indices().Read(Path.Combine(folder.FullName, "none.png")));
        Refused(["text.png", "no PNG"], () => MaskFormat.Indices().Read(Write("text.png", "nothing"u8.ToArray())));
        Assert.Throws<ImageDecodeException>(() => MaskFormat.Indices().Read(Write("empty.png", [])));
    }

    [TestMethod]
    public void FormatsThatCannotBeAreRefused()
    {
        static void Wrong(string part, Action make) => StringAssert.Contains(Assert.Throws<Exception>(make).Message, part);
        Wrong("1 to 255", () => MaskFormat.Indices(0));
        Wrong("ignoreIndex is 256", () => MaskFormat.Indices(3, 256));
        Wrong("2 names", () => MaskFormat.Indices(3, classNames: ["a", "b"]));
        Wrong("'a' is there twice", () => MaskFormat.FilePerClass(["a", "a"]));
        Wrong("'red' is no colour", () => MaskFormat.Colors("red"));
        Wrong("#000000", () => MaskFormat.Colors("#000000", "#000000"));
        Wrong("no colour of a class", () => MaskFormat.Colors([new MaskColor(0, 0, 0, 255)]));
        Wrong("class 2", () => MaskFormat.Colors([new MaskColor(0, 0, 0, 2)], ["a", "b"]));
    }

    [TestMethod]
    public void EveryFormatSurvivesItsJson()
    {
        foreach (
            var format in new[]
            {
                MaskFormat.Indices(11, 11),
                MaskFormat.Indices(classNames: ["a", "b"]),
                MaskFormat.Cityscapes,
                MaskFormat.FilePerClass(["x", "y"], layers: false),
            }
        )
            Assert.AreEqual(format, MaskFormat.FromJson(format.ToJson()));
    }
}
