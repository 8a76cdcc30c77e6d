using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.UnitTests.Annotations;

namespace MLNetLosses.UnitTests.ObjectDetection;

/// <summary>The whole way: files of annotations, keys, trainer, metrics, drawn detections.</summary>
[TestClass]
public class FromFilesTests
{
    [TestMethod]
    public void AnnotationsTrainADetectorWhoseDetectionsAreMeasuredAndDrawn()
    {
        using var folder = new AnnotatedFolder();
        var rows = DrawnObjects.Rows(8, seed: 5);
        for (var i = 0; i < rows.Count; i++)
        {
            Directory.CreateDirectory(folder.Path("JPEGImages"));
            File.WriteAllBytes(folder.Path($"JPEGImages/{i}.png"), rows[i].Image);
            var boxes = rows[i].BoundingBoxes;
            var objects = rows[i]
                .Label.Select(
                    (name, o) =>
                        AnnotatedFolder.VocObject(
                            name,
                            boxes[4 * o],
                            boxes[4 * o + 1],
                            boxes[4 * o + 2],
                            boxes[4 * o + 3],
                            difficult: o == 1 ? 1 : 0
                        )
                );
            var (width, height) = MLNetLosses.Data.ImageSize.OfEncoded(rows[i].Image);
            folder.Text($"Annotations/{i}.xml", AnnotatedFolder.Voc(string.Concat(objects), $"{i}.png", width, height));
        }
        folder.Text("train.txt", "0\n1\n2\n3\n4\n5\n");
        folder.Text("val.txt", "6\n7\n");
        var mlContext = folder.MLContext;
        var train = mlContext.Data.LoadPascalVoc(folder.Root, "train.txt");
        var held = mlContext.Data.LoadPascalVoc(folder.Root, "val.txt", new() { Classes = train.ClassNames });
        var keys = mlContext.Transforms.Conversion.MapValueToKey("Label");
        var options = Detecting.Small(o =>
        {
            o.ImageColumnName = "ImagePath";
            o.IgnoredColumnName = "Ignored";
            o.ScoreThreshold = 0.05; // as in validation
            o.Head = Detecting.SmallHead with { PriorProbability = 0.3 }; // scores above it from the start
            o.ValidationSet = keys.Fit(train).Transform(held);
        });
        var model = keys.Append(mlContext.MulticlassClassification.Trainers.ObjectDetection(options))
            .Append(mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel"))
            .Append(mlContext.Transforms.DrawBoundingBoxes("Drawn", "ImagePath"))
            .Fit(train);
        var scored = model.Transform(held);
        var metrics = mlContext.MulticlassClassification.EvaluateObjectDetection(scored);
        Assert.AreEqual(2, metrics.ImageCount);
        CollectionAssert.AreEquivalent(DrawnObjects.Classes, metrics.PerClass.Select(one => one.Name).ToArray());
        Assert.AreEqual(
            held.GetColumn<bool[]>("Ignored").Sum(flags => flags.Count(flag => !flag)),
            (int)metrics.PerClass.Sum(one => one.TargetCount),
            "difficult objects do not count"
        );
        var validation = ((TransformerChain<ITransformer>)(ITransformer)model)
            .OfType<ObjectDetectionTransformer>()
            .Single()
            .Summary.BestMetrics!;
        Assert.AreEqual(validation.Values["AP50"], metrics.MAP50, 1e-9, "as the trainer measured it");
        Assert.IsGreaterThan(0L, metrics.PerClass.Sum(one => one.DetectionCount));
        foreach (var image in scored.GetColumn<MLImage>("Drawn"))
            using (image)
                Assert.IsGreaterThan(0, image.Width);
    }
}
