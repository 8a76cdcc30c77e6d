using Microsoft.ML;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using MLNetLosses.Networks;
using MLNetLosses.UnitTests.Weights;

namespace MLNetLosses.UnitTests.ImageClassification;

/// <summary>Weights and losses that fit the network, or do not.</summary>
[TestClass]
public class TrainerWeightsTests
{
    [TestMethod]
    public void WeightsOfAnotherNetworkAreRefused()
    {
        using var images = new DrawnImages();
        var path = Path.Combine(images.Folder, "weights.safetensors");
        using (var other = BackboneNetwork.Create(Backbone.MobileNetV3Small, 3))
            SafetensorsWriter.Write(path, other.state_dict());
        var error = Assert.ThrowsExactly<InvalidDataException>(() => Training.Fit(Training.Data(9), Training.Small(o => o.Weights = path)));
        StringAssert.Contains(error.Message, "ResNet20Cifar");
    }

    [TestMethod]
    public void WeightsForOtherClassesKeepTheBackboneAndGetANewHead()
    {
        using var images = new DrawnImages();
        var path = Path.Combine(images.Folder, "weights.safetensors");
        using var other = BackboneNetwork.Create(Backbone.ResNet20Cifar, 7, seed: 3);
        SafetensorsWriter.Write(path, other.state_dict());
        var context = Training.Context();
        var log = new List<string>();
        context.Log += (_, e) => log.Add(e.Message);
        using var model = Training.Fit(Training.Data(9), Training.Small(o => (o.Weights, o.Epoch) = (path, 0)), context);
        Assert.IsTrue(log.Any(line => line.Contains("7 classes")), string.Join('\n', log));
        using var kept = TensorFile.Read(Training.Weights(model), "model");
        using var scope = TorchSharp.torch.NewDisposeScope();
        Assert.IsTrue(kept.Tensors["conv1.weight"].ToTensor().equal(other.state_dict()["conv1.weight"]).all().item<bool>());
        CollectionAssert.AreEqual(new long[] { 3, 64 }, kept.Tensors["linear.weight"].Shape);
    }

    [TestMethod]
    [DataRow("hostile", "'os.system', which is not on the closed list")]
    [DataRow("truncated", "weights.pth")]
    [DataRow("empty", "weights.pth")]
    [DataRow("missing", "weights.pth")]
    public void AFileOfWeightsThatCannotBeUsedIsNamed(string kind, string message)
    {
        using var images = new DrawnImages();
        var path = Path.Combine(images.Folder, "weights.pth");
        var hostile = TorchFiles.Torch(new Pickle().Global("os", "system").Mark().Text("touch owned").Tuple().Reduce().Done());
        if (kind != "missing")
            File.WriteAllBytes(
                path,
                kind switch
                {
                    "hostile" => hostile,
                    "truncated" => hostile[..(hostile.Length / 2)],
                    _ => [],
                }
            );
        var error = Assert.Throws<Exception>(() => Training.Fit(Training.Data(9), Training.Small(o => o.Weights = path)), kind);
        Assert.IsInstanceOfType(error, kind == "missing" ? typeof(FileNotFoundException) : typeof(InvalidDataException));
        StringAssert.Contains(error.Message, message);
        StringAssert.Contains(error.Message, path);
    }

    [TestMethod]
    public void ALossThatDoesNotFitTheClassesIsRefused()
    {
        var loss = new CrossEntropyLoss { ClassWeights = [1, 2] };
        var error = Assert.Throws<ArgumentException>(() => Training.Fit(Training.Data(9), Training.Small(o => o.Loss = loss)));
        StringAssert.Contains(error.Message, "ClassWeights");
    }

    [TestMethod]
    public void ZeroEpochsMeasureTheWeightsThatWereLoaded()
    {
        using var images = new DrawnImages();
        var path = Path.Combine(images.Folder, "weights.safetensors");
        var data = Training.Data(30);
        using (var network = BackboneNetwork.Create(Backbone.ResNet20Cifar, 3, seed: 9))
            SafetensorsWriter.Write(path, network.state_dict());
        using var model = Training.Fit(data, Training.Small(o => (o.Weights, o.Epoch, o.ValidationSet) = (path, 0, data)));
        var expected = Training.Context().MulticlassClassification.Evaluate(model.Transform(data)).MicroAccuracy;
        Assert.AreEqual(expected, model.Summary.BestMetrics!.Values["accuracy"], 1e-9);
    }
}
