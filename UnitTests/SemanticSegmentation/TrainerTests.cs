using Microsoft.ML;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Data;
using MLNetLosses.Losses;
using MLNetLosses.Networks;
using MLNetLosses.Training;
using MLNetLosses.UnitTests.ImageClassification;

namespace MLNetLosses.UnitTests.SemanticSegmentation;

/// <summary>What the trainer learns, of which data, and how it is stopped and resumed.</summary>
[TestClass]
public class TrainerTests
{
    [TestMethod]
    public void ItLearnsDrawnShapes()
    {
        var options = Segmenting.Small(o =>
        {
            (o.Epoch, o.BatchSize, o.Schedule) = (12, 8, new CosineSchedule());
            (o.Loss, o.ValidationSet) = (new CrossEntropyLoss() + new DiceLoss(), DrawnShapes.Data(16, seed: 9));
            o.Augmentation = new() { HorizontalFlip = 0.5 };
        });
        using var model = Segmenting.Fit(DrawnShapes.Data(48), options);
        Assert.IsGreaterThan(0.8, model.Summary.BestMetrics!.Score, $"mean IoU {model.Summary.BestMetrics.Score}");
        var unseen = DrawnShapes.Rows(8, seed: 10);
        var confusion = new SegmentationConfusion(3);
        foreach (var (mask, row) in Segmenting.Masks(model, Segmenting.Context().Data.LoadFromEnumerable(unseen)).Zip(unseen))
            confusion.Add(mask.Values, row.Mask.Values);
        Assert.IsGreaterThan(0.75, confusion.Metrics().MeanIntersectionOverUnion);
    }

    [TestMethod]
    public void AFolderIsLoadedTrainedEvaluatedAndCrossValidatedByDefaultNames()
    {
        using var folder = new DrawnShapes();
        var (images, masks) = (
            Directory.CreateDirectory(Path.Combine(folder.Folder, "images")),
            Directory.CreateDirectory(Path.Combine(folder.Folder, "masks"))
        );
        foreach (var (i, row) in folder.Files(16).Index())
        {
            File.Move(row.ImagePath, Path.Combine(images.FullName, $"{i:00}.png"));
            File.Move(row.Mask, Path.Combine(masks.FullName, $"{i:00}.png"));
        }
        File.WriteAllLines(Path.Combine(folder.Folder, "classes.txt"), DrawnShapes.Classes);
        var context = Segmenting.Context();
        var data = context.Data.LoadSegmentationFolder(folder.Folder);
        var trainer = context.ImageSegmentation.Trainers.SemanticSegmentation(
            Segmenting.Small(o => (o.Epoch, o.ValidationSetFraction) = (3, 0.25))
        );
        using var model = trainer.Fit(data);
        CollectionAssert.AreEqual(DrawnShapes.Classes, model.Classes.ToArray());
        var metrics = context.ImageSegmentation.Evaluate(model.Transform(data));
        Assert.HasCount(3, metrics.IntersectionOverUnion);
        Assert.IsGreaterThan(0.5, metrics.PixelAccuracy);
        var folds = context.ImageSegmentation.CrossValidate(data, trainer, numberOfFolds: 2);
        Assert.HasCount(2, folds);
        foreach (var fold in folds)
            ((SemanticSegmentationTransformer)fold.Model).Dispose();
    }

    [TestMethod]
    public void BinaryAndOverlappingClassesAreLearned()
    {
        var binary = Segmenting
            .Context()
            .Data.LoadFromEnumerable(
                DrawnShapes
                    .Rows(48)
                    .ConvertAll(row => new DrawnShapes.Row
                    {
                        ImagePath = row.ImagePath,
                        Mask = SegmentationMask.OfIndices(24, 24, [.. row.Mask.Values.ToArray().Select(i => (byte)Math.Min(1, (int)i))]),
                    })
            );
        var options = Segmenting.Small(o =>
        {
            (o.Epoch, o.BatchSize, o.Schedule, o.ValidationSetFraction) = (8, 8, new CosineSchedule(), 0.25);
            (o.Mode, o.Loss) = (SegmentationMode.Binary, (SegmentationLoss)new BinaryCrossEntropyLoss() + new DiceLoss());
        });
        using var model = Segmenting.Fit(binary, options);
        Assert.AreEqual(SegmentationMode.Binary, model.Mode);
        Assert.HasCount(2, model.Classes);
        Assert.IsGreaterThan(0.8, model.Summary.BestMetrics!.Score);
        var mask = Segmenting.Masks(model, DrawnShapes.Data(4, seed: 3))[0];
        Assert.AreEqual(0, mask.LayerCount);
        Assert.IsTrue(mask.Values.IndexOfAnyExceptInRange((byte)0, (byte)1) < 0);

        options.Mode = SegmentationMode.Auto;
        using var layered = Segmenting.Fit(DrawnShapes.Layers(48), options);
        Assert.AreEqual(SegmentationMode.Multilabel, layered.Mode);
        Assert.IsGreaterThan(0.7, layered.Summary.BestMetrics!.Score);
        var layers = Segmenting.Masks(layered, DrawnShapes.Data(4, seed: 3))[0];
        Assert.AreEqual(2, layers.LayerCount);
        // Squares lie within shapes.
        var both = layers.Layer(0).ToArray().Zip(layers.Layer(1).ToArray()).Count(pair => pair.Second == 1 && pair.First == 0);
        Assert.IsLessThan(20, both);
    }

    [TestMethod]
    public void RandomPartsOfImagesOfDifferentSizesAreLearned()
    {
        var rows = Enumerable.Range(0, 24).SelectMany(i => DrawnShapes.Rows(1, seed: i, width: 30 + 3 * i, height: 70 - 2 * i)).ToList();
        var options = Segmenting.Small(o =>
        {
            (o.ImageWidth, o.ImageHeight, o.CropWidth, o.CropHeight) = (null, null, 40, 32); // some images are smaller than that
            (o.Epoch, o.BatchSize, o.Schedule, o.ValidationSetFraction) = (30, 8, new CosineSchedule(), 0.25);
            (o.Loss, o.Augmentation) = ((SegmentationLoss)new CrossEntropyLoss() + new DiceLoss(), new() { Affine = new() });
        });
        using var model = Segmenting.Fit(Segmenting.Context().Data.LoadFromEnumerable(rows), options);
        Assert.IsGreaterThan(0.6, model.Summary.BestMetrics!.Score);
        foreach (var (mask, row) in Segmenting.Masks(model, Segmenting.Context().Data.LoadFromEnumerable(rows)).Zip(rows))
            Assert.AreEqual((row.Mask.Width, row.Mask.Height), (mask.Width, mask.Height));
    }

    [TestMethod]
    public void FilesTeachTheSameAsBytesAndACacheOfNothingToo()
    {
        using var folder = new DrawnShapes();
        var context = Segmenting.Context();
        var files = context.Data.LoadFromEnumerable(folder.Files(8));
        var expected = Segmenting.Weights(DrawnShapes.Data(8), Segmenting.Small());
        CollectionAssert.AreEqual(expected, Segmenting.Weights(files, Segmenting.Small()));
        CollectionAssert.AreEqual(
            expected,
            Segmenting.Weights(files, Segmenting.Small(o => (o.ImageCacheBytes, o.ReaderThreads) = (0, 3)))
        );
        CollectionAssert.AreEqual(expected, Segmenting.Weights(DrawnShapes.Data(8), Segmenting.Small(o => o.ImageCacheBytes = 3000)));
    }

    [TestMethod]
    public void ACheckpointResumesToTheSameModel()
    {
        var data = DrawnShapes.Data(12);
        using var folder = new DrawnShapes();
        var options = Segmenting.Small(o =>
        {
            (o.Epoch, o.Architecture, o.Backbone) = (4, SegmentationArchitecture.FPN, Backbone.ResNet20Cifar); // FPN drops channels at random
            (o.Augmentation, o.ValidationSetFraction, o.RestoreBest) = (Augmentation.Light, 0.25, false);
            o.Loss = (SegmentationLoss)new CrossEntropyLoss() + 0.01 * new BoundaryLoss();
        });
        var whole = Segmenting.Weights(data, options);
        using var source = new CancellationTokenSource();
        options.CheckpointFolder = Path.Combine(folder.Folder, "run");
        options.CancellationToken = source.Token;
        options.Progress = new Recorder
        {
            OnReport = progress =>
            {
                if (progress is { Epoch: 2, Finished: not null })
                    source.Cancel();
            },
        };
        using (var canceled = Segmenting.Fit(data, options))
            Assert.AreEqual(StopReason.Canceled, canceled.Summary.Reason);
        (options.CancellationToken, options.Progress, options.Resume) = (default, null, true);
        using var resumed = Segmenting.Fit(data, options);
        Assert.AreEqual(2, resumed.Summary.ResumedFrom);
        CollectionAssert.AreEqual(whole, Segmenting.Weights(resumed));
        (options.ImageWidth, options.ImageHeight) = (32, 24);
        StringAssert.Contains(Assert.Throws<InvalidDataException>(() => Segmenting.Fit(data, options)).Message, "image size");
    }

    [TestMethod]
    public void CancelledAtOnceItGivesTheUntrainedModelAndSaysSo()
    {
        using var model = Segmenting.Fit(DrawnShapes.Data(4), Segmenting.Small(o => o.CancellationToken = new(canceled: true)));
        Assert.AreEqual(StopReason.Canceled, model.Summary.Reason);
        Assert.HasCount(4, Segmenting.Masks(model, DrawnShapes.Data(4)));
    }

    [TestMethod]
    public void CancellingTheContextThrows()
    {
        var context = Segmenting.Context();
        var recorder = new Recorder { OnReport = _ => context.CancelExecution() };
        Assert.ThrowsExactly<OperationCanceledException>(() =>
            Segmenting.Fit(
                DrawnShapes.Data(8),
                Segmenting.Small(o => (o.Epoch, o.Progress, o.ProgressInterval) = (50, recorder, 1)),
                context
            )
        );
        Assert.HasCount(1, recorder.Reports);
    }

    [TestMethod]
    public void PretrainedWeightsOfABackboneAreTakenAndItsLayersFreeze()
    {
        using var folder = new DrawnShapes();
        using var classifier = BackboneNetwork.Create(Backbone.ResNet20Cifar, 10, seed: 99);
        var file = Path.Combine(folder.Folder, "backbone.safetensors");
        SafetensorsWriter.Write(file, classifier.state_dict());
        var context = Segmenting.Context();
        var log = new List<string>();
        context.Log += (_, e) => log.Add(e.Message);
        using var model = Segmenting.Fit(DrawnShapes.Data(8), Segmenting.Small(o => (o.Weights, o.FrozenLayerGroups) = (file, 4)), context);
        StringAssert.Contains(string.Join('\n', log), "tensors from");
        using var saved = TensorFile.Read(Segmenting.Weights(model), "saved");
        using var frozen = saved.Tensors["encoder.layer3.0.conv1.weight"].ToTensor();
        Assert.IsTrue(frozen.Equals(classifier.state_dict()["layer3.0.conv1.weight"]));
        StringAssert.Contains(
            Assert
                .ThrowsExactly<ArgumentException>(() =>
                    Segmenting.Fit(DrawnShapes.Data(8), Segmenting.Small(o => o.FrozenLayerGroups = 40))
                )
                .Message,
            "decoder"
        );
    }
}
