using Microsoft.ML.Data;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Data;

namespace MLNetLosses.UnitTests.Imaging;

[TestClass]
public class ImageDecoderTests
{
    private static readonly ImagePreprocessing Small = new() { Width = 4, Height = 2 };

    [TestMethod]
    public void AnImageOfTheTargetSizeKeepsItsPixels()
    {
        var planes = TestImages.Decode(TestImages.RgbPng(4, 2, (x, y) => (10 * x, 100 * y, 7 + x + y)), Small);
        for (var y = 0; y < 2; y++)
        for (var x = 0; x < 4; x++)
            Assert.AreEqual((10 * x, 100 * y, 7 + x + y), TestImages.At(planes, Small, x, y));
    }

    [TestMethod]
    public void GreyscaleFilesHaveTheSameValueInThreeChannels()
    {
        var planes = TestImages.Decode(Png.Write(4, 2, Png.Gray, 8, [1, 2, 3, 4, 50, 60, 70, 80]), Small);
        CollectionAssert.AreEqual(new byte[] { 1, 2, 3, 4, 50, 60, 70, 80 }, planes[..8]);
        CollectionAssert.AreEqual(planes[..8], planes[16..]);
    }

    [TestMethod]
    public void PalettesAreLookedUp()
    {
        var file = Png.Write(4, 2, Png.Palette, 8, [0, 1, 0, 1, 1, 0, 1, 0], palette: [9, 8, 7, 200, 100, 50]);
        var planes = TestImages.Decode(file, Small);
        Assert.AreEqual((9, 8, 7), TestImages.At(planes, Small, 0, 0));
        Assert.AreEqual((200, 100, 50), TestImages.At(planes, Small, 0, 1));
    }

    [TestMethod]
    public void SixteenBitsAreReducedToEight()
    {
        byte[] row = [0x00, 0x00, 0x40, 0x00, 0x80, 0x00, 0xFF, 0xFF];
        var planes = TestImages.Decode(Png.Write(4, 2, Png.Gray, 16, [.. row, .. row]), Small);
        CollectionAssert.AreEqual(new byte[] { 0, 0x40, 0x80, 0xFF }, planes[..4]);
    }

    [TestMethod]
    public void TransparentPixelsShowTheBackground()
    {
        byte[] pixels = [255, 0, 0, 255, 255, 0, 0, 0, 255, 0, 0, 128, 0, 0, 0, 255];
        var file = Png.Write(4, 2, Png.RgbAlpha, 8, [.. pixels, .. pixels]);
        var planes = TestImages.Decode(file, Small with { Background = [0, 0, 255] });
        Assert.AreEqual((255, 0, 0), TestImages.At(planes, Small, 0, 0));
        Assert.AreEqual((0, 0, 255), TestImages.At(planes, Small, 1, 0));
        Assert.AreEqual((128, 0, 127), TestImages.At(planes, Small, 2, 0));
        Assert.AreEqual((255, 255, 255), TestImages.At(TestImages.Decode(file, Small), Small, 1, 0), "white is the default");
    }

    [TestMethod]
    public void CmykJpegsHaveTheirColours()
    {
        var size = new ImagePreprocessing { Width = 16, Height = 8 };
        var planes = TestImages.Decode(TestImages.CmykJpeg, size);
        Near((255, 0, 0), TestImages.At(planes, size, 2, 4));
        Near((0, 255, 0), TestImages.At(planes, size, 13, 4));
    }

    [TestMethod]
    [DataRow(1, 0, 0)]
    [DataRow(2, 1, 0)]
    [DataRow(3, 1, 1)]
    [DataRow(4, 0, 1)]
    [DataRow(5, 0, 0)]
    [DataRow(6, 1, 0)]
    [DataRow(7, 1, 1)]
    [DataRow(8, 0, 1)]
    public void ExifOrientationIsApplied(int orientation, int right, int below)
    {
        // The stored picture is 32 x 16, red grows to the right and green downwards: its dark corner must go to the given corner.
        var file = TestImages.WithOrientation(TestImages.Jpeg(32, 16), orientation);
        var (width, height) = orientation > 4 ? (16, 32) : (32, 16);
        var size = new ImagePreprocessing { Width = width, Height = height };
        var planes = TestImages.Decode(file, size);
        var (x, y) = (right * (width - 1), below * (height - 1));
        var (dark, bright) = (TestImages.At(planes, size, x, y), TestImages.At(planes, size, width - 1 - x, height - 1 - y));
        Assert.IsTrue(dark.R < 30 && dark.G < 30, $"dark corner {dark}");
        Assert.IsTrue(bright.R > 225 && bright.G > 215, $"bright corner {bright}");
    }

    [TestMethod]
    public void OneChannelIsLuma()
    {
        var gray = new ImagePreprocessing
        {
            Width = 3,
            Height = 1,
            Color = ImageColor.Gray,
        };
        var file = TestImages.RgbPng(3, 1, (x, _) => (x == 0 ? 255 : 0, x == 1 ? 255 : 0, x == 2 ? 255 : 0));
        CollectionAssert.AreEqual(new byte[] { 76, 150, 29 }, TestImages.Decode(file, gray));
    }

    [TestMethod]
    public void AOnePixelImageFillsAnySize()
    {
        foreach (var rule in Enum.GetValues<ResizeRule>())
        {
            var size = new ImagePreprocessing
            {
                Width = 5,
                Height = 5,
                Resize = rule,
            };
            var planes = TestImages.Decode(TestImages.RgbPng(1, 1, (_, _) => (10, 20, 30)), size);
            for (var i = 0; i < 25; i++)
                Assert.AreEqual((10, 20, 30), TestImages.At(planes, size, i % 5, i / 5), rule.ToString());
        }
    }

    [TestMethod]
    public void TheRulesCropStretchAndPad()
    {
        // Left third red, middle third green, right third blue.
        var file = TestImages.RgbPng(12, 4, (x, _) => (x < 4 ? 255 : 0, x is >= 4 and < 8 ? 255 : 0, x >= 8 ? 255 : 0));
        var size = new ImagePreprocessing { Width = 4, Height = 4 };
        var crop = TestImages.Decode(file, size with { Resize = ResizeRule.CropCenter });
        Assert.IsTrue(Enumerable.Range(0, 16).All(i => TestImages.At(crop, size, i % 4, i / 4) == (0, 255, 0)), "the middle third remains");

        var pad = TestImages.Decode(file, (size with { Width = 6, Height = 6, Resize = ResizeRule.Pad, PadColor = [1, 2, 3] }));
        var padded = size with { Width = 6, Height = 6 };
        Assert.AreEqual((1, 2, 3), TestImages.At(pad, padded, 0, 1));
        Assert.AreEqual((255, 0, 0), TestImages.At(pad, padded, 0, 2));
        Assert.AreEqual((0, 0, 255), TestImages.At(pad, padded, 5, 3));
        Assert.AreEqual((1, 2, 3), TestImages.At(pad, padded, 5, 4));

        var three = size with { Width = 3, Height = 1, Resize = ResizeRule.Stretch };
        var stretched = TestImages.Decode(file, three);
        Assert.IsTrue(TestImages.At(stretched, three, 0, 0).R > 200 && TestImages.At(stretched, three, 2, 0).B > 200);
    }

    [TestMethod]
    public void ReducedDecodingOfJpegsIsCloseToFullDecoding()
    {
        var file = TestImages.Jpeg(640, 480);
        var size = new ImagePreprocessing { Width = 64, Height = 48 };
        var (reduced, full) = (TestImages.Decode(file, size), TestImages.Decode(file, size with { ReducedJpegDecoding = false }));
        var worst = reduced.Zip(full, (a, b) => Math.Abs(a - b)).Max();
        var mean = reduced.Zip(full, (a, b) => Math.Abs(a - b)).Average();
        Assert.IsTrue(worst <= 4 && mean < 0.75, $"worst {worst}, mean {mean}");
    }

    [TestMethod]
    public void ImagesOfMLNetGiveTheSamePixelsAsTheirFile()
    {
        var file = TestImages.RgbPng(9, 7, (x, y) => (20 * x, 30 * y, 5 * x * y));
        using var image = MLImage.CreateFromStream(new MemoryStream(file));
        foreach (var rule in Enum.GetValues<ResizeRule>())
        {
            var size = Small with { Resize = rule };
            var planes = new byte[size.ImageBytes];
            ImageDecoder.Decode(image, size, planes);
            CollectionAssert.AreEqual(TestImages.Decode(file, size), planes);
        }
        byte[] bgra = [30, 20, 10, 255];
        using var blueFirst = MLImage.CreateFromPixels(1, 1, MLPixelFormat.Bgra32, bgra);
        using var redFirst = MLImage.CreateFromPixels(1, 1, MLPixelFormat.Rgba32, bgra);
        var one = new ImagePreprocessing { Width = 1, Height = 1 };
        var pixel = new byte[3];
        ImageDecoder.Decode(blueFirst, one, pixel);
        CollectionAssert.AreEqual(new byte[] { 10, 20, 30 }, pixel);
        ImageDecoder.Decode(redFirst, one, pixel);
        CollectionAssert.AreEqual(new byte[] { 30, 20, 10 }, pixel);
    }

    [TestMethod]
    public void DecodingOnManyThreadsGivesTheSame()
    {
        byte[][] files = [.. Enumerable.Range(0, 8).Select(i => TestImages.Jpeg(40 + 7 * i, 30 + 5 * i))];
        var size = new ImagePreprocessing { Width = 24, Height = 24 };
        byte[][] alone = [.. files.Select(f => TestImages.Decode(f, size))];
        Parallel.For(0, 64, i => CollectionAssert.AreEqual(alone[i % 8], TestImages.Decode(files[i % 8], size)));
    }

    private static void Near((int R, int G, int B) expected, (int R, int G, int B) actual) =>
        Assert.IsTrue(
            Math.Abs(expected.R - actual.R) < 6 && Math.Abs(expected.G - actual.G) < 6 && Math.Abs(expected.B - actual.B) < 6,
            $"expected about {expected}, got {actual}"
        );
}
