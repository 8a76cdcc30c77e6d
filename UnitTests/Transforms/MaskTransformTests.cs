using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Interop;
using MLNetLosses.UnitTests.Imaging;

namespace MLNetLosses.UnitTests.Transforms;

/// <summary>The transforms of masks: over data, in engines, saved and loaded by another process.</summary>
[TestClass]
public class MaskTransformTests
{
    private static readonly MLContext Context = new(1);
    private readonly TemporaryFolder folder = new();

    [TestCleanup]
    public void DeleteFolder() => folder.Dispose();

    public sealed class PathRow
    {
        public string Path { get; set; } = "";
    }

    public sealed class MaskRow
    {
        [SegmentationMaskType]
        public SegmentationMask? Mask { get; set; }
    }

    public sealed class RegionsRow
    {
        public int RegionsCount { get; set; }
        public int[] RegionsClass { get; set; } = [];
        public float[] RegionsBoundingBoxes { get; set; } = [];
        public int[] RegionsArea { get; set; } = [];
    }

    public sealed class PictureRow
    {
        public MLImage? Picture { get; set; }
    }

    private string WriteMask(string name, int width, byte[] indices)
    {
        File.WriteAllBytes(folder.File(name), Png.Write(width, indices.Length / width, Png.Gray, 8, indices));
        return name;
    }

    private static SegmentationMask Mask(int width, params byte[] indices) =>
        SegmentationMask.OfIndices(width, indices.Length / width, indices);

    private static IDataView Masks(params SegmentationMask?[] masks) =>
        Context.Data.LoadFromEnumerable(masks.Select(mask => new MaskRow { Mask = mask }).ToArray());

    private static byte[] Pixels(MLImage image) => MLImages.PixelsOf(image).ToArray();

    [TestMethod]
    public void MasksAreLoadedInOrderWithTheNamesOfTheirClasses()
    {
        string[] paths = [.. Enumerable.Range(0, 40).Select(i => WriteMask($"{i}.png", 2, [0, (byte)i])), ""];
        var data = Context.Data.LoadFromEnumerable(paths.Select(path => new PathRow { Path = path }));
        var format = MaskFormat.Indices(classNames: Enumerable.Range(0, 40).Select(i => $"c{i}"));
        var loading = Context.Transforms.LoadSegmentationMask("Mask", folder.Path, "Path", format);
        var loaded = loading.Fit(data).Transform(data);
        var masks = loaded.GetColumn<SegmentationMask?>("Mask").ToArray();
        for (var i = 0; i < 40; i++)
            Assert.AreEqual(Mask(2, 0, (byte)i), masks[i]);
        Assert.IsNull(masks[40]);
        Assert.AreEqual("c7", loaded.Schema["Mask"].GetMaskClassNames()![7]);
        var shape = loading.GetOutputSchema(SchemaShapes.Of(data.Schema));
        Assert.IsTrue(shape.Any(column => column.Name == "Mask" && column.ItemType is SegmentationMaskDataViewType));
    }

    [TestMethod]
    public void TheFirstWrongFileIsNamed()
    {
        string[] paths = [.. Enumerable.Range(0, 20).Select(i => WriteMask($"{i}.png", 2, [0, (byte)(i < 13 ? 0 : 9)]))];
        var data = Context.Data.LoadFromEnumerable(paths.Select(path => new PathRow { Path = path }));
        var loaded = Context.Transforms.LoadSegmentationMask("Path", folder.Path, format: MaskFormat.Indices(5)).Fit(data).Transform(data);
        var error = Assert.Throws<InvalidDataException>(() => loaded.GetColumn<SegmentationMask>("Path").ToArray());
        StringAssert.Contains(error.Message, "13.png");
        StringAssert.Contains(error.Message, "pixel (1, 0) is 9");
    }

    [TestMethod]
    public void MasksBecomePictures()
    {
        var data = Masks(Mask(2, 0, 1, 2, 255), null);
        var painted = Context.Transforms.ConvertMaskToImage("Picture", "Mask", ["#102030", "#FF0000"]).Fit(data).Transform(data);
        var pictures = Context.Data.CreateEnumerable<PictureRow>(painted, false, ignoreMissingColumns: true).ToArray();
        using var picture = pictures[0].Picture!;
        Assert.AreEqual((2, 2), (picture.Width, picture.Height));
        CollectionAssert.AreEqual(
            new byte[] { 0x10, 0x20, 0x30, 255, 255, 0, 0, 255, 0, 128, 0, 255, 0xE0, 0xE0, 0xC0, 255 },
            Pixels(picture)
        );
        Assert.IsNull(pictures[1].Picture);
        Assert.Throws<FormatException>(() => Context.Transforms.ConvertMaskToImage("Picture", colors: ["red"]));
    }

    [TestMethod]
    public void LayersArePaintedOverOneAnother()
    {
        var data = Masks(SegmentationMask.OfLayers(3, 1, 2, [1, 1, 0, 0, 1, 0]));
        var painted = Context.Transforms.ConvertMaskToImage("Picture", "Mask", ["#000000", "#010101", "#020202"]).Fit(data).Transform(data);
        using var picture = painted.GetColumn<MLImage>("Picture").Single();
        CollectionAssert.AreEqual(new byte[] { 1, 2, 0 }, Pixels(picture).Where((_, i) => i % 4 == 0).ToArray());
        var unsure = Masks(SegmentationMask.OfLayers(3, 1, 2, [1, 255, 0, 255, 1, 255]));
        using var other = Context
            .Transforms.ConvertMaskToImage("Picture", "Mask", ["#000000", "#010101", "#020202"])
            .Fit(unsure)
            .Transform(unsure)
            .GetColumn<MLImage>("Picture")
            .Single();
        CollectionAssert.AreEqual(
            new byte[] { 1, 2, 0 },
            Pixels(other).Where((_, i) => i % 4 == 0).ToArray(),
            "what is ignored is not painted"
        );
    }

    [TestMethod]
    public void RegionsAreFoundPerClassLargestFirst()
    {
        // 1 1 0 2      the two 1s and the one below touch at a corner; 2 and 2 do not; 255 is nothing.
        // 0 0 1 0
        // 2 2 2 255
        var mask = Mask(4, 1, 1, 0, 2, 0, 0, 1, 0, 2, 2, 2, 255);
        var data = Masks(mask, null);
        var found = Context.Transforms.FindMaskRegions(inputColumnName: "Mask").Fit(data).Transform(data);
        var rows = Context.Data.CreateEnumerable<RegionsRow>(found, false, ignoreMissingColumns: true).ToArray();
        Assert.AreEqual(3, rows[0].RegionsCount);
        CollectionAssert.AreEqual(new[] { 1, 2, 2 }, rows[0].RegionsClass);
        CollectionAssert.AreEqual(new[] { 3, 3, 1 }, rows[0].RegionsArea);
        CollectionAssert.AreEqual(new float[] { 0, 0, 3, 2, 0, 2, 3, 3, 3, 0, 4, 1 }, rows[0].RegionsBoundingBoxes);
        Assert.AreEqual(0, rows[1].RegionsCount);
        var all = Context.Transforms.FindMaskRegions(inputColumnName: "Mask", background: null, minimumArea: 2).Fit(data).Transform(data);
        CollectionAssert.AreEqual(new[] { 0, 1, 2 }, all.GetColumn<int[]>("RegionsClass").First().Order().ToArray());
        var layers = Masks(SegmentationMask.OfLayers(2, 1, 2, [1, 1, 0, 1]));
        var layered = Context.Transforms.FindMaskRegions(inputColumnName: "Mask").Fit(layers).Transform(layers);
        CollectionAssert.AreEqual(new[] { 0, 1 }, layered.GetColumn<int[]>("RegionsClass").Single());
        var unsure = Masks(SegmentationMask.OfLayers(2, 1, 2, [1, 255, 255, 255]));
        var certain = Context.Transforms.FindMaskRegions(inputColumnName: "Mask").Fit(unsure).Transform(unsure);
        CollectionAssert.AreEqual(new[] { 1 }, certain.GetColumn<int[]>("RegionsArea").Single());
        Assert.Throws<ArgumentOutOfRangeException>(() => Context.Transforms.FindMaskRegions(minimumArea: 0));
    }

    [TestMethod]
    public void WrongColumnsAreRefusedBeforeAnythingIsRead()
    {
        var data = Context.Data.LoadFromEnumerable(new[] { new { Number = 1f } });
        void Refused(IEstimator<ITransformer> transform, params string[] parts)
        {
            foreach (var act in new Action[] { () => transform.Fit(data), () => transform.GetOutputSchema(SchemaShapes.Of(data.Schema)) })
            {
                var message = Assert.Throws<ArgumentException>(act).Message;
                foreach (var part in parts)
                    StringAssert.Contains(message, part);
            }
        }
        Refused(Context.Transforms.LoadSegmentationMask("Mask", inputColumnName: "Number"), "Number", "Single", "String");
        Refused(Context.Transforms.LoadSegmentationMask("Mask"), "Mask");
        Refused(Context.Transforms.ConvertMaskToImage("Picture", "Number"), "Number", "Single", "SegmentationMask");
        Refused(Context.Transforms.FindMaskRegions(inputColumnName: "Nothing"), "'Nothing'", "'Number'");
        Assert.Throws<ArgumentException>(() => Context.Transforms.LoadSegmentationMask(""));
    }

    private ITransformer Pipeline(out IDataView data)
    {
        WriteMask("a.png", 3, [0, 1, 1, 2, 0, 0]);
        data = Context.Data.LoadFromEnumerable(new[] { new PathRow { Path = "a.png" } });
        return Context
            .Transforms.LoadSegmentationMask("PredictedLabel", folder.Path, "Path", MaskFormat.Indices(3))
            .Append(Context.Transforms.FindMaskRegions())
            .Append(Context.Transforms.ConvertMaskToImage("Picture", colors: ["#000000", "#0A0B0C"]))
            .Fit(data);
    }

    [TestMethod]
    public void PredictionEnginesComputeThem()
    {
        var model = Pipeline(out _);
        using var regions = Context.Model.CreatePredictionEngine<PathRow, RegionsRow>(model);
        CollectionAssert.AreEqual(new[] { 1, 2 }, regions.Predict(new() { Path = "a.png" }).RegionsClass);
        using var pictures = Context.Model.CreatePredictionEngine<PathRow, PictureRow>(model);
        using var picture = pictures.Predict(new() { Path = "a.png" }).Picture!;
        CollectionAssert.AreEqual(new byte[] { 0x0A, 0x0B, 0x0C, 255 }, Pixels(picture)[4..8]);
    }

    [TestMethod]
    public void AnotherProcessLoadsThemWithNothingRegistered()
    {
        var model = Pipeline(out var data);
        Context.Model.Save(model, data.Schema, folder.File("model.zip"));
        Assert.AreEqual("1,2 0A0B0C", ChildProcess.Run(Predict, folder.File("model.zip")).Trim());
    }

    private static int Predict(string[] arguments)
    {
        var context = new MLContext();
        var model = context.Model.Load(arguments[0], out _);
        using var regions = context.Model.CreatePredictionEngine<PathRow, RegionsRow>(model);
        using var pictures = context.Model.CreatePredictionEngine<PathRow, PictureRow>(model);
        using var picture = pictures.Predict(new() { Path = "a.png" }).Picture!;
        Console.WriteLine(
            $"{string.Join(',', regions.Predict(new() { Path = "a.png" }).RegionsClass)} {Convert.ToHexString(Pixels(picture)[4..7])}"
        );
        return 0;
    }
}
