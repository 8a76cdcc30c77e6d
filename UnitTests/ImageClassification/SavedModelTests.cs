using System.Globalization;
using System.IO.Compression;
using Microsoft.ML;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Networks;
using static MLNetLosses.UnitTests.ImageClassification.TransformerTests;

namespace MLNetLosses.UnitTests.ImageClassification;

/// <summary>Saved models: whole, damaged, and in another process.</summary>
[TestClass]
public class SavedModelTests
{
    private static readonly MLContext Context = new(1);

    [TestMethod]
    public void AModelIsLoadedByAnotherProcessInWhichNothingWasRegistered()
    {
        using var transformer = Make();
        using var images = new DrawnImages();
        var path = Path.Combine(images.Folder, "model.zip");
        var picture = images.Files(1)[0].Path;
        Context.Model.Save(Named(transformer), Unlabelled(1).Schema, path);
        var expected = Scores(transformer, Unlabelled(1))[0];
        var output = ChildProcess.Run(PredictInThisProcess, path, picture);
        var actual = output.Trim().Split(' ');
        Assert.AreEqual(DrawnImages.Classes[Array.IndexOf(expected, expected.Max())], actual[0]);
        AreClose(expected, [.. actual[1..].Select(value => float.Parse(value, CultureInfo.InvariantCulture))]);
    }

    private static int PredictInThisProcess(string[] arguments)
    {
        var context = new MLContext();
        var model = context.Model.Load(arguments[0], out _);
        using var engine = context.Model.CreatePredictionEngine<DrawnImages.BytesRow, DrawnImages.Prediction>(model);
        var prediction = engine.Predict(new() { Image = File.ReadAllBytes(arguments[1]) });
        Console.WriteLine(
            $"{prediction.PredictedLabel} {string.Join(' ', prediction.Score.Select(s => s.ToString("R", CultureInfo.InvariantCulture)))}"
        );
        return 0;
    }

    [TestMethod]
    public void ALoadedModelGivesTheSameBitsAndSavesTheSameWeights()
    {
        using var transformer = Make();
        using var first = new MemoryStream();
        Context.Model.Save(transformer, Unlabelled(1).Schema, first);
        var loaded = (ImageClassificationTransformer)Context.Model.Load(first, out var schema);
        using (loaded)
        {
            Assert.AreEqual("Image", schema["Image"].Name);
            var (expected, actual) = (Scores(transformer, Unlabelled(20)), Scores(loaded, Unlabelled(20)));
            for (var i = 0; i < expected.Length; i++)
                CollectionAssert.AreEqual(expected[i], actual[i]);
            using var second = new MemoryStream();
            Context.Model.Save(loaded, Unlabelled(1).Schema, second);
            CollectionAssert.AreEqual(Training.Part(first, "network.safetensors"), Training.Part(second, "network.safetensors"));
            Assert.AreEqual("CrossEntropy", loaded.Loss);
            Assert.AreEqual(Backbone.ResNet20Cifar, loaded.Backbone);
        }
    }

    [TestMethod]
    [DataRow(0.1)]
    [DataRow(0.5)]
    [DataRow(0.999)]
    public void ATruncatedModelIsRefused(double share)
    {
        using var transformer = Make();
        using var whole = new MemoryStream();
        Context.Model.Save(transformer, Unlabelled(1).Schema, whole);
        var part = new MemoryStream(whole.ToArray()[..(int)(share * whole.Length)]);
        var error = Assert.ThrowsExactly<FormatException>(() => Context.Model.Load(part, out _));
        StringAssert.Contains(error.Message, "Failed to open a zip archive"); // ML.NET's own words
    }

    [TestMethod]
    public void ADamagedPartOfAModelIsNamed()
    {
        using var transformer = Make();
        using var model = new MemoryStream();
        Context.Model.Save(transformer, Unlabelled(1).Schema, model);
        using (var archive = new ZipArchive(model, ZipArchiveMode.Update, leaveOpen: true))
        {
            var entry = archive.Entries.Single(e => e.Name == "network.safetensors");
            using var stream = entry.Open();
            stream.SetLength(stream.Length / 2);
        }
        var error = Assert.Throws<Exception>(() => Context.Model.Load(model, out _)).GetBaseException();
        var messages = string.Join(" | ", Chain(error).Select(e => e.Message));
        StringAssert.Contains(messages, "network.safetensors");
    }

    private static IEnumerable<Exception> Chain(Exception error)
    {
        for (Exception? e = error; e is not null; e = e.InnerException)
            yield return e;
    }
}
