using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Masks;
using MLNetLosses.UnitTests.Imaging;

namespace MLNetLosses.UnitTests.Masks;

/// <summary>Folders and annotation files as data.</summary>
[TestClass]
public class SegmentationLoaderTests
{
    private static readonly MLContext Context = new(1);
    private DirectoryInfo folder = null!;

    [TestInitialize]
    public void MakeFolder() => folder = Directory.CreateTempSubdirectory("segmentation");

    [TestCleanup]
    public void DeleteFolder() => folder.Delete(recursive: true);

    private string Write(string name, byte[] content)
    {
        var path = Path.Combine(folder.FullName, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, content);
        return path;
    }

    private string Write(string name, string content) => Write(name, System.Text.Encoding.UTF8.GetBytes(content));

    private void WriteImage(string name, int width, int height) =>
        Write(name, TestImages.RgbPng(width, height, (x, y) => (10 * x, 10 * y, 0)));

    private static SegmentationMask[] Masks(IDataView data) => [.. data.GetColumn<SegmentationMask>("Mask")];

    private static void Refused(string[] parts, Action act)
    {
        var message = Assert.Throws<Exception>(act).Message;
        foreach (var part in parts)
            StringAssert.Contains(message, part);
    }

    [TestMethod]
    public void AFolderGivesImagesWithTheirMasksByName()
    {
        foreach (var name in new[] { "b", "a" })
            WriteImage($"images/{name}.png", 2, 1);
        Write("masks/a.png", Png.Write(2, 1, Png.Gray, 8, [0, 1]));
        Write("masks/b.png", Png.Write(2, 1, Png.Gray, 8, [1, 1]));
        Write("classes.txt", "ground\ncell\n");
        var data = Context.Data.LoadSegmentationFolder(folder.FullName);
        CollectionAssert.AreEqual(
            new[] { "a.png", "b.png" },
            data.GetColumn<string>("ImagePath").Select(path => Path.GetFileName(path)).ToArray()
        );
        CollectionAssert.AreEqual(new byte[] { 0, 1 }, Masks(data)[0].Values.ToArray());
        CollectionAssert.AreEqual(new[] { "ground", "cell" }, data.Schema["Mask"].GetMaskClassNames()!.ToArray());
        Assert.AreEqual(2L, data.GetRowCount());
    }

    [TestMethod]
    public void AnIndexBesidesTheNamedClassesMayBeIgnored()
    {
        WriteImage("images/a.png", 2, 1);
        Write("masks/a.png", Png.Write(2, 1, Png.Gray, 8, [0, 11]));
        Write("classes.txt", "ground\ncell\n");
        Refused(["pixel (1, 0) is 11", "0 to 1"], () => Masks(Context.Data.LoadSegmentationFolder(folder.FullName)));
        Assert.AreEqual((byte)11, Masks(Context.Data.LoadSegmentationFolder(folder.FullName, ignoreIndex: 11))[0][1, 0]);
    }

    [TestMethod]
    public void MasksAreReadOnlyWhenTheirColumnIsAskedFor()
    {
        WriteImage("images/a.png", 2, 1);
        Write("masks/a.png", "nonsense");
        var data = Context.Data.LoadSegmentationFolder(folder.FullName);
        Assert.HasCount(1, data.GetColumn<string>("ImagePath").ToArray());
        Refused(["a.png", "no PNG"], () => Masks(data));
    }

    [TestMethod]
    public void ClassesWithColoursMakeATable()
    {
        WriteImage("images/a.png", 2, 1);
        Write("masks/a.png", TestImages.RgbPng(2, 1, (x, _) => (128 * x, 0, 7)));
        Write("classes.txt", "sky, #000007\nred wall #800007\n");
        var data = Context.Data.LoadSegmentationFolder(folder.FullName);
        CollectionAssert.AreEqual(new byte[] { 0, 1 }, Masks(data)[0].Values.ToArray());
        CollectionAssert.AreEqual(new[] { "sky", "red wall" }, data.Schema["Mask"].GetMaskClassNames()!.ToArray());
        Write("classes.txt", "sky, #000007\nred wall #80000\n");
        Refused(["classes.txt", "#80000"], () => Context.Data.LoadSegmentationFolder(folder.FullName));
    }

    [TestMethod]
    public void AFolderAClassGivesLayers()
    {
        WriteImage("images/a.png", 2, 1);
        WriteImage("images/b.png", 2, 1);
        Write("masks/nucleus/a.png", Png.Write(2, 1, Png.Gray, 8, [0, 255]));
        Write("masks/cell/a.png", Png.Write(2, 1, Png.Gray, 8, [255, 255]));
        Write("masks/cell/b.png", Png.Write(2, 1, Png.Gray, 8, [0, 255]));
        var data = Context.Data.LoadSegmentationFolder(folder.FullName);
        Assert.AreEqual(SegmentationMask.OfLayers(2, 1, 2, [1, 1, 0, 1]), Masks(data)[0]);
        Assert.AreEqual(SegmentationMask.OfLayers(2, 1, 2, [0, 1, 0, 0]), Masks(data)[1]);
        CollectionAssert.AreEqual(new[] { "cell", "nucleus" }, data.Schema["Mask"].GetMaskClassNames()!.ToArray());
    }

    [TestMethod]
    public void WhatIsWrongWithAFolderIsSaid()
    {
        void Load() => Masks(Context.Data.LoadSegmentationFolder(folder.FullName));
        Refused(["images", "does not exist"], Load);
        Directory.CreateDirectory(Path.Combine(folder.FullName, "images"));
        Directory.CreateDirectory(Path.Combine(folder.FullName, "masks"));
        Refused(["no images"], Load);
        WriteImage("images/a.png", 3, 2);
        Refused(["a.png", "no mask"], Load);
        Write("masks/a.png", Png.Write(2, 3, Png.Gray, 8, new byte[6]));
        Refused(["masks", "a.png", "2 x 3", "3 x 2"], Load);
        Write("masks/a.bmp", "");
        Refused(["several masks named 'a'"], Load);
    }

    /// <summary>A 6 x 4 image: a 3 x 2 polygon, a run-length crowd over its corner, the same runs as compressed text in a second image.</summary>
    [TestMethod]
    public void CocoPolygonsAndRunsArePainted()
    {
        WriteImage("images/a.png", 6, 4);
        WriteImage("images/b.png", 6, 4);
        // Down the columns: 9 outside, 2 inside (column 2, rows 1 and 2), 13 outside.
        var json = """
            {"info": {"year": 2020}, "images": [{"id": 7, "file_name": "a.png", "width": 6, "height": 4}, {"id": 3, "file_name": "b.png", "width": 6, "height": 4}],
             "categories": [{"id": 18, "name": "dog"}, {"id": 5, "name": "cat"}],
             "annotations": [
              {"id": 1, "image_id": 7, "category_id": 5, "iscrowd": 1, "area": 2, "segmentation": {"counts": [9, 2, 13], "size": [4, 6]}, "bbox": [2, 1, 1, 2]},
              {"id": 2, "image_id": 7, "category_id": 18, "iscrowd": 0, "area": 6, "segmentation": [[1, 1, 4, 1, 4, 3, 1, 3]], "bbox": [1, 1, 3, 2]},
              {"id": 3, "image_id": 3, "category_id": 5, "area": 2, "segmentation": {"counts": "92=", "size": [4, 6]}}]}
            """;
        var path = Write("instances.json", json);
        var data = Context.Data.LoadCocoSegmentation(path, Path.Combine(folder.FullName, "images"));
        CollectionAssert.AreEqual(new[] { "background", "cat", "dog" }, data.Schema["Mask"].GetMaskClassNames()!.ToArray());
        var masks = Masks(data);
        CollectionAssert.AreEqual(
            new byte[] { 0, 0, 0, 0, 0, 0, 0, 2, 1, 2, 0, 0, 0, 2, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0 },
            masks[0].Values.ToArray(),
            "the smaller annotation lies on top"
        );
        CollectionAssert.AreEqual(new long[] { 22, 2 }, masks[1].Areas(2));
        var layers = Masks(Context.Data.LoadCocoSegmentation(path, Path.Combine(folder.FullName, "images"), ["dog", "cat"], layers: true));
        CollectionAssert.AreEqual(new long[] { 6, 2 }, layers[0].Areas(2));
        Assert.AreEqual((byte)1, layers[0].Layer(0)[8]);
        var dogs = Masks(Context.Data.LoadCocoSegmentation(path, Path.Combine(folder.FullName, "images"), ["dog"]));
        CollectionAssert.AreEqual(new long[] { 18, 6 }, dogs[0].Areas(2));

        void Refuse(string part, string from, string to) =>
            Refused(
                ["instances.json", part],
                () =>
                    Masks(
                        Context.Data.LoadCocoSegmentation(
                            Write("instances.json", json.Replace(from, to)),
                            Path.Combine(folder.FullName, "images")
                        )
                    )
            );
        Refuse("cover 23 of 24", "[9, 2, 13]", "[9, 2, 12]");
        Refuse("annotation 1: the runs cover more", "[9, 2, 13]", "[9, 2, 99]");
        Refuse("of 4 x 6 pixels", "[9, 2, 13], \"size\": [4, 6]", "[9, 2, 13], \"size\": [6, 4]");
        Refuse("middle of a number", "92=", "92n");
        Refuse("annotation 2 is of category 19", "\"category_id\": 18", "\"category_id\": 19");
        Refuse("annotation 3: there is no image 4", "\"image_id\": 3", "\"image_id\": 4");
        Refuse("annotation 2: a polygon has 5 numbers", "4, 3, 1, 3]]", "4]]");
        Refuse("two images of the number 7", "{\"id\": 3, \"file", "{\"id\": 7, \"file");
        Refuse("given as nothing x 4", "\"width\": 6, \"height\": 4}, {", "\"height\": 4}, {");
        Refuse("has no annotations", "\"annotations\"", "\"objects\"");
        WriteImage("images/b.png", 6, 5);
        Refuse("6 x 4 pixels, but its image", "2020", "2021");
        Refused(["no category 'cow'", "cat, dog"], () => Context.Data.LoadCocoSegmentation(Write("instances.json", json), "", ["cow"]));
        Refused(["instances.json"], () => Context.Data.LoadCocoSegmentation(Write("instances.json", "{"), ""));
    }

    [TestMethod]
    public void CompressedRunsAreWhatCocoWrites()
    {
        // Worked out by hand: 5 bits a character from '0' on, 32 for "goes on"; from the fourth number differences to the one two before.
        CollectionAssert.AreEqual(new long[] { 9, 2, 13 }, RunLengths.Parse("92="));
        CollectionAssert.AreEqual(new long[] { 100, 20, 3, 19, 4 }, RunLengths.Parse("T3d03O1"));
    }

    [TestMethod]
    public void PolygonsHoldThePixelsWhoseCentresTheyHold()
    {
        byte[] Fill(params double[] points)
        {
            var mask = new byte[16];
            PolygonFill.Polygon(points, mask, 4, 1);
            return mask;
        }
        CollectionAssert.AreEqual(
            new byte[] { 0, 0, 0, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0 },
            Fill(0.6, 0.6, 3.4, 0.6, 3.4, 3.4, 0.6, 3.4)
        );
        CollectionAssert.AreEqual(new byte[] { 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 0, 0, 1, 0, 0, 0 }, Fill(0, 0, 4.1, 0, 0, 4.1));
        Assert.IsTrue(Fill(-100, -100, 100, -100, 100, 100, -100, 100).All(pixel => pixel == 1));
        Assert.IsTrue(Fill(5, 5, 9, 5, 9, 9).All(pixel => pixel == 0));
        // A ring in one line: what is gone around twice is outside.
        var ring = Fill(0, 0, 4, 0, 4, 4, 0, 4, 0, 0, 1, 1, 3, 1, 3, 3, 1, 3, 1, 1);
        CollectionAssert.AreEqual(new byte[] { 1, 1, 1, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 1, 1, 1 }, ring);
    }

    [TestMethod]
    public void LabelMeShapesArePaintedInOrder()
    {
        WriteImage("a.png", 4, 4);
        var pixel = Convert.ToBase64String(Png.Write(1, 2, Png.Gray, 1, [0x80, 0x80]));
        var json = $$"""
            {"version": "5.0", "imagePath": "a.png", "imageWidth": 4, "imageHeight": 4, "imageData": null, "shapes": [
              {"label": "tree", "points": [[0, 0], [2, 0], [2, 4], [0, 4]], "shape_type": "polygon"},
              {"label": "car", "points": [[1, 1], [3, 3]], "shape_type": "rectangle"},
              {"label": "__ignore__", "points": [[3, 0], [4, 1]], "shape_type": "rectangle"},
              {"label": "_background_", "points": [[0.5, 0.5], [0.5, 0.9]], "shape_type": "circle"},
              {"label": "bike", "points": [[3, 2], [4, 4]], "shape_type": "mask", "mask": "{{pixel}}"}]}
            """;
        Write("a.json", json);
        var data = Context.Data.LoadLabelMe(folder.FullName);
        CollectionAssert.AreEqual(new[] { "background", "bike", "car", "tree" }, data.Schema["Mask"].GetMaskClassNames()!.ToArray());
        CollectionAssert.AreEqual(new byte[] { 0, 3, 0, 255, 3, 2, 2, 0, 3, 2, 2, 1, 3, 3, 0, 1 }, Masks(data)[0].Values.ToArray());
        var layers = Masks(Context.Data.LoadLabelMe(folder.FullName, ["car", "tree"], layers: true))[0];
        CollectionAssert.AreEqual(new long[] { 4, 8 }, layers.Areas(2));
        CollectionAssert.AreEqual(new byte[] { 255, 255 }, new[] { layers.Layer(0)[3], layers.Layer(1)[3] });
        Write("a.json", json.Replace("\"circle\"", "\"line\""));
        Refused(["a.json", "_background_", "line"], () => Masks(Context.Data.LoadLabelMe(folder.FullName)));
        Write("a.json", json.Replace("\"imageWidth\": 4", "\"imageWidth\": 5"));
        Refused(["a.json", "5 x 4", "4 x 4"], () => Masks(Context.Data.LoadLabelMe(folder.FullName)));
        Write("a.json", "{\"shapes\": 3}");
        Refused(["a.json", "LabelMe"], () => Context.Data.LoadLabelMe(folder.FullName));
    }

    [TestMethod]
    public void RealMasksAreRead()
    {
        var data = Context.Data.LoadSegmentationFolder(
            Path.Combine(TestData.Folder("camvid"), "val"),
            MaskFormat.Indices(11, ignoreIndex: 11)
        );
        var mask = Masks(Context.Data.TakeRows(data, 1))[0];
        Assert.AreEqual((240, 180), (mask.Width, mask.Height));
        Assert.IsGreaterThan(5, mask.Areas(11).Count(area => area > 0));
    }
}
