using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Imaging;

[TestClass]
public class ImagePreprocessingTests
{
    private static readonly ImagePreprocessing Every = new()
    {
        Width = 33,
        Height = 44,
        Resize = ResizeRule.Pad,
        Color = ImageColor.Rgb,
        Mean = [0.1, 0.2, 0.3],
        Std = [0.4, 0.5, 0.6],
        Background = [1, 2, 3],
        PadColor = [4, 5, 6],
        MaxPixels = 1234567,
        ReducedJpegDecoding = false,
    };

    [TestMethod]
    public void TextAndJsonGiveBackAnEqualObject()
    {
        foreach (
            var one in new[]
            {
                new(),
                Every,
                new() { Color = ImageColor.Gray },
                new()
                {
                    Color = ImageColor.Gray,
                    Mean = [0.5],
                    Std = [0.25],
                },
            }
        )
        {
            Assert.AreEqual(one, ImagePreprocessing.Parse(one.ToString()));
            Assert.AreEqual(one, ImagePreprocessing.Parse(one.ToJson()));
        }
        Assert.AreNotEqual(Every, Every with { Mean = [0.1, 0.2, 0.31] });
        Assert.AreNotEqual(Every, Every with { PadColor = [4, 5, 7] });
    }

    [TestMethod]
    public void OptionsOutOfRangeAreRefused()
    {
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new ImagePreprocessing { Width = 0 });
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new ImagePreprocessing { Height = 16385 });
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new ImagePreprocessing { Resize = (ResizeRule)7 });
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new ImagePreprocessing { Color = (ImageColor)7 });
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new ImagePreprocessing { MaxPixels = 0 });
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new ImagePreprocessing { Std = [0.1, 0, 0.1] });
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new ImagePreprocessing { Mean = [double.NaN] });
        Assert.ThrowsExactly<ArgumentException>(() => new ImagePreprocessing { Mean = [0.5, 0.5] });
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new ImagePreprocessing { Background = [0, 0, 256] });
        Assert.ThrowsExactly<ArgumentException>(() => new ImagePreprocessing { PadColor = [0] });
        StringAssert.Contains(
            Assert
                .ThrowsExactly<FormatException>(() => ImagePreprocessing.Parse("{\"preprocessing\": \"ImagePreprocessing\", \"wide\": 3}"))
                .Message,
            "wide"
        );
        Assert.ThrowsExactly<ArgumentException>(() => new PixelNormalization(new ImagePreprocessing { Mean = [0.5] }));
    }

    [TestMethod]
    public void BytesAndTensorsAreNormalisedAlike()
    {
        using var scope = NewDisposeScope();
        var normalization = new PixelNormalization(Every);
        var bytes = randint(0, 256, [5, 3, 7, 9], ScalarType.Byte, generator: new Generator(3));
        var fused = normalization.Apply(bytes);
        var exact = normalization.Apply(bytes.to(ScalarType.Float64));
        var mean = tensor(Every.Mean!.ToArray()).view(3, 1, 1);
        var std = tensor(Every.Std!.ToArray()).view(3, 1, 1);
        var expected = (bytes.to(ScalarType.Float64) / 255 - mean) / std;
        Assert.IsTrue(exact.allclose(expected, 1e-12, 1e-12));
        Assert.AreEqual(ScalarType.Float32, fused.dtype);
        Assert.IsTrue(fused.to(ScalarType.Float64).allclose(expected, 1e-6, 1e-6));
        Assert.AreEqual(fused[2, 1, 3, 4].item<float>(), normalization.Value(1, bytes[2, 1, 3, 4].item<byte>()));
        Assert.ThrowsExactly<ArgumentException>(() => normalization.Apply(zeros(2, 1, 4, 4)));
    }

    [TestMethod]
    [DataRow(7, 5, 3, 4)]
    [DataRow(7, 5, 12, 9)]
    [DataRow(40, 33, 5, 31)]
    [DataRow(8, 8, 8, 3)]
    public void DecodingResizesAsTheTensorOperationDoes(int width, int height, int toWidth, int toHeight)
    {
        using var scope = NewDisposeScope();
        var random = new Random(1);
        var values = new byte[3 * width * height];
        random.NextBytes(values);
        var png = TestImages.RgbPng(width, height, (x, y) => (Value(0, x, y), Value(1, x, y), Value(2, x, y)));
        var size = new ImagePreprocessing
        {
            Width = toWidth,
            Height = toHeight,
            Resize = ResizeRule.Stretch,
        };
        var decoded = tensor(TestImages.Decode(png, size), [3, toHeight, toWidth], ScalarType.Byte).to(ScalarType.Float64);
        var source = tensor(values, [3, height, width], ScalarType.Byte).to(ScalarType.Float64);
        var difference = (decoded - TensorResize.Bilinear(source, toHeight, toWidth)).abs().max().item<double>();
        Assert.IsTrue(difference <= 0.5 + 1e-3, $"rounding explains half a level, the difference is {difference}");

        int Value(int channel, int x, int y) => values[channel * width * height + y * width + x];
    }
}
