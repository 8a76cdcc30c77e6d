using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Data;

namespace MLNetLosses.UnitTests.Annotations;

/// <summary>Each format gives the same columns.</summary>
[TestClass]
public class FormatTests
{
    private readonly AnnotatedFolder folder = new();

    [TestCleanup]
    public void Clean() => folder.Dispose();

    [TestMethod]
    public void PascalVoc()
    {
        var image = folder.Image("JPEGImages/a.jpg");
        folder.Image("JPEGImages/b.c.jpg");
        folder.Text(
            "Annotations/a.xml",
            AnnotatedFolder.Voc(
                AnnotatedFolder.VocObject("cell", 10, 20, 30.5, 40)
                    + "<object><name>dot</name><difficult>1</difficult><part><bndbox><xmin>0</xmin></bndbox></part>"
                    + "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox></object>"
            )
        );
        folder.Text("Annotations/b.c.xml", AnnotatedFolder.Voc("", "b.c.jpg"));
        var data = folder.MLContext.Data.LoadPascalVoc(folder.Root);
        var rows = folder.Rows(data);
        Assert.HasCount(2, rows);
        Assert.AreEqual(image, rows[0].ImagePath);
        CollectionAssert.AreEqual(new[] { "cell", "dot" }, rows[0].Label);
        CollectionAssert.AreEqual(new[] { 10, 20, 30.5f, 40, 1, 2, 3, 4 }, rows[0].BoundingBoxes);
        CollectionAssert.AreEqual(new[] { false, true }, rows[0].Ignored);
        CollectionAssert.AreEqual(new[] { 20.5f * 20, 4 }, rows[0].Area, "of boxes");
        Assert.IsEmpty(rows[1].Label, "an image without objects");
        CollectionAssert.AreEqual(new[] { "cell", "dot" }, data.ClassNames.ToArray());
        Assert.AreEqual(2, data.Report.ImageCount);
        Assert.AreEqual(1, data.Report.EmptyImageCount);
        Assert.AreEqual(2L, data.GetRowCount());

        var oneBased = folder.Rows(folder.MLContext.Data.LoadPascalVoc(folder.Root, options: new() { OneBasedPixels = true }));
        CollectionAssert.AreEqual(new[] { 9, 19, 30.5f, 40, 0, 1, 3, 4 }, oneBased[0].BoundingBoxes);
    }

    [TestMethod]
    public void PascalVocLists()
    {
        foreach (var id in new[] { "a", "b", "white cell" })
        {
            folder.Image($"JPEGImages/{id}.jpg");
            folder.Text($"Annotations/{id}.xml", AnnotatedFolder.Voc("", $"{id}.jpg"));
        }
        var own = folder.Text("train.txt", "b\n\nwhite cell  -1\n");
        folder.Text("ImageSets/Main/val.txt", "a\n");
        CollectionAssert.AreEqual(new[] { "b.jpg", "white cell.jpg" }, Names(folder.MLContext.Data.LoadPascalVoc(folder.Root, own)));
        CollectionAssert.AreEqual(new[] { "a.jpg" }, Names(folder.MLContext.Data.LoadPascalVoc(folder.Root, "val.txt")));
        Assert.Throws<FileNotFoundException>(() => folder.MLContext.Data.LoadPascalVoc(folder.Root, "test.txt"));
    }

    [TestMethod]
    public void Coco()
    {
        folder.Image("images/train/a.jpg");
        folder.Image("images/train/b.jpg");
        var file = folder.Text(
            "instances.json",
            """
            {"info": {}, "images": [{"id": 7, "file_name": "train/a.jpg", "width": 100, "height": 50}, {"id": 9, "file_name": "b.jpg"}],
             "annotations": [
              {"id": 1, "image_id": 7, "category_id": 18, "bbox": [10, 20, 30.5, 20], "iscrowd": 0, "area": 3, "segmentation": [[1, 2, 3, 4]]},
              {"id": 2, "image_id": 7, "category_id": 3, "bbox": [0, 0, 100, 50], "iscrowd": 1, "segmentation": {"counts": "x", "size": [1, 2]}}],
             "categories": [{"id": 18, "name": "dog"}, {"id": 3, "name": "car", "supercategory": "x"}]}
            """
        );
        folder.Image("images/b.jpg");
        var data = folder.MLContext.Data.LoadCocoDetection(file, folder.Path("images"));
        var rows = folder.Rows(data);
        Assert.HasCount(2, rows);
        CollectionAssert.AreEqual(new[] { "dog", "car" }, rows[0].Label);
        CollectionAssert.AreEqual(new[] { 10, 20, 40.5f, 40, 0, 0, 100, 50 }, rows[0].BoundingBoxes);
        CollectionAssert.AreEqual(new[] { false, true }, rows[0].Ignored);
        CollectionAssert.AreEqual(new[] { 3f, 5000 }, rows[0].Area, "of its shape, or of its box where the file does not tell it");
        CollectionAssert.AreEqual(new[] { "car", "dog" }, data.ClassNames.ToArray(), "by their numbers");
    }

    [TestMethod]
    public void Yolo()
    {
        folder.Image("images/train/a.jpg");
        folder.Image("images/train/b.jpg");
        folder.Text("labels/train/a.txt", "1 0.5 0.5 0.2 0.4\n0 0 0 0.5 0 0.5 1 0.1 0.2\n");
        folder.Text("data.yaml", "path: .\nnames:\n  0: cell # red\n  1: 'white cell'\nnc: 2\n");
        var data = folder.MLContext.Data.LoadYolo(folder.Path("images/train"));
        var rows = folder.Rows(data);
        Assert.HasCount(2, rows);
        CollectionAssert.AreEqual(new[] { "white cell", "cell" }, rows[0].Label);
        AssertClose([40, 15, 60, 35, 0, 0, 50, 50], rows[0].BoundingBoxes);
        Assert.IsEmpty(rows[1].Label, "no file of labels: nothing is to be seen");
        CollectionAssert.AreEqual(new[] { "cell", "white cell" }, data.ClassNames.ToArray());
        var list = folder.Text("train.txt", "./images/train/b.jpg\n");
        CollectionAssert.AreEqual(new[] { "b.jpg" }, Names(folder.MLContext.Data.LoadYolo(list)));
    }

    [TestMethod]
    [DataRow("names: ['a, b', \"c\", d e]")]
    [DataRow("train: x\nnames:\n- 'a, b'\n- c\n\n- d e # comment\nnc: 3")]
    [DataRow("names: {0: 'a, b', 1: c, 2: d e}")]
    [DataRow("names: ['a, b',\n   c,\n   d e]\nval: y")]
    [DataRow("names:\n  2: d e\n  0: 'a, b'\n  1: \"c\"")]
    public void NamesOfYoloClasses(string yaml) =>
        CollectionAssert.AreEqual(new[] { "a, b", "c", "d e" }, YoloClassNames.FromYaml(folder.Text("data.yaml", yaml)));

    [TestMethod]
    public void VottJson()
    {
        folder.Image("pictures/a b.jpg");
        folder.Image("pictures/b.jpg");
        var file = folder.Text(
            "export/cells-export.json",
            """
            {"name": "cells", "tags": [{"name": "red", "color": "#f00"}, {"name": "white"}],
             "assets": {
              "1": {"asset": {"name": "a%20b.jpg", "path": "file:/c/a%20b.jpg", "size": {"width": 100, "height": 50}, "state": 2},
                    "regions": [{"id": "r", "type": "RECTANGLE", "tags": ["red", "white"], "boundingBox": {"height": 20, "width": 30.5, "left": 10, "top": 20}}]},
              "2": {"asset": {"name": "b.jpg", "size": {"width": 100, "height": 50}, "state": 1}, "regions": []}}}
            """
        );
        foreach (var path in new[] { file, folder.Path("export") })
        {
            var data = folder.MLContext.Data.LoadVott(path, folder.Path("pictures"));
            var rows = folder.Rows(data);
            Assert.HasCount(2, rows);
            CollectionAssert.AreEqual(new[] { "red", "white" }, rows[0].Label, "a region of two tags is two objects");
            CollectionAssert.AreEqual(new[] { 10, 20, 40.5f, 40, 10, 20, 40.5f, 40 }, rows[0].BoundingBoxes);
            CollectionAssert.AreEqual(new[] { "red", "white" }, data.ClassNames.ToArray());
        }
    }

    [TestMethod]
    public void VottCsv()
    {
        folder.Image("a,b.jpg");
        folder.Image("c.jpg");
        var file = folder.Text(
            "cells-export.csv",
            "\"image\",\"xmin\",\"ymin\",\"xmax\",\"ymax\",\"label\"\r\n\"a,b.jpg\",10,20,40.5,40,\"red\"\r\n\"c.jpg\",1,2,3,4,\"the \"\"white\"\" one\"\r\n\"a,b.jpg\",0,0,5,5,\"red\"\r\n"
        );
        var rows = folder.Rows(folder.MLContext.Data.LoadVott(file));
        Assert.HasCount(2, rows);
        CollectionAssert.AreEqual(new[] { "red", "red" }, rows[0].Label);
        CollectionAssert.AreEqual(new[] { 10, 20, 40.5f, 40, 0, 0, 5, 5 }, rows[0].BoundingBoxes);
        CollectionAssert.AreEqual(new[] { "the \"white\" one" }, rows[1].Label);
    }

    [TestMethod]
    public void ClassesBecomeKeys()
    {
        folder.Image("JPEGImages/a.jpg");
        folder.Text(
            "Annotations/a.xml",
            AnnotatedFolder.Voc(AnnotatedFolder.VocObject("b", 0, 0, 5, 5) + AnnotatedFolder.VocObject("a", 1, 1, 4, 4))
        );
        var data = folder.MLContext.Data.LoadPascalVoc(folder.Root);
        var keyed = folder.MLContext.Transforms.Conversion.MapValueToKey("Label").Fit(data).Transform(data);
        Assert.IsInstanceOfType<KeyDataViewType>(((VectorDataViewType)keyed.Schema["Label"].Type).ItemType);
        CollectionAssert.AreEqual(new uint[] { 1, 2 }, keyed.GetColumn<uint[]>("Label").Single());
    }

    [TestMethod]
    public void BloodCells()
    {
        var root = TestData.Folder("bccd");
        var error = Assert.Throws<InvalidDataException>(() => folder.MLContext.Data.LoadPascalVoc(root));
        StringAssert.Contains(error.Message, "BloodImage_00338.xml, object");
        StringAssert.Contains(error.Message, "(504, 337, 504, 337) has no area");
        var data = folder.MLContext.Data.LoadPascalVoc(root, options: new() { Repairs = AnnotationRepairs.SkipEmptyBoxes });
        Assert.AreEqual(292, data.Report.ImageCount);
        Assert.AreEqual(3941, data.Report.ObjectCount);
        Assert.AreEqual(2, data.Report.EmptyBoxCount);
        Assert.HasCount(2, data.Report.Examples);
        CollectionAssert.AreEqual(new[] { "Platelets", "RBC", "WBC" }, data.ClassNames.ToArray());
    }

    internal static void AssertClose(float[] expected, float[] actual)
    {
        Assert.HasCount(expected.Length, actual);
        for (var i = 0; i < expected.Length; i++)
            Assert.AreEqual(expected[i], actual[i], 1e-4f, $"number {i}");
    }

    private string[] Names(IDataView data) => [.. folder.Rows(data).Select(row => Path.GetFileName(row.ImagePath))];
}
