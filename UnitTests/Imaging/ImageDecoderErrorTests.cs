using System.Text;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Data;

namespace MLNetLosses.UnitTests.Imaging;

[TestClass]
public class ImageDecoderErrorTests
{
    private static readonly ImagePreprocessing Small = new() { Width = 4, Height = 4 };

    [TestMethod]
    public void AnEmptyFileIsNamed()
    {
        var path = Temporary([]);
        var error = Assert.ThrowsExactly<ImageDecodeException>(() => ImageDecoder.DecodeFile(path, Small, new byte[48]));
        Assert.AreEqual(path, error.File);
        StringAssert.Contains(error.Message, path);
        StringAssert.Contains(error.Message, "no bytes");
    }

    [TestMethod]
    public void AMissingFileAndAFolderAreNamed()
    {
        foreach (var path in new[] { "/nowhere/at all.png", Path.GetTempPath() })
        {
            var error = Assert.ThrowsExactly<ImageDecodeException>(() => ImageDecoder.DecodeFile(path, Small, new byte[48]));
            StringAssert.Contains(error.Message, path);
            StringAssert.Contains(error.Message, "cannot be read");
        }
    }

    [TestMethod]
    public void WhatIsNoImageIsShown()
    {
        var error = Assert.ThrowsExactly<ImageDecodeException>(() =>
            TestImages.Decode(Encoding.ASCII.GetBytes("<!DOCTYPE html><html>"), Small)
        );
        StringAssert.Contains(error.Message, "<!DOCTYPE ht");
        StringAssert.Contains(error.Message, "JPEG, PNG");
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void ATruncatedFileIsRefused(bool jpeg)
    {
        var whole = jpeg ? TestImages.Jpeg(64, 64) : TestImages.RgbPng(64, 64, (x, y) => (x * y, x, y * 7));
        var error = Assert.ThrowsExactly<ImageDecodeException>(() => TestImages.Decode(whole[..(whole.Length / 2)], Small));
        StringAssert.Contains(error.Message, jpeg ? "JPEG of 64 x 64" : "PNG of 64 x 64");
    }

    [TestMethod]
    public void EveryShorteningOfAFileIsAnImageOrAnError()
    {
        var whole = TestImages.RgbPng(6, 6, (x, y) => (x * 40, y * 40, 9));
        for (var length = 0; length < whole.Length; length++)
            Read(whole[..length]);
        var random = new Random(5);
        var jpeg = TestImages.Jpeg(24, 24);
        for (var i = 0; i < 300; i++)
        {
            var damaged = jpeg.ToArray();
            damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            Read(damaged);
        }

        static void Read(byte[] bytes)
        {
            try
            {
                TestImages.Decode(bytes, Small);
            }
            catch (ImageDecodeException) { }
        }
    }

    [TestMethod]
    public void AHugeImageIsRefusedFromItsHeaderAlone()
    {
        var huge = Png.Write(20_000, 20_000, Png.Rgb, 8, []);
        var before = GC.GetTotalAllocatedBytes(precise: true);
        var error = Assert.ThrowsExactly<ImageDecodeException>(() => TestImages.Decode(huge, Small));
        Assert.IsTrue(GC.GetTotalAllocatedBytes(precise: true) - before < 1_000_000, "nothing is set aside for it");
        StringAssert.Contains(error.Message, "20000 x 20000 = 400,000,000 pixels");
        StringAssert.Contains(error.Message, "MaxPixels");
    }

    [TestMethod]
    public void TheLimitOnPixelsIsAnOption()
    {
        var file = TestImages.RgbPng(10, 10, (_, _) => (1, 2, 3));
        Assert.ThrowsExactly<ImageDecodeException>(() => TestImages.Decode(file, Small with { MaxPixels = 99 }));
        TestImages.Decode(file, Small with { MaxPixels = 100 });
    }

    [TestMethod]
    public void FilesAreNotKeptOpen()
    {
        var good = Temporary(TestImages.RgbPng(4, 4, (_, _) => (1, 2, 3)));
        var bad = Temporary(TestImages.Jpeg(64, 64)[..200]);
        ImageDecoder.DecodeFile(good, Small, new byte[48]);
        Assert.ThrowsExactly<ImageDecodeException>(() => ImageDecoder.DecodeFile(bad, Small, new byte[48]));
        foreach (var path in new[] { good, bad })
        {
            using var exclusive = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            Assert.IsTrue(exclusive.Length > 0);
        }
    }

    [TestMethod]
    public void ATargetOfTheWrongLengthIsRefused() =>
        Assert.ThrowsExactly<ArgumentException>(() =>
            ImageDecoder.Decode(TestImages.RgbPng(4, 4, (_, _) => (1, 2, 3)), Small, new byte[47])
        );

    private static string Temporary(byte[] content)
    {
        var path = Path.Combine(Directory.CreateTempSubdirectory("imaging").FullName, "image.bin");
        File.WriteAllBytes(path, content);
        return path;
    }
}
