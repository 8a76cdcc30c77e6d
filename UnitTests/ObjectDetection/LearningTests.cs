using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Data;
using MLNetLosses.Losses;
using MLNetLosses.Networks;
using MLNetLosses.UnitTests.ImageClassification;
using TorchSharp;

namespace MLNetLosses.UnitTests.ObjectDetection;

/// <summary>What a detector learns from.</summary>
[TestClass]
public class LearningTests
{
    private static readonly Lazy<IDataView> Four = new(() => DrawnObjects.Data(4, empty: false));

    private static readonly FcosHead Distributions = new()
    {
        Channels = 32,
        Convolutions = 1,
        DistributionBins = 17,
    };

    [TestMethod]
    public void FindsDrawnObjectsOnImagesThatItHasNotSeen()
    {
        var (model, unseen) = (Detecting.Trained, Detecting.Unseen);
        Assert.IsGreaterThan(0.8, model.Summary.BestMetrics!.Values["AP50"]);
        CollectionAssert.AreEqual(new[] { "classification", "boxes" }, model.Summary.History[0].Terms.Select(term => term.Name).ToArray());
        // What the model gives, in pixels of images of odd sizes, is what was measured.
        var context = new MLContext(1);
        var loose = model.With(model.Settings with { ScoreThreshold = 0.05 });
        var metrics = context.MulticlassClassification.EvaluateObjectDetection(
            loose.Transform(DrawnObjects.Keyed(context, unseen)),
            "Label",
            "BoundingBoxes",
            "PredictedLabel",
            "PredictedBoundingBoxes",
            "Score"
        );
        Assert.AreEqual(model.Summary.BestMetrics.Values["AP50"], metrics.MAP50, 0.02);
        Assert.AreEqual(model.Summary.BestMetrics.Values["mAP"], metrics.MAP50_95, 0.02);
        foreach (var (row, found) in unseen.Zip(Detecting.Predict(loose, DrawnObjects.Keyed(context, unseen))))
        {
            using var image = MLImage.CreateFromStream(new MemoryStream(row.Image));
            Assert.HasCount(4 * found.Score.Length, found.PredictedBoundingBoxes);
            for (var i = 0; i < found.PredictedBoundingBoxes.Length; i++)
                Assert.IsTrue(
                    found.PredictedBoundingBoxes[i] >= 0 && found.PredictedBoundingBoxes[i] <= (i % 2 == 0 ? image.Width : image.Height)
                );
        }
        // A stricter threshold is a part of a looser one.
        var strict = model.With(model.Settings with { ScoreThreshold = 0.7 });
        Assert.IsTrue(Detecting.Predict(strict, DrawnObjects.Keyed(context, unseen)).All(found => found.Score.All(score => score > 0.7f)));
    }

    public static IEnumerable<object[]> Variants =>
        new (string Name, Action<ObjectDetectionTrainer.Options> Change)[]
        {
            ("FCOS", o => o.Head = new FcosHead { Channels = 32, Convolutions = 1 }),
            (
                "FCOS with an IoU branch",
                o =>
                    o.Head = new FcosHead
                    {
                        Channels = 32,
                        Convolutions = 1,
                        Quality = BoxQuality.IoU,
                    }
            ),
            ("distributions and centre-ness", o => o.Head = Distributions),
            (
                "distributions divided by image",
                o => (o.Head, o.BoxLoss, o.LossNormalization) = (Distributions, new GeneralizedIoULoss(), DetectionNormalization.Image)
            ),
            (
                "distributions and a softmax",
                o => (o.Head, o.ClassificationLoss, o.Matching) = (Distributions, new CrossEntropyLoss(), new AdaptiveMatching())
            ),
            ("RetinaNet with centre-ness", o => o.Head = Detecting.SmallHead with { Quality = BoxQuality.Centerness }),
            ("ATSS", o => o.Matching = new AdaptiveMatching()),
            ("sampled", o => o.Sampling = new AnchorSampling { Count = 64 }),
            ("divided by image", o => o.LossNormalization = DetectionNormalization.Image),
            ("GIoU divided by image", o => (o.LossNormalization, o.BoxLoss) = (DetectionNormalization.Image, new GeneralizedIoULoss())),
            (
                "softmax divided by image",
                o => (o.LossNormalization, o.ClassificationLoss) = (DetectionNormalization.Image, new CrossEntropyLoss())
            ),
            ("weighted by uncertainty", o => o.LossWeighting = new HomoscedasticUncertaintyLoss()),
            ("gradients balanced", o => o.LossWeighting = new ProjectConflictingGradientsLoss()),
            ("several sizes", o => o.TrainingImageSizes = [32, 48]),
            (
                "augmented",
                o =>
                    o.Augmentation = Augmentation.Parse("Photo") with
                    {
                        Affine = new() { Degrees = 5 },
                        Erasing = new(),
                    }
            ),
            ("mosaics", o => (o.MosaicProbability, o.TrainingImageSizes) = (0.7, [32, 48])),
            ("averaged weights", o => o.WeightAveraging = new()),
        }.Select(variant => new object[] { variant.Name, variant.Change });

    [TestMethod]
    [DynamicData(nameof(Variants), DynamicDataDisplayName = nameof(NameOf))]
    public void EveryVariantTrains(string name, Action<ObjectDetectionTrainer.Options> change)
    {
        using var model = Detecting.Fit(
            Four.Value,
            Detecting.Small(o =>
            {
                (o.Epoch, o.BatchSize, o.ImageSize) = (2, 2, 48);
                change(o);
            })
        );
        Assert.AreEqual(4L, model.Summary.Steps, name);
        Assert.IsTrue(
            model.Summary.History.SelectMany(epoch => epoch.Terms).All(term => double.IsFinite(term.Value) && term.Value > 0),
            string.Join(", ", model.Summary.History[^1].Terms)
        );
    }

    public static string NameOf(System.Reflection.MethodInfo method, object[] data) => $"{method.Name} ({data[0]})";

    [TestMethod]
    public void ImagesWithoutObjectsAreExamplesOfNothing()
    {
        // One image in four shows something; whole batches show nothing.
        List<DrawnObjects.Row> rows = [.. DrawnObjects.Rows(2, empty: false)];
        for (var i = 0; i < 6; i++)
            rows.Add(DrawnObjects.Draw(60, 60, 500 + i));
        using var model = Detecting.Fit(
            DrawnObjects.Keyed(new MLContext(1), rows),
            Detecting.Small(o => (o.BatchSize, o.BoxLoss) = (2, new GeneralizedIoULoss()))
        );
        Assert.IsTrue(double.IsFinite(model.Summary.History[0].Loss));
        var found = Detecting.Predict(model, DrawnObjects.Keyed(new MLContext(1), rows[^1..]));
        Assert.HasCount(0, found[0].Score);
        Assert.HasCount(0, found[0].PredictedBoundingBoxes);
    }

    [TestMethod]
    public void WhereObjectsAreIgnoredNothingIsLearned()
    {
        var anchors = new AnchorGrid(Detecting.SmallHead, [8, 16, 32, 64, 128], 64, 64);
        (int Positive, int Ignored) Learned(ImageObjects objects)
        {
            var builder = new AnchorTargetBuilder(anchors, new IoUMatching(), null);
            var random = new RandomStream(1);
            builder.Add(objects, ref random);
            var targets = builder.Build();
            var result = ((int)targets.Places.shape[0], (int)targets.Ignored.shape[0]);
            foreach (var (_, tensor) in targets.ToInputs())
                tensor.Dispose();
            return result;
        }

        float[] box = [8, 8, 40, 40];
        Assert.AreEqual((0, 0), Learned(ImageObjects.None));
        var (positive, _) = Learned(new(box, [0], []));
        Assert.IsGreaterThan(0, positive);
        var (none, ignored) = Learned(new([], [], box));
        Assert.AreEqual(0, none);
        Assert.IsGreaterThan(0, ignored);
        // An anchor that learns an object learns it inside a crowd, too.
        Assert.AreEqual(positive, Learned(new(box, [0], box)).Positive);
    }

    [TestMethod]
    public void TheFlagColumnReachesTheTrainingByItsNameOrByDefault()
    {
        var rows = DrawnObjects.Rows(8, empty: false);
        var data = DrawnObjects.Keyed(new MLContext(1), rows);
        var named = new MLContext(1).Transforms.CopyColumns("Crowd", "Ignored").Append(new MLContext(1).Transforms.DropColumns("Ignored"));
        byte[] Train(bool flagged, string? column, bool renamed = false)
        {
            foreach (var row in rows)
                row.Ignored[0] = flagged && row.Ignored.Length > 1;
            using var model = Detecting.Fit(
                renamed ? named.Fit(data).Transform(data) : data,
                Detecting.Small(o => o.IgnoredColumnName = column)
            );
            return Detecting.Weights(model);
        }

        var none = Train(flagged: false, column: null);
        var byDefault = new ObjectDetectionTrainer.Options().IgnoredColumnName;
        CollectionAssert.AreNotEqual(none, Train(flagged: true, byDefault));
        CollectionAssert.AreEqual(Train(flagged: true, byDefault), Train(flagged: true, "Crowd", renamed: true));
        CollectionAssert.AreEqual(none, Train(flagged: true, column: null));
        CollectionAssert.AreEqual(none, Train(flagged: true, byDefault, renamed: true), "data without such a column");
    }

    [TestMethod]
    public void TheSameSeedGivesTheSameModelAndPathsBytesAndImagesTeachTheSame()
    {
        var rows = DrawnObjects.Rows(4);
        using var folder = new DrawnImages();
        var files = rows.Select(
                (row, i) =>
                {
                    var path = Path.Combine(folder.Folder, $"{i}.png");
                    File.WriteAllBytes(path, row.Image);
                    return new DrawnObjects.FileRow
                    {
                        Image = path,
                        Label = row.Label,
                        BoundingBoxes = row.BoundingBoxes,
                    };
                }
            )
            .ToList();
        var context = new MLContext(1);
        (byte[] Weights, double Loss) Train(IDataView data, int readers = 1, long cache = 1 << 30)
        {
            using var model = Detecting.Fit(
                data,
                Detecting.Small(o =>
                {
                    (o.Augmentation, o.BatchSize) = (new() { HorizontalFlip = 0.5 }, 2);
                    (o.ReaderThreads, o.ImageCacheBytes) = (readers, cache);
                })
            );
            return (Detecting.Weights(model), model.Summary.History[0].Loss);
        }

        var (weights, loss) = Train(DrawnObjects.Keyed(context, rows));
        CollectionAssert.AreEqual(weights, Train(DrawnObjects.Keyed(context, rows), readers: 3, cache: 0).Weights);
        CollectionAssert.AreEqual(weights, Train(DrawnObjects.Keyed(context, files)).Weights);
        var paths = DrawnObjects.Keyed(context, files);
        var loaded = context.Transforms.LoadImages("Image", null, "Image").Fit(paths).Transform(paths);
        Assert.AreEqual(loss, Train(loaded, cache: 30_000).Loss, 0.01 * loss); // resized with their alpha: other last bits of bytes
    }

    [TestMethod]
    public void WhatIsFoundMissedAndWrongIsCounted()
    {
        var truth = new RowObjects([0, 1, 0], [0, 0, 10, 10, 20, 0, 30, 10, 40, 0, 50, 10], [false, false, true]);
        // Found; the same again; the right place but another class; the ignored one; too low a score.
        var detections = new Detections(
            [0, 0, 0, 0, 1],
            [0.9f, 0.8f, 0.7f, 0.6f, 0.4f],
            [1, 0, 11, 10, 0, 0, 10, 10, 20, 0, 30, 10, 40, 0, 50, 10, 20, 0, 30, 10]
        );
        Assert.AreEqual(new DetectionErrors(Found: 1, Missed: 1, Wrong: 2), DetectionErrors.Of(truth, detections, 0.5));
        Assert.AreEqual(new DetectionErrors(Found: 2, Missed: 0, Wrong: 2), DetectionErrors.Of(truth, detections, 0.3));
    }

    [TestMethod]
    public void AMosaicShowsFourImagesAroundItsMiddle()
    {
        using var scope = torch.NewDisposeScope();
        var normalization = new PixelNormalization(new ImagePreprocessing { Mean = [0, 0, 0], Std = [1, 1, 1] });
        (DetectionImage, ImageObjects) Part(int width, int height, byte level, int kind)
        {
            var planes = new byte[3 * width * height];
            planes.AsSpan().Fill(level);
            var image = new SizedImage(width, height, width, height, planes);
            return (DetectionImage.Make(image, new(Augmentation.None, 1, 0, 0), 1, normalization), new([0, 0, width, height], [kind], []));
        }

        var (mosaic, objects) = Mosaic.Make(
            [Part(8, 8, 51, 0), Part(8, 8, 102, 1), Part(16, 8, 153, 2), Part(8, 8, 204, 3)],
            normalization
        );
        CollectionAssert.AreEqual(new[] { 0, 1, 2, 3 }, objects.Classes);
        // The wide one keeps its proportions and touches the middle: half as high.
        CollectionAssert.AreEqual(new float[] { 0, 0, 4, 4, 4, 0, 8, 4, 0, 4, 4, 6, 4, 4, 8, 8 }, objects.Boxes);
        var pixels = mosaic.ToTensor()[0][0];
        float At(int y, int x) => pixels[y][x].item<float>();
        Assert.AreEqual(0.2f, At(1, 1), 1e-5f);
        Assert.AreEqual(0.4f, At(1, 6), 1e-5f);
        Assert.AreEqual(0.6f, At(5, 1), 1e-5f);
        Assert.AreEqual(0.8f, At(6, 6), 1e-5f);
        Assert.AreEqual(0f, At(7, 1)); // nothing is there
        Assert.IsNull(Mosaic.Partners(0, 10, 1, 0, 0));
        Assert.HasCount(3, Mosaic.Partners(1, 10, 1, 0, 0)!);
    }

    [TestMethod]
    public void BoxesMoveWithAMirroredImage()
    {
        var planes = new byte[3 * 4 * 8];
        var image = new SizedImage(16, 8, 8, 4, planes);
        var row = new RowObjects([1], [2, 2, 6, 8], []);
        var normalization = new PixelNormalization(new ImagePreprocessing());
        var mirrored = DetectionImage.Make(image, new(new() { HorizontalFlip = 1 }, 1, 0, 0), 1, normalization);
        CollectionAssert.AreEqual(new float[] { 5, 1, 7, 4 }, mirrored.Move(row, Fail).Boxes); // halved, then 8 - x
        using var scope = torch.NewDisposeScope();
        var doubled = DetectionImage.Make(image, new(Augmentation.None, 1, 0, 0), 2, normalization);
        Assert.AreEqual((8, 16), (doubled.Height, doubled.Width));
        CollectionAssert.AreEqual(new float[] { 2, 2, 6, 8 }, doubled.Move(row, Fail).Boxes);

        static void Fail(int place, float[] box, SizedImage source) => Assert.Fail("The box lies in the image.");
    }

    [TestMethod]
    public void WhatBecomesOfBoxesIsCounted()
    {
        // Shown at half size, mirrored or as a quarter of itself.
        var image = new SizedImage(64, 64, 32, 32, new byte[3 * 32 * 32]);
        var normalization = new PixelNormalization(new ImagePreprocessing());
        float[] whole = [10, 10, 50, 50];
        float[] beyond = [10, 10, 70, 50];
        float[] within = [-0.9f, 10, 30, 64.5f]; // rounding
        float[] outside = [80, 10, 90, 20];
        float[] small = [10, 10, 10.9f, 50];
        var boxes = new RowObjects([0, 0, 0, 0, 0], [.. whole, .. beyond, .. within, .. outside, .. small], []);
        var tally = new BoxTally();
        DetectionImage.Make(image, new(Augmentation.None, 1, 0, 0), 1, normalization).Move(boxes, (_, _, _) => { }, tally);
        foreach (var fate in Enum.GetValues<BoxFate>())
            Assert.AreEqual(
                fate switch
                {
                    BoxFate.Cut => 1,
                    BoxFate.Lost => 0,
                    _ => 1,
                },
                tally[fate],
                $"{fate}"
            );
        var cropped = new BoxTally();
        var quarter = new Augmentation
        {
            ResizedCrop = new() { MinArea = 0.25, MaxArea = 0.25 },
        };
        var corners = new RowObjects([0, 0, 0], [.. whole, 0, 0, 4, 4, 60, 60, 64, 64], []);
        DetectionImage.Make(image, new(quarter, 1, 0, 0), 1, normalization).Move(corners, (_, _, _) => { }, cropped);
        Assert.AreEqual(1, cropped[BoxFate.Cut], "The large one reaches beyond any quarter.");
        Assert.IsGreaterThanOrEqualTo(1, cropped[BoxFate.Lost], "Both corners are in no quarter.");
    }
}
