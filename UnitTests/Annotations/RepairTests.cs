using Microsoft.ML;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Data;

namespace MLNetLosses.UnitTests.Annotations;

/// <summary>What is wrong is refused with its file, object and value, or repaired and counted.</summary>
[TestClass]
public class RepairTests
{
    private readonly AnnotatedFolder folder = new();

    [TestCleanup]
    public void Clean() => folder.Dispose();

    [TestMethod]
    [DataRow(-10, 5, 20, 30, AnnotationRepairs.ClipBoxes, "reaches 10 pixels beyond the 100 x 50 image", "0 5 20 30")]
    [DataRow(5, 5, 20, 52, AnnotationRepairs.ClipBoxes, "reaches 2 pixels beyond", "5 5 20 50")]
    [DataRow(20, 5, 20, 30, AnnotationRepairs.SkipEmptyBoxes, "(20, 5, 20, 30) has no area", "")]
    [DataRow(30, 5, 20, 30, AnnotationRepairs.SkipEmptyBoxes, "(30, 5, 20, 30) has no area", "")]
    [DataRow(120, 5, 130, 30, AnnotationRepairs.SkipEmptyBoxes, "lies outside: it reaches 30 pixels beyond", "")]
    public void Boxes(double x0, double y0, double x1, double y1, AnnotationRepairs repair, string problem, string repaired)
    {
        folder.Image("JPEGImages/a.jpg");
        folder.Text("Annotations/a.xml", AnnotatedFolder.Voc(AnnotatedFolder.VocObject("cell", x0, y0, x1, y1)));
        var all = AnnotationRepairs.All & ~repair;
        var error = Assert.Throws<InvalidDataException>(() =>
            folder.MLContext.Data.LoadPascalVoc(folder.Root, options: new() { Repairs = all })
        );
        StringAssert.Contains(error.Message, "a.xml, object 1 (line 2) ('cell')");
        StringAssert.Contains(error.Message, problem);
        StringAssert.Contains(error.Message, $"AnnotationRepairs.{repair}");
        var data = folder.MLContext.Data.LoadPascalVoc(folder.Root, options: new() { Repairs = repair });
        Assert.AreEqual(repaired, string.Join(" ", folder.Rows(data)[0].BoundingBoxes));
        Assert.AreEqual(1, data.Report.ClippedBoxCount + data.Report.EmptyBoxCount);
        Assert.AreEqual(repair == AnnotationRepairs.ClipBoxes, data.Report.ClippedBoxCount == 1);
        Assert.AreEqual(repaired.Length > 0 ? 1 : 0, folder.Rows(data)[0].Label.Length);
        StringAssert.Contains(data.Report.Examples.Single(), problem);
    }

    [TestMethod]
    public void RoundingBeyondTheBorderIsCutWithoutAWord()
    {
        folder.Image("a.jpg");
        folder.Text("a.txt", "0 0.5 0.5 1.000001 1.01\n");
        var data = folder.MLContext.Data.LoadYolo(folder.Root, new() { Classes = ["cell"] });
        CollectionAssert.AreEqual(new float[] { 0, 0, 100, 50 }, folder.Rows(data)[0].BoundingBoxes);
        Assert.IsFalse(data.Report.HasRepairs);
    }

    [TestMethod]
    public void UnknownClasses()
    {
        folder.Image("a.jpg");
        folder.Text(
            "a.xml",
            AnnotatedFolder.Voc(AnnotatedFolder.VocObject("cell", 1, 1, 5, 5) + AnnotatedFolder.VocObject("dust", 1, 1, 5, 5))
        );
        folder.Text("a.txt", "0 0.5 0.5 0.5 0.5\n2 0.5 0.5 0.5 0.5\n");
        var coco = folder.Text(
            "coco.json",
            """
            {"images": [{"id": 1, "file_name": "a.jpg"}], "categories": [{"id": 1, "name": "cell"}],
             "annotations": [{"id": 5, "image_id": 1, "category_id": 1, "bbox": [1, 1, 4, 4]}, {"id": 6, "image_id": 1, "category_id": 2, "bbox": [1, 1, 4, 4]}]}
            """
        );
        Check(
            "a.xml, object 2 (line 3): the class 'dust' is not known. Known are 'cell'",
            o => folder.MLContext.Data.LoadPascalVoc(folder.Root, options: o)
        );
        Check("a.txt, line 2: the class 'number 2 (there are 1 names)'", o => folder.MLContext.Data.LoadYolo(folder.Root, o));
        Check("annotation 6: the class 'category 2'", o => folder.MLContext.Data.LoadCocoDetection(coco, folder.Root, o));

        void Check(string problem, Func<AnnotationOptions, ObjectDetectionDataView> load)
        {
            var options = new AnnotationOptions { Classes = ["cell"] };
            StringAssert.Contains(Assert.Throws<InvalidDataException>(() => load(options)).Message, problem);
            options.Repairs = AnnotationRepairs.SkipUnknownClasses;
            var data = load(options);
            CollectionAssert.AreEqual(new[] { "cell" }, folder.Rows(data)[0].Label);
            Assert.AreEqual(1, data.Report.UnknownClassCount);
        }
    }

    [TestMethod]
    public void MissingFiles()
    {
        folder.Image("JPEGImages/a.jpg");
        folder.Text("Annotations/a.xml", AnnotatedFolder.Voc(""));
        folder.Text("Annotations/b.xml", AnnotatedFolder.Voc("", "b.jpg"));
        folder.Text("JPEGImages/c.jpg", "no image");
        folder.Text("Annotations/c.xml", AnnotatedFolder.Voc("", "c.jpg"));
        folder.Text("list.txt", "a\nd\n");
        Check("b.xml: the image 'b.jpg' is missing", 2, null);
        Check("list.txt, line 2: there is no annotation", 1, "list.txt");
        File.Delete(folder.Path("Annotations/b.xml"));
        Check("c.jpg' is no image that can be read", 1, null);

        void Check(string problem, int count, string? list)
        {
            var options = new AnnotationOptions();
            var error = Assert.Throws<InvalidDataException>(() => folder.MLContext.Data.LoadPascalVoc(folder.Root, list, options));
            StringAssert.Contains(error.Message, problem);
            options.Repairs = AnnotationRepairs.SkipMissingFiles;
            var data = folder.MLContext.Data.LoadPascalVoc(folder.Root, list, options);
            Assert.HasCount(1, folder.Rows(data));
            Assert.AreEqual(count, data.Report.MissingFileCount);
        }
    }

    [TestMethod]
    public void WithoutHeadersTheStatedSizeCounts()
    {
        folder.Text("JPEGImages/a.jpg", "never read");
        folder.Text("Annotations/a.xml", AnnotatedFolder.Voc(AnnotatedFolder.VocObject("cell", 0, 0, 20, 60)));
        var options = new AnnotationOptions { ReadImageHeaders = false };
        StringAssert.Contains(
            Assert.Throws<InvalidDataException>(() => folder.MLContext.Data.LoadPascalVoc(folder.Root, options: options)).Message,
            "reaches 10 pixels beyond the 100 x 50 image"
        );
    }

    [TestMethod]
    public void WhatCannotBeReadIsRefusedAndNamed()
    {
        folder.Image("a.jpg");
        var data = folder.MLContext.Data;
        var options = new AnnotationOptions { Repairs = AnnotationRepairs.All };
        void Refused(string part, Action load) => StringAssert.Contains(Assert.Throws<InvalidDataException>(load).Message, part);
        void Voc(string part, string xml)
        {
            folder.Text("a.xml", xml);
            Refused(part, () => data.LoadPascalVoc(folder.Root, options: options));
        }
        Voc("is no XML file", "<annotation>");
        Voc(
            "<xmin> is 'x'; it must be a number",
            AnnotatedFolder.Voc(AnnotatedFolder.VocObject("a", 1, 1, 2, 2)).Replace(">1</xmin", ">x</xmin")
        );
        Voc("<ymax> is 'NaN'", AnnotatedFolder.Voc(AnnotatedFolder.VocObject("a", 1, 1, 2, double.NaN)));
        Voc("has no <name>", AnnotatedFolder.Voc("<object></object>"));
        Voc("has no <bndbox>", AnnotatedFolder.Voc("<object><name>a</name></object>"));
        File.Delete(folder.Path("a.xml"));
        Refused("There is no annotation", () => data.LoadPascalVoc(folder.Root));

        void Yolo(string part, string text)
        {
            folder.Text("a.txt", text);
            Refused(part, () => data.LoadYolo(folder.Root, new() { Classes = ["cell"], Repairs = AnnotationRepairs.All }));
        }
        Yolo("line 2: '0 0.5 0.5 0.5' has 4 numbers", "0 0.5 0.5 0.5 0.5\n0 0.5 0.5 0.5");
        Yolo("the class 'cell' is not a number", "cell 0.5 0.5 0.5 0.5");
        Yolo("'320' is not a share", "0 320 0.5 0.5 0.5");
        Yolo("'x' is not a share", "0 x 0.5 0.5 0.5");
        Refused("The names of the classes are not known", () => data.LoadYolo(folder.Root));

        void Coco(string part, string json) =>
            Refused(part, () => data.LoadCocoDetection(folder.Text("c.json", json), folder.Root, options));
        const string start = """{"images": [{"id": 1, "file_name": "a.jpg"}], "categories": [{"id": 1, "name": "cell"}], "annotations": """;
        Coco("is no COCO file", "[");
        Coco("no images or no categories", "{}");
        Coco("annotation 3: there is no image 2", start + """[{"id": 3, "image_id": 2, "category_id": 1, "bbox": [1, 1, 4, 4]}]}""");
        Coco("bbox holds 3 numbers", start + """[{"id": 3, "image_id": 1, "category_id": 1, "bbox": [1, 1, 4]}]}""");
        Coco("annotation 3: its area is -2", start + """[{"id": 3, "image_id": 1, "category_id": 1, "bbox": [1, 1, 4, 4], "area": -2}]}""");
        Coco("has no file_name", """{"images": [{"id": 1}], "categories": []}""");

        void Vott(string part, string content, string name) =>
            Refused(part, () => data.LoadVott(folder.Text(name, content), options: options));
        Vott("is no JSON export of VoTT", "[]", "v.json");
        Vott("looks like one of VoTT 1", """{"frames": {}}""", "v.json");
        Vott("has no boundingBox", """{"assets": {"1": {"asset": {"name": "a.jpg"}, "regions": [{"tags": ["a"]}]}}}""", "v.json");
        Vott(
            "region 1: it has no tag",
            """{"assets": {"1": {"asset": {"name": "a.jpg"}, "regions": [{"tags": [], "boundingBox": {"left": 1, "top": 1, "width": 2, "height": 2}}]}}}""",
            "v.json"
        );
        Vott("line 1: the columns are a, b", "a,b\n", "v.csv");
        Vott("line 2: xmax is 'x'", "image,xmin,ymin,xmax,ymax,label\na.jpg,1,1,x,2,cell\n", "v.csv");
        Vott("line 2: there are 2 values", "image,xmin,ymin,xmax,ymax,label\na.jpg,1\n", "v.csv");
        Assert.Throws<DirectoryNotFoundException>(() => data.LoadPascalVoc(folder.Path("none")));
        Assert.Throws<FileNotFoundException>(() => data.LoadVott(folder.Path("none.json")));
    }
}
