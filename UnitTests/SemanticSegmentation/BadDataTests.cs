using Microsoft.ML;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Data;
using MLNetLosses.Losses;
using MLNetLosses.Networks;
using MLNetLosses.UnitTests.ImageClassification;
using Options = MLNetLosses.SemanticSegmentationTrainer.Options;

namespace MLNetLosses.UnitTests.SemanticSegmentation;

/// <summary>Data and options that cannot be used, and what is said of them.</summary>
[TestClass]
public class BadDataTests
{
    private static string Message<TException>(IEnumerable<DrawnShapes.FileRow> rows, Action<Options>? change = null)
        where TException : Exception =>
        Assert
            .Throws<TException>(() => Segmenting.Fit(Segmenting.Context().Data.LoadFromEnumerable(rows), Segmenting.Small(change)))
            .Message;

    [TestMethod]
    public void AMaskOfAnotherSizeNamesFileAndSizes()
    {
        using var folder = new DrawnShapes();
        var rows = folder.Files(3);
        File.WriteAllBytes(rows[1].Mask, DrawnShapes.GrayPng(20, 24, new byte[480]));
        var message = Message<InvalidDataException>(rows);
        foreach (var part in new[] { "row 1", rows[1].Mask, "20 x 24", "24 x 24" })
            StringAssert.Contains(message, part);
    }

    [TestMethod]
    public void AnIndexOutsideTheClassesNamesFilePixelAndValue()
    {
        using var folder = new DrawnShapes();
        var rows = folder.Files(3);
        var indices = new byte[576];
        indices[5 * 24 + 7] = 9;
        File.WriteAllBytes(rows[2].Mask, DrawnShapes.GrayPng(24, 24, indices));
        var message = Message<InvalidDataException>(rows, o => o.ClassNames = DrawnShapes.Classes);
        foreach (var part in new[] { "row 2", rows[2].Mask, "(7, 5)", "class index 9", "IgnoreIndex to 9" })
            StringAssert.Contains(message, part);
        using var ignoring = Segmenting.Fit(
            Segmenting.Context().Data.LoadFromEnumerable(rows),
            Segmenting.Small(o => (o.ClassNames, o.IgnoreIndex) = (DrawnShapes.Classes, 9))
        );
        Assert.HasCount(3, ignoring.Classes);
    }

    [TestMethod]
    public void AnIndexOutsideTheClassesOfALoadedFolderNamesTheImage()
    {
        using var folder = new DrawnShapes();
        folder.Dataset(3, []);
        File.Delete(Path.Combine(folder.Folder, "classes.txt"));
        var indices = new byte[576];
        indices[5 * 24 + 7] = 9;
        File.WriteAllBytes(Path.Combine(folder.Folder, "masks", "1.png"), DrawnShapes.GrayPng(24, 24, indices));
        var data = Segmenting.Context().Data.LoadSegmentationFolder(folder.Folder);
        var options = Segmenting.Small(o => o.ClassNames = DrawnShapes.Classes);
        var message = Assert.ThrowsExactly<InvalidDataException>(() => Segmenting.Fit(data, options)).Message;
        var image = Path.Combine(folder.Folder, "images", "1.png");
        foreach (var part in new[] { $"The mask of image '{image}' (row 1)", "(7, 5)", "class index 9" })
            StringAssert.Contains(message, part);
        using var model = Segmenting.Fit(DrawnShapes.Data(4), options);
        message = Assert.Throws<ArgumentException>(() => Segmenting.Context().ImageSegmentation.Evaluate(model.Transform(data))).Message;
        foreach (var part in new[] { $"Row 1 ('{Path.Combine(folder.Folder, "masks", "1.png")}')", "Pixel (7, 5)", "is 9" })
            StringAssert.Contains(message, part);
    }

    [TestMethod]
    public void AnUnreadableImageNamesItsRowOrIsSkipped()
    {
        using var folder = new DrawnShapes();
        var rows = folder.Files(5);
        File.WriteAllBytes(rows[3].ImagePath, File.ReadAllBytes(rows[3].ImagePath)[..60]);
        var message = Message<ImageDecodeException>(rows);
        StringAssert.Contains(message, "row 3");
        StringAssert.Contains(message, rows[3].ImagePath);
        var context = Segmenting.Context();
        var warnings = new List<string>();
        context.Log += (_, e) =>
        {
            if (e.Kind == Microsoft.ML.Runtime.ChannelMessageKind.Warning)
                warnings.Add(e.Message);
        };
        var data = context.Data.LoadFromEnumerable(rows);
        using var model = Segmenting.Fit(data, Segmenting.Small(o => o.SkipUndecodableImages = true), context);
        Assert.IsTrue(warnings.Any(line => line.Contains("1 training image")), string.Join('\n', warnings));
        var masks = Segmenting.Masks(model, data);
        Assert.IsNull(masks[3]);
        Assert.IsNotNull(masks[4]);
        File.WriteAllBytes(rows[3].ImagePath, []);
        StringAssert.Contains(Message<ImageDecodeException>(rows), "row 3");
        File.Delete(rows[0].Mask);
        StringAssert.Contains(Message<Exception>(rows, o => o.SkipUndecodableImages = true), rows[0].Mask);
    }

    [TestMethod]
    public void DataOfTheWrongKindAreRefused()
    {
        StringAssert.Contains(Message<ArgumentException>([]), "no rows");
        using var folder = new DrawnShapes();
        var rows = folder.Files(2);
        StringAssert.Contains(Message<ArgumentException>(rows, o => o.LabelColumnName = "Masks"), "'Mask'");
        StringAssert.Contains(Message<ArgumentException>(rows, o => o.Mode = SegmentationMode.Multilabel), "class indices");
        StringAssert.Contains(
            Message<ArgumentException>(rows, o => (o.Mode, o.ClassNames) = (SegmentationMode.Binary, DrawnShapes.Classes)),
            "two classes"
        );
        rows[1].Mask = "";
        StringAssert.Contains(Message<ArgumentException>(rows), "Row 1 has no mask");
        var ignored = DrawnShapes
            .Rows(3)
            .ConvertAll(row => new DrawnShapes.Row
            {
                ImagePath = row.ImagePath,
                Mask = SegmentationMask.OfIndices(24, 24, [.. Enumerable.Repeat(SegmentationMask.Ignored, 576)]),
            });
        var data = Segmenting.Context().Data.LoadFromEnumerable(ignored);
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => Segmenting.Fit(data, Segmenting.Small())).Message, "No pixel");
        var layers = DrawnShapes.Layers(2);
        StringAssert.Contains(
            Assert
                .ThrowsExactly<ArgumentException>(() => Segmenting.Fit(layers, Segmenting.Small(o => o.ClassNames = DrawnShapes.Classes)))
                .Message,
            "2 layers"
        );
    }

    public static IEnumerable<object[]> Refused =>
        new (string, Action<Options>)[]
        {
            (nameof(Options.PredictedLabelColumnName), o => o.PredictedLabelColumnName = ""),
            (nameof(Options.AreasColumnName), o => o.AreasColumnName = o.PredictedLabelColumnName),
            (nameof(Options.ProbabilitiesColumnName), o => o.ProbabilitiesColumnName = " "),
            (nameof(Options.Loss), o => o.Loss = null!),
            (nameof(Options.Mode), o => o.Mode = (SegmentationMode)9),
            (nameof(Options.Architecture), o => o.Architecture = (SegmentationArchitecture)9),
            (nameof(Options.MonitoredMetric), o => o.MonitoredMetric = (SegmentationMetric)9),
            (nameof(Options.ClassNames), o => o.ClassNames = ["a", "a"]),
            (nameof(Options.ClassNames), o => o.ClassNames = []),
            (nameof(Options.IgnoreIndex), o => o.IgnoreIndex = 256),
            (nameof(Options.ClassWeights), o => o.ClassWeights = ClassWeights.FromColumn("Weight")),
            (nameof(Options.ImageHeight), o => o.ImageHeight = null),
            (nameof(Options.ImageWidth), o => o.ImageWidth = 0),
            (nameof(Options.CropHeight), o => o.CropHeight = 32),
            (nameof(Options.CropWidth), o => (o.CropWidth, o.CropHeight) = (-1, 32)),
            (nameof(Options.Color), o => o.Color = (ImageColor)9),
            (nameof(Options.Augmentation), o => o.Augmentation = null!),
            (nameof(Options.Augmentation), o => o.Augmentation = new() { CutMixAlpha = 1 }),
            (nameof(Options.PredictionPixels), o => o.PredictionPixels = 100),
            (nameof(Options.TileOverlap), o => o.TileOverlap = -1),
            (nameof(Options.TileOverlap), o => (o.PredictionPixels, o.TileOverlap) = (4096, 40)),
            (nameof(Options.BatchSize), o => o.BatchSize = 0),
            (nameof(Options.Resume), o => o.Resume = true),
        }.Select(pair => new object[] { pair.Item1, pair.Item2 });

    [TestMethod]
    [DynamicData(nameof(Refused))]
    public void AValueThatCannotBeUsedIsRefusedByName(string name, object change)
    {
        var trainers = Segmenting.Context().ImageSegmentation.Trainers;
        var error = Assert.ThrowsExactly<ArgumentException>(() => trainers.SemanticSegmentation(Segmenting.Small((Action<Options>)change)));
        StringAssert.Contains(error.Message, name);
    }

    [TestMethod]
    public void ClassWeightsThatNoTermTakesAreRefused()
    {
        var options = Segmenting.Small(o => (o.Loss, o.ClassWeights) = (new DiceLoss { PoolClasses = true }, "balanced"));
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => Segmenting.Fit(DrawnShapes.Data(4), options)).Message,
            "takes class weights"
        );
    }

    [TestMethod]
    public void ALossThatTakesNoOverlappingClassesIsRefusedForLayers()
    {
        var options = Segmenting.Small(o => o.Loss = (SegmentationLoss)new CrossEntropyLoss() + new DiceLoss());
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => Segmenting.Fit(DrawnShapes.Layers(4), options)).Message,
            "CrossEntropy does not take masks of layers"
        );
    }
}
