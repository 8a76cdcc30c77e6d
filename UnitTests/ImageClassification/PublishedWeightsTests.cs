using Microsoft.ML;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Networks;

namespace MLNetLosses.UnitTests.ImageClassification;

/// <summary>Published weights on real photographs, through the whole of ML.NET. Skipped where the data are not at hand.</summary>
[TestClass]
public class PublishedWeightsTests
{
    public TestContext TestContext { get; set; } = null!;

    [TestMethod]
    public void AResNet20OfCifar10HasTheAccuracyThatPyTorchMeasures()
    {
        var weights = Path.Combine(TestData.Folder("pretrained"), "resnet20-cifar10", "resnet20-12fca82f.th");
        var images = Directory.EnumerateDirectories(Path.Combine(TestData.Folder("cifar10"), "val")).Order(StringComparer.Ordinal);
        var context = Training.Context();
        var rows = context.Data.LoadFromEnumerable(
            images
                .SelectMany(Directory.EnumerateFiles)
                .Select(path => new { Image = path, Label = Path.GetFileName(Path.GetDirectoryName(path)) })
                .ToList()
        );
        var data = DrawnImages.Keys(context).Fit(rows).Transform(rows);
        using var model = Training.Fit(
            data,
            new()
            {
                Backbone = Backbone.ResNet20Cifar,
                Weights = weights,
                Epoch = 0,
                ValidationSet = data,
            },
            context
        );
        var metrics = context.MulticlassClassification.Evaluate(model.Transform(data));
        TestContext.WriteLine($"micro accuracy {metrics.MicroAccuracy}, log-loss {metrics.LogLoss}");
        Assert.AreEqual(0.864, metrics.MicroAccuracy, 0.002); // decoders of JPEG differ by a few grey levels
        Assert.AreEqual(metrics.MicroAccuracy, model.Summary.BestMetrics!.Values["accuracy"], 1e-9);
        Assert.AreEqual(metrics.LogLoss, model.Summary.BestMetrics.Values["logLoss"], 1e-4);
    }
}
