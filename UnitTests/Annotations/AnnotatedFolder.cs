using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetLosses.Data;
using MLNetLosses.UnitTests.Imaging;

namespace MLNetLosses.UnitTests.Annotations;

/// <summary>A folder of files that a test makes, and what a reader finds in it.</summary>
internal sealed class AnnotatedFolder : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("annotations");

    public MLContext MLContext { get; } = new(1);

    public string Root => folder.FullName;

    public string Path(string name) => System.IO.Path.Combine(Root, name);

    public void Dispose() => folder.Delete(recursive: true);

    public string Text(string name, string content)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(Path(name))!);
        File.WriteAllText(Path(name), content);
        return Path(name);
    }

    public string Image(string name, int width = 100, int height = 50, int orientation = 1)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(Path(name))!);
        var jpeg = TestImages.Jpeg(width, height);
        File.WriteAllBytes(Path(name), orientation == 1 ? jpeg : TestImages.WithOrientation(jpeg, orientation));
        return Path(name);
    }

    public List<Row> Rows(IDataView data) => [.. MLContext.Data.CreateEnumerable<Row>(data, reuseRowObject: false)];

    public static string Voc(string objects, string image = "a.jpg", int width = 100, int height = 50) =>
        $"<annotation><filename>{image}</filename><size><width>{width}</width><height>{height}</height></size>\n{objects}</annotation>";

    public static string VocObject(string name, double x0, double y0, double x1, double y1, int difficult = 0) =>
        FormattableString.Invariant(
            $"<object><name>{name}</name><difficult>{difficult}</difficult><bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>\n"
        );

    public sealed class Row
    {
        public string ImagePath { get; set; } = "";
        public string[] Label { get; set; } = [];
        public float[] BoundingBoxes { get; set; } = [];
        public bool[] Ignored { get; set; } = [];
        public float[] Area { get; set; } = [];
    }
}
