using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Data;
using MLNetLosses.Interop;
using MLNetLosses.UnitTests.Imaging;
using TorchSharp;

namespace MLNetLosses.UnitTests.Transforms;

/// <summary>Transforms of images with their masks.</summary>
[TestClass]
public class MaskedImageTransformTests
{
    private static readonly MLContext Context = new(1);
    private readonly TemporaryFolder folder = new();

    [TestCleanup]
    public void DeleteFolder() => folder.Dispose();

    public sealed class Row
    {
        public string ImagePath { get; set; } = "";

        [SegmentationMaskType]
        public SegmentationMask? Mask { get; set; }
    }

    public sealed class OutputRow
    {
        public MLImage? Image { get; set; }

        [SegmentationMaskType]
        public SegmentationMask? Mask { get; set; }
    }

    /// <summary>Images whose red says column and green says row, with masks whose index is 10 row + column.</summary>
    private Row Coordinates(string name, int width, int height)
    {
        var path = folder.File(name);
        File.WriteAllBytes(path, TestImages.RgbPng(width, height, (x, y) => (x, y, 200)));
        byte[] mask = [.. Enumerable.Range(0, width * height).Select(i => (byte)(10 * (i / width) + i % width))];
        return new() { ImagePath = path, Mask = SegmentationMask.OfIndices(width, height, mask) };
    }

    private static byte[] Pixels(MLImage image) => MLImages.PixelsOf(image).ToArray();

    private static OutputRow[] Read(IEstimator<ITransformer> transform, params Row[] rows)
    {
        var data = Context.Data.LoadFromEnumerable(rows);
        return [.. Context.Data.CreateEnumerable<OutputRow>(transform.Fit(data).Transform(data), false, ignoreMissingColumns: true)];
    }

    [TestMethod]
    public void MasksAreBlendedOverImages()
    {
        var path = folder.File("a.png");
        File.WriteAllBytes(path, TestImages.RgbPng(4, 1, (_, _) => (100, 100, 0)));
        var rows = new[]
        {
            new Row { ImagePath = path, Mask = SegmentationMask.OfIndices(4, 1, [0, 1, 255, 2]) },
            new Row { ImagePath = path },
        };
        var painted = Read(
            Context.Transforms.OverlayMask("Image", maskColumnName: "Mask", opacity: 0.5, colors: ["#000000", "#FF0000", "#0000C8"]),
            rows
        );
        CollectionAssert.AreEqual(
            new byte[] { 100, 100, 0, 255, 177, 50, 0, 255, 100, 100, 0, 255, 50, 50, 100, 255 },
            Pixels(painted[0].Image!)
        );
        CollectionAssert.AreEqual(new byte[] { 100, 100, 0, 255 }, Pixels(painted[1].Image!)[4..8]);
        var all = Read(Context.Transforms.OverlayMask("Image", maskColumnName: "Mask", opacity: 1, background: null), rows);
        CollectionAssert.AreEqual(new byte[] { 0, 0, 0, 255, 128, 0, 0, 255, 100, 100, 0, 255 }, Pixels(all[0].Image!)[..12]);
    }

    [TestMethod]
    public void AMaskOfAnotherSizeIsNamed()
    {
        var row = Coordinates("wrong.png", 4, 3);
        row.Mask = SegmentationMask.OfIndices(3, 4, new byte[12]);
        var message = Assert
            .Throws<ArgumentException>(() => Read(Context.Transforms.OverlayMask("Image", maskColumnName: "Mask"), row))
            .Message;
        StringAssert.Contains(message, "Row 0");
        StringAssert.Contains(message, "wrong.png");
        StringAssert.Contains(message, "4 x 3");
        StringAssert.Contains(message, "3 x 4");
        Assert.Throws<ArgumentOutOfRangeException>(() => Context.Transforms.OverlayMask("Image", opacity: 1.5));
    }

    /// <summary>Whatever is cropped, flipped and shifted: the pixel of the image and of the mask come from the same place.</summary>
    [TestMethod]
    public void MasksMoveWithTheirImages()
    {
        var augmentation = new Augmentation
        {
            CropPadding = 0.3,
            HorizontalFlip = 0.5,
            VerticalFlip = 0.5,
            Fill = 255,
        };
        Row[] rows = [.. Enumerable.Range(0, 12).Select(i => Coordinates($"{i}.png", 9, 7))];
        var changed = Read(Context.Transforms.AugmentImageAndMask(augmentation, seed: 3), rows);
        var orders = new HashSet<string>();
        foreach (var row in changed)
        {
            var pixels = Pixels(row.Image!);
            for (var i = 0; i < 63; i++)
            {
                var (x, y) = (pixels[4 * i], pixels[4 * i + 1]);
                Assert.AreEqual(x == 255 ? (byte)255 : (byte)(10 * y + x), row.Mask!.Values[i]);
            }
            orders.Add(Convert.ToHexString(row.Mask!.Values));
        }
        Row[] layered =
        [
            .. rows.Select(row => new Row { ImagePath = row.ImagePath, Mask = SegmentationMask.OfLayers(9, 7, 1, new byte[63]) }),
        ];
        foreach (var row in Read(Context.Transforms.AugmentImageAndMask(augmentation, seed: 3), layered))
            Assert.IsTrue(Enumerable.Range(0, 63).All(i => row.Mask!.Values[i] == (Pixels(row.Image!)[4 * i] == 255 ? 255 : 0)));
        Assert.IsGreaterThan(6, orders.Count);
        var again = Read(Context.Transforms.AugmentImageAndMask(augmentation, seed: 3), rows);
        CollectionAssert.AreEqual(changed.Select(r => r.Mask).ToArray(), again.Select(r => r.Mask).ToArray());
        var other = Read(Context.Transforms.AugmentImageAndMask(augmentation, seed: 4), rows);
        CollectionAssert.AreNotEqual(changed.Select(r => r.Mask).ToArray(), other.Select(r => r.Mask).ToArray());
    }

    [TestMethod]
    public void TurnedMasksHoldOnlyWhatTheyHeldAndFollowTheImage()
    {
        // The left half is class 1 and bright, the right half class 2 and dark: where the image is clearly one, the mask must be so too.
        var path = folder.File("halves.png");
        File.WriteAllBytes(path, TestImages.RgbPng(40, 40, (x, _) => x < 20 ? (250, 250, 250) : (60, 60, 60)));
        byte[] halves = [.. Enumerable.Range(0, 1600).Select(i => (byte)(i % 40 < 20 ? 1 : 2))];
        var row = new Row { ImagePath = path, Mask = SegmentationMask.OfIndices(40, 40, halves) };
        var augmentation = new Augmentation { Affine = new() { Degrees = 60 } };
        var before = LiveTensors.Settled();
        var changed = Read(Context.Transforms.AugmentImageAndMask(augmentation, seed: 1), row, row, row);
        Assert.AreEqual(before, torch.Tensor.TotalCount);
        foreach (var one in changed)
        {
            var pixels = Pixels(one.Image!);
            for (var i = 0; i < 1600; i++)
                if (pixels[4 * i] is 250 or 60 or 0)
                    Assert.AreEqual(
                        pixels[4 * i] switch
                        {
                            250 => 1,
                            60 => 2,
                            _ => 255,
                        },
                        one.Mask!.Values[i],
                        $"pixel {i}"
                    );
        }
        Assert.IsTrue(changed.Any(one => one.Mask!.Values.Contains((byte)255)));
    }

    [TestMethod]
    public void MixingIsRefused()
    {
        var error = Assert.Throws<ArgumentException>(() => Context.Transforms.AugmentImageAndMask(Augmentation.Strong));
        StringAssert.Contains(error.Message, "CutMix");
        Assert.Throws<ArgumentException>(() => Context.Transforms.AugmentImageAndMask(Augmentation.Light, outputMaskColumnName: ""));
    }

    /// <summary>Also: the columns that go into a model may be of masks.</summary>
    [TestMethod]
    public void AnotherProcessLoadsThemWithNothingRegistered()
    {
        var row = Coordinates("a.png", 9, 7);
        var data = Context.Data.LoadFromEnumerable([row]);
        var model = Context
            .Transforms.AugmentImageAndMask(new() { HorizontalFlip = 1 })
            .Append(Context.Transforms.OverlayMask("Image", "Image", "Mask", opacity: 0))
            .Fit(data);
        Context.Model.Save(model, data.Schema, folder.File("model.zip"));
        Assert.AreEqual("8 7 6", ChildProcess.Run(Predict, folder.File("model.zip"), row.ImagePath).Trim());
    }

    private static int Predict(string[] arguments)
    {
        var context = new MLContext();
        var model = context.Model.Load(arguments[0], out _);
        using var engine = context.Model.CreatePredictionEngine<Row, OutputRow>(model);
        var output = engine.Predict(new() { ImagePath = arguments[1], Mask = SegmentationMask.OfIndices(9, 7, new byte[63]) });
        var pixels = Pixels(output.Image!);
        Console.WriteLine($"{pixels[0]} {pixels[4]} {pixels[8]}");
        return 0;
    }
}
