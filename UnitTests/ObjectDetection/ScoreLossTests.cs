using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Interop;
using MLNetLosses.Losses;
using MLNetLosses.Networks;
using MLNetLosses.UnitTests.Losses;

namespace MLNetLosses.UnitTests.ObjectDetection;

/// <summary>The loss of a detector on every image as columns.</summary>
[TestClass]
public class ScoreLossTests
{
    private readonly MLContext mlContext = new(1);

    private sealed class Scored
    {
        public float Loss { get; set; }

        [VectorType]
        public float[] Terms { get; set; } = [];
    }

    public static IEnumerable<object[]> Trainings =>
        new (string Name, Action<ObjectDetectionTrainer.Options> Change)[]
        {
            ("smooth L1 on offsets", _ => { }),
            (
                "weights",
                o =>
                    (o.BoxLoss, o.BoxLossWeight, o.ClassificationLossWeight, o.Matching) = (
                        new GeneralizedIoULoss(),
                        2,
                        0.5,
                        new AdaptiveMatching()
                    )
            ),
            ("images count the same", o => o.LossNormalization = DetectionNormalization.Image),
            (
                "a softmax and centre-ness",
                o =>
                    (o.Head, o.ClassificationLoss, o.QualityLossWeight) = (
                        new FcosHead { Channels = 32, Convolutions = 1 },
                        new CrossEntropyLoss(),
                        3
                    )
            ),
            (
                "distributions",
                o =>
                    (o.Head, o.DistributionLossWeight) = (
                        new FcosHead
                        {
                            Channels = 32,
                            Convolutions = 1,
                            DistributionBins = 9,
                        },
                        0.5
                    )
            ),
            ("sums", o => o.ClassificationLoss = new SigmoidFocalLoss() + 0.5 * new VariFocalLoss()),
        }.Select(training => new object[] { training.Name, training.Change });

    [TestMethod]
    [DynamicData(nameof(Trainings), DynamicDataDisplayName = nameof(NameOf))]
    public void ItIsTheLossOfTheTraining(string name, Action<ObjectDetectionTrainer.Options> change)
    {
        // Nothing moves at a rate of 0, and a frozen body normalises as in prediction: the mean over steps of one image is that over the images alone.
        var data = DrawnObjects.Data(5, seed: 2);
        using var model = Detecting.Fit(
            data,
            Detecting.Small(o =>
            {
                (o.BatchSize, o.LearningRate, o.FrozenLayerGroups) = (1, 0, BackboneGroups);
                change(o);
            })
        );
        var trained = model.Summary.History[0];
        var scored = Scores(mlContext.Transforms.ScoreLoss(model, termsColumnName: "Terms"), data);
        Assert.AreEqual(trained.Loss, scored.Average(row => row.Loss), 1e-4 * trained.Loss, name);
        for (var term = 0; term < trained.Terms.Count; term++)
            Assert.AreEqual(
                trained.Terms[term].Weight * trained.Terms[term].Value,
                scored.Average(row => row.Terms[term]),
                1e-4 * trained.Loss,
                trained.Terms[term].Name
            );
        Assert.IsTrue(scored.All(row => Math.Abs(row.Terms.Sum() - row.Loss) < 1e-5));
        VBuffer<ReadOnlyMemory<char>> names = default;
        mlContext.Transforms.ScoreLoss(model, termsColumnName: "Terms").Fit(data).Transform(data).Schema["Terms"].GetSlotNames(ref names);
        CollectionAssert.AreEqual(
            trained.Terms.Select(term => term.Name).ToArray(),
            names.DenseValues().Select(n => n.ToString()).ToArray()
        );
    }

    private static int BackboneGroups
    {
        get
        {
            using var network = DetectionNetwork.Create(new(Detecting.Small().Backbone, Detecting.SmallHead, 2));
            return network.LayerGroups.Count - 2; // but pyramid and head
        }
    }

    public static string NameOf(System.Reflection.MethodInfo method, object[] data) => $"{method.Name} ({data[0]})";

    [TestMethod]
    public void WrongClassesAndBoxesShowInTheirTerms()
    {
        var rows = DrawnObjects.Rows(4, seed: 3, empty: false);
        var right = Terms(rows);
        var other = Terms(rows.Select(row => With(row, label: [.. row.Label.Select(name => name == "disc" ? "square" : "disc")])));
        var moved = Terms(rows.Select(row => With(row, boxes: [.. row.BoundingBoxes.Select((c, i) => i % 4 < 2 ? c + 6 : c)])));
        for (var i = 0; i < rows.Count; i++)
        {
            Assert.IsGreaterThan(2 * right[i][0], other[i][0]);
            Assert.AreEqual(right[i][1], other[i][1]);
            Assert.IsGreaterThan(right[i][1], moved[i][1]);
        }
    }

    [TestMethod]
    public void AnImageWithoutObjectsHasNoLossOfBoxes()
    {
        var learned = DrawnObjects.Rows(24);
        var empty = learned.Where(row => row.Label.Length == 0).Select(row => With(row)).ToArray();
        var seen = learned.Where(row => row.Label.Length > 0).Take(8).ToArray();
        var unsaid = seen.Select(row => With(row, label: [], boxes: [])).ToArray();
        var ignored = seen.Select(row => With(row, ignored: true)).ToArray();
        var terms = Terms([.. empty, .. unsaid, .. ignored], ignoredColumnName: "Ignored");
        Assert.IsTrue(terms.All(image => image[1] == 0));
        Assert.IsTrue(terms.All(image => float.IsFinite(image[0])));
        var (without, lacking) = (terms[..empty.Length], terms[empty.Length..^ignored.Length]);
        Assert.IsGreaterThan(
            without.Average(image => image[0]) + 0.1f,
            lacking.Average(image => image[0]),
            "Objects that the truth lacks are a large loss."
        );
        Assert.IsLessThan(
            lacking.Average(image => image[0]) - 0.1f,
            terms[^ignored.Length..].Average(image => image[0]),
            "What is ignored counts neither as object nor as background."
        );
    }

    [TestMethod]
    public void ItSavesAndLoadsAndWorksInAPredictionEngine()
    {
        var rows = DrawnObjects.Rows(5, seed: 6);
        var data = DrawnObjects.Keyed(mlContext, rows);
        var keys = mlContext.Transforms.Conversion.MapValueToKey(
            "Label",
            keyData: mlContext.Data.LoadFromEnumerable(DrawnObjects.Classes.Select(name => new { Value = name }))
        );
        var raw = mlContext.Data.LoadFromEnumerable(rows);
        var chain = keys.Append(mlContext.Transforms.ScoreLoss(Detecting.Trained, termsColumnName: "Terms")).Fit(raw);
        var expected = Scores(mlContext.Transforms.ScoreLoss(Detecting.Trained, termsColumnName: "Terms"), data);
        using var stream = new MemoryStream();
        mlContext.Model.Save(chain, raw.Schema, stream);
        stream.Position = 0;
        var context = new MLContext(1);
        var loaded = context.Model.Load(stream, out _);
        var actual = context.Data.CreateEnumerable<Scored>(loaded.Transform(raw), reuseRowObject: false).ToArray();
        using var engine = context.Model.CreatePredictionEngine<DrawnObjects.Row, Scored>(loaded);
        for (var i = 0; i < rows.Count; i++)
        {
            Assert.AreEqual(expected[i].Loss, actual[i].Loss, 1e-5f);
            var single = engine.Predict(rows[i]);
            Assert.AreEqual(expected[i].Loss, single.Loss, 1e-4f);
            Assert.HasCount(2, single.Terms);
        }
    }

    [TestMethod]
    public void ThePromiseIsKept()
    {
        var data = DrawnObjects.Data(1);
        var estimator = mlContext.Transforms.ScoreLoss(Detecting.Trained, termsColumnName: "Terms");
        var promised = estimator.GetOutputSchema(SchemaShapes.Of(data.Schema));
        var made = SchemaShapes.Of(estimator.Fit(data).GetOutputSchema(data.Schema));
        foreach (var name in new[] { "Loss", "Terms" })
            Assert.AreEqual(
                promised.Single(column => column.Name == name).TypeName(),
                made.Single(column => column.Name == name).TypeName()
            );
    }

    public static IEnumerable<object[]> BadRows =>
        new (string Name, Action<DrawnObjects.Row> Change, string[] Words)[]
        {
            ("not finite", row => row.BoundingBoxes[1] = float.NaN, ["object 0 of row 2", "NaN"]),
            ("outside", row => row.BoundingBoxes = [300, 10, 320, 40], ["object 0 of row 2", "lies outside the image"]),
            (
                "a number too few",
                row => row.BoundingBoxes = row.BoundingBoxes[..3],
                ["Row 2", "'Label'", "3 numbers in the column 'BoundingBoxes'"]
            ),
            ("no label", row => row.Label = ["triangle"], ["Object 0 of row 2", "no label"]),
        }.Select(bad => new object[] { bad.Name, bad.Change, bad.Words });

    [TestMethod]
    [DynamicData(nameof(BadRows), DynamicDataDisplayName = nameof(NameOf))]
    public void ABadObjectIsNamed(string name, Action<DrawnObjects.Row> change, string[] words)
    {
        var rows = DrawnObjects.Rows(4, empty: false);
        change(rows[2]);
        var data = DrawnObjects.Keyed(mlContext, rows);
        var error = Assert.Throws<ArgumentException>(() => Scores(mlContext.Transforms.ScoreLoss(Detecting.Trained), data));
        foreach (var word in words)
            StringAssert.Contains(error.Message, word, name);
    }

    [TestMethod]
    public void AClassThatWasNotLearnedIsNamed()
    {
        var data = mlContext.Data.LoadFromEnumerable(new[] { With(DrawnObjects.Rows(1)[0], label: ["triangle"]) });
        var keyed = mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(data).Transform(data);
        var error = Assert.Throws<ArgumentException>(() => Scores(mlContext.Transforms.ScoreLoss(Detecting.Trained), keyed));
        StringAssert.Contains(error.Message, "the class 'triangle', which the detector has not learned; it knows 'disc', 'square'");
    }

    [TestMethod]
    public void WhatCannotBeComputedIsSaid()
    {
        var data = DrawnObjects.Data(1);
        void Refused(Func<IEstimator<ITransformer>> make, string word) =>
            StringAssert.Contains(Assert.Throws<ArgumentException>(() => make().Fit(data)).Message, word);
        Refused(() => mlContext.Transforms.ScoreLoss(Detecting.Trained, labelColumnName: "Nothing"), "no column 'Nothing'");
        Refused(() => mlContext.Transforms.ScoreLoss(Detecting.Trained, boundingBoxColumnName: "Ignored"), "Ignored");
        Refused(() => mlContext.Transforms.ScoreLoss(Detecting.Trained, termsColumnName: "Loss"), "columns of their own");
        using var learning = Detecting.Fit(data, Detecting.Small(o => (o.Epoch, o.ClassificationLoss) = (0, new LearnedTemperatureLoss())));
        Refused(() => mlContext.Transforms.ScoreLoss(learning), "numbers of their own");
    }

    private static DrawnObjects.Row With(DrawnObjects.Row row, string[]? label = null, float[]? boxes = null, bool ignored = false) =>
        new()
        {
            Image = row.Image,
            Label = label ?? row.Label,
            BoundingBoxes = boxes ?? row.BoundingBoxes,
            Ignored = [.. (label ?? row.Label).Select(_ => ignored)],
        };

    private List<float[]> Terms(IEnumerable<DrawnObjects.Row> rows, string? ignoredColumnName = null) =>
        [
            .. Scores(
                    mlContext.Transforms.ScoreLoss(Detecting.Trained, ignoredColumnName: ignoredColumnName, termsColumnName: "Terms"),
                    DrawnObjects.Keyed(mlContext, rows)
                )
                .Select(row => row.Terms),
        ];

    private List<Scored> Scores(IEstimator<ITransformer> estimator, IDataView data) =>
        [
            .. mlContext.Data.CreateEnumerable<Scored>(
                estimator.Fit(data).Transform(data),
                reuseRowObject: false,
                ignoreMissingColumns: true
            ),
        ];
}
