using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.UnitTests.ImageClassification;
using MLNetLosses.UnitTests.ObjectDetection;
using MLNetLosses.UnitTests.SemanticSegmentation;
using SkiaSharp;

namespace MLNetLosses.UnitTests.Samples;

/// <summary>The sample programs in processes of their own: on a few images, and with wrong arguments.</summary>
[TestClass]
public class SampleTests
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("samples");

    private string Output => Path.Combine(folder.FullName, "output");

    [TestCleanup]
    public void Clean() => folder.Delete(recursive: true);

    [TestMethod]
    public void ImageClassification()
    {
        foreach (var part in new[] { "train", "test" })
        foreach (var (kind, name) in DrawnImages.Classes.Index())
            for (var i = 0; i < 3; i++)
                File.WriteAllBytes(In(part, name, $"{i}.png"), DrawnImages.Png(kind, i));
        var metrics = Run(
            "ImageClassification",
            ["--train", Path.Combine(folder.FullName, "train"), "--test", Path.Combine(folder.FullName, "test")],
            ["--backbone", "ResNet20Cifar", "--image-size", "16", "--loss", "CrossEntropy() + 0.5 * Focal()"],
            ["loss"],
            "confusion.png"
        );
        Assert.AreEqual("imageClassification", (string?)metrics["task"]);
        Assert.AreEqual("CrossEntropy() + 0.5 * Focal()", (string?)metrics["loss"]);
        Assert.IsInRange(0, 1, Number(metrics["test"]!["microAccuracy"]));
        CollectionAssert.AreEqual(
            DrawnImages.Classes,
            metrics["test"]!["perClass"]!.AsArray().Select(one => (string?)one!["class"]).ToArray()
        );
        Refused("ImageClassification", "--backbone", "ResNet7");
    }

    [TestMethod]
    public void SemanticSegmentation()
    {
        foreach (var part in new[] { "train", "test" })
        {
            File.WriteAllLines(In(part, "classes.txt"), DrawnShapes.Classes);
            for (var i = 0; i < 4; i++)
            {
                var (image, indices) = DrawnShapes.Draw(i);
                File.WriteAllBytes(In(part, "images", $"{i}.png"), image);
                File.WriteAllBytes(In(part, "masks", $"{i}.png"), DrawnShapes.GrayPng(24, 24, indices));
            }
        }
        var metrics = Run(
            "SemanticSegmentation",
            ["--train", Path.Combine(folder.FullName, "train"), "--test", Path.Combine(folder.FullName, "test")],
            ["--backbone", "ResNet20Cifar", "--image-size", "24", "--class-weights", "balanced"],
            ["loss", "architecture"],
            "confusion.png"
        );
        Assert.AreEqual("semanticSegmentation", (string?)metrics["task"]);
        Assert.AreEqual(4 * 24 * 24, Number(metrics["test"]!["pixels"]));
        CollectionAssert.AreEqual(DrawnShapes.Classes, metrics["test"]!["perClassIoU"]!.AsObject().Select(one => one.Key).ToArray());
        Refused("SemanticSegmentation", "--class-weights", "much");
    }

    [TestMethod]
    public void ObjectDetection()
    {
        File.WriteAllLines(In("data", "classes.txt"), DrawnObjects.Classes);
        foreach (var part in new[] { "train", "test" })
        foreach (var (i, row) in DrawnObjects.Rows(4, empty: false).Index())
        {
            File.WriteAllBytes(In("data", "images", part, $"{i}.png"), row.Image);
            using var bitmap = SKBitmap.Decode(row.Image);
            File.WriteAllLines(
                In("data", "labels", part, $"{i}.txt"),
                row.Label.Select((label, at) => Yolo(label, row.BoundingBoxes.AsSpan(4 * at, 4), bitmap.Width, bitmap.Height))
            );
        }
        var metrics = Run(
            "ObjectDetection",
            ["--train", Path.Combine(folder.FullName, "data")],
            ["--backbone", "ShuffleNetV2X05", "--image-size", "64", "--head", "RetinaNet(channels: 32, convolutions: 1)"],
            ["classificationLoss", "boxLoss", "distributionLoss"],
            "precision-recall.png"
        );
        Assert.AreEqual("objectDetection", (string?)metrics["task"]);
        Assert.AreEqual(4, Number(metrics["test"]!["images"]));
        Assert.IsInRange(0, 1, Number(metrics["test"]!["mAP"]));
        Refused("ObjectDetection", "--box-loss", "Dice()");
    }

    private static string Yolo(string label, ReadOnlySpan<float> box, int width, int height) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{Array.IndexOf(DrawnObjects.Classes, label)} {(box[0] + box[2]) / 2 / width} {(box[1] + box[3]) / 2 / height} {(box[2] - box[0]) / width} {(box[3] - box[1]) / height}"
        );

    /// <summary>The path of a file in the folder, whose own folder exists.</summary>
    private string In(params string[] names)
    {
        var path = Path.Combine([folder.FullName, .. names]);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        return path;
    }

    /// <summary>One epoch, and what is left of it: the metrics, of which some are looked at.</summary>
    private JsonObject Run(string sample, string[] data, string[] settings, string[] ownMetrics, string picture)
    {
        using var child = ChildProcess.StartProgram(
            AssemblyOf(sample),
            [.. data, .. settings, "--epochs", "1", "--batch-size", "4", "--device", "cpu", "--output", Output]
        );
        var (code, output, errors) = child.Wait();
        Assert.AreEqual(0, code, $"{output}\n{errors}");
        foreach (var name in new[] { "model.zip", "report.html", "training.jsonl", "curves.png", picture })
            Assert.IsGreaterThan(0, new FileInfo(Path.Combine(Output, name)).Length, name);
        Assert.IsNotEmpty(Directory.GetFiles(Path.Combine(Output, "tensorboard"), "*", SearchOption.AllDirectories));
        var metrics = JsonNode.Parse(File.ReadAllText(Path.Combine(Output, "metrics.json")))!.AsObject();
        string[] shared = ["task", "backbone", "epochs", "seconds", "imagesPerSecond", "peakMemoryMB", "trainLoss", "validation", "test"];
        CollectionAssert.AreEquivalent(shared.Concat(ownMetrics).ToArray(), metrics.Select(one => one.Key).ToArray());
        Assert.AreEqual(1, Number(metrics["epochs"]));
        foreach (var name in new[] { "seconds", "imagesPerSecond", "peakMemoryMB", "trainLoss" })
            Assert.IsGreaterThan(0, Number(metrics[name]), name);
        return metrics;
    }

    /// <summary>The same with another value of an option, which is named in one sentence and leaves no model.</summary>
    private void Refused(string sample, string option, string value)
    {
        var output = Path.Combine(folder.FullName, "refused");
        string[] arguments =
        [
            "--train",
            Path.Combine(folder.FullName, sample == "ObjectDetection" ? "data" : "train"),
            option,
            value,
            "--epochs",
            "1",
            "--output",
            output,
        ];
        using var child = ChildProcess.StartProgram(AssemblyOf(sample), arguments);
        var (code, _, errors) = child.Wait();
        Assert.AreEqual(1, code, errors);
        StringAssert.StartsWith(errors, $"Error: {option} {value}: ");
        Assert.HasCount(1, errors.Trim().Split('\n'));
        Assert.IsFalse(File.Exists(Path.Combine(output, "model.zip")));
        // What is wrong with the command line itself is said before anything is read.
        using var unread = ChildProcess.StartProgram(AssemblyOf(sample), "--image-size", "large", "--output", output);
        var (unreadCode, _, unreadErrors) = unread.Wait();
        Assert.AreEqual(1, unreadCode);
        StringAssert.StartsWith(unreadErrors, "Error: --image-size large: ");
    }

    private static double Number(JsonNode? node) => node!.GetValue<double>();

    /// <summary>A sample's assembly, built beside this one.</summary>
    private static string AssemblyOf(string sample)
    {
        var own = Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory);
        var tests = Path.Combine("UnitTests", "bin");
        var at = own.LastIndexOf(tests, StringComparison.Ordinal);
        return Path.Combine(own[..at], "Samples", sample, "bin" + own[(at + tests.Length)..], $"{sample}.dll");
    }
}
