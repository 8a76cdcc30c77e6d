using Microsoft.ML;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Data;
using SkiaSharp;

namespace MLNetLosses.UnitTests.Annotations;

/// <summary>Boxes are turned with images that are shown turned.</summary>
[TestClass]
public class OrientationTests
{
    private readonly AnnotatedFolder folder = new();

    [TestCleanup]
    public void Clean() => folder.Dispose();

    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(3)]
    [DataRow(4)]
    [DataRow(5)]
    [DataRow(6)]
    [DataRow(7)]
    [DataRow(8)]
    public void ABoxCoversTheSamePixelsAsTheTurnedImage(int orientation)
    {
        var (width, height) = (10, 6);
        var stored = new uint[width * height];
        for (var y = 1; y < 3; y++)
        for (var x = 2; x < 7; x++)
            stored[y * width + x] = 1;
        var header = new ImageHeader(width, height, (SKEncodedOrigin)orientation);
        var upright = new uint[stored.Length];
        ImageOrientation.Apply(stored, width, height, header.Origin, upright);
        var box = header.Turn(new(2, 1, 7, 3));
        var (columns, rows) = header.UprightSize;
        for (var y = 0; y < rows; y++)
        for (var x = 0; x < columns; x++)
            Assert.AreEqual(x >= box.X0 && x < box.X1 && y >= box.Y0 && y < box.Y1 ? 1u : 0u, upright[y * columns + x], $"({x}, {y})");
    }

    [TestMethod]
    public void TheStatedSizeTellsWhatBoxesReferTo()
    {
        // Stored as 100 x 50, shown turned by 90 degrees as 50 x 100.
        folder.Image("a.jpg", orientation: 6);
        var stored = AnnotatedFolder.Voc(AnnotatedFolder.VocObject("cell", 10, 20, 40, 30));
        var upright = AnnotatedFolder.Voc(AnnotatedFolder.VocObject("cell", 20, 10, 30, 40), width: 50, height: 100);
        float[] expected = [20, 10, 30, 40];
        Voc(stored, expected, AnnotationOrientation.Automatic, 1);
        Voc(upright, expected, AnnotationOrientation.Automatic, 0);
        Voc(upright.Replace("size>", "none>"), expected, AnnotationOrientation.Automatic, 0);
        Voc(stored.Replace("size>", "none>"), expected, AnnotationOrientation.Stored, 1);

        void Voc(string xml, float[] boxes, AnnotationOrientation orientation, int turned)
        {
            folder.Text("a.xml", xml);
            var data = folder.MLContext.Data.LoadPascalVoc(folder.Root, options: new() { Orientation = orientation });
            CollectionAssert.AreEqual(boxes, folder.Rows(data)[0].BoundingBoxes);
            Assert.AreEqual(turned, data.Report.TurnedImageCount);
        }
    }

    [TestMethod]
    public void WhereTheSizeCannotTellTheFormatDoes()
    {
        // Turned upside down: the size is the same.
        folder.Image("a.jpg", orientation: 3);
        folder.Text("a.xml", AnnotatedFolder.Voc(AnnotatedFolder.VocObject("cell", 10, 20, 40, 30)));
        folder.Text("a.txt", "0 0.25 0.5 0.3 0.2\n");
        var csv = folder.Text("v.csv", "image,xmin,ymin,xmax,ymax,label\na.jpg,10,20,40,30,cell\n");
        var options = new AnnotationOptions { Classes = ["cell"] };
        float[] upright = [10, 20, 40, 30],
            turned = [60, 20, 90, 30];
        CollectionAssert.AreEqual(upright, Boxes(folder.MLContext.Data.LoadPascalVoc(folder.Root, options: options)));
        FormatTests.AssertClose(upright, Boxes(folder.MLContext.Data.LoadYolo(folder.Root, options)));
        CollectionAssert.AreEqual(turned, Boxes(folder.MLContext.Data.LoadVott(csv, options: options)));
        options.Orientation = AnnotationOrientation.Upright;
        CollectionAssert.AreEqual(upright, Boxes(folder.MLContext.Data.LoadVott(csv, options: options)));
        options.Orientation = AnnotationOrientation.Stored;
        FormatTests.AssertClose(turned, Boxes(folder.MLContext.Data.LoadYolo(folder.Root, options)));
    }

    [TestMethod]
    public void SharesReferToTheImageAsShown()
    {
        folder.Image("a.jpg", orientation: 6);
        folder.Text("a.txt", "0 0.5 0.25 0.2 0.3\n");
        var options = new AnnotationOptions { Classes = ["cell"] };
        FormatTests.AssertClose([20, 10, 30, 40], Boxes(folder.MLContext.Data.LoadYolo(folder.Root, options)));
        // Of the stored 100 x 50: x 40 to 60, y 5 to 20.
        options.Orientation = AnnotationOrientation.Stored;
        FormatTests.AssertClose([30, 40, 45, 60], Boxes(folder.MLContext.Data.LoadYolo(folder.Root, options)));
    }

    private float[] Boxes(IDataView data) => folder.Rows(data)[0].BoundingBoxes;
}
