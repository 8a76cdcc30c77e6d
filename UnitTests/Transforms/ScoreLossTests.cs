using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;
using MLNetLosses.Interop;
using MLNetLosses.Losses;

namespace MLNetLosses.UnitTests.Transforms;

/// <summary>The loss of every row as a column.</summary>
[TestClass]
public sealed class ScoreLossTests
{
    private readonly MLContext mlContext = new(1);

    [TestMethod]
    public void CrossEntropyOfAClassifierIsMinusTheLogarithmOfItsProbability()
    {
        var data = Keyed([("a", [0.5f, 0.25f, 0.25f]), ("c", [0.1f, 0.1f, 0.8f]), ("b", [1, 0, 0])]);
        var losses = Losses(data, mlContext.Transforms.ScoreLoss());
        Assert.AreEqual(Math.Log(2), losses[0], 1e-6);
        Assert.AreEqual(-Math.Log(0.8), losses[1], 1e-6);
        Assert.IsTrue(losses[2] is > 80 and < 90, "A probability of 0 is a large loss, not an infinite one.");
    }

    [TestMethod]
    [DataRow("Focal(gamma: 2)")]
    [DataRow("CrossEntropy(labelSmoothing: 0.1) + 0.5 * Focal(gamma: 3)")]
    [DataRow("Poly(epsilon1: 2)")]
    [DataRow("GeneralizedCrossEntropy")]
    public void AnyLossIsThatOfTheRowAlone(string text)
    {
        float[][] scores =
        [
            [0.5f, 0.25f, 0.25f],
            [0.1f, 0.1f, 0.8f],
            [0.3f, 0.6f, 0.1f],
        ];
        var loss = Loss.Parse<ClassificationLoss>(text);
        var losses = Losses(Keyed([("a", scores[0]), ("c", scores[1]), ("b", scores[2])]), mlContext.Transforms.ScoreLoss(loss: loss));
        long[] labels = [0, 2, 1];
        for (var row = 0; row < 3; row++)
        {
            using var scope = TorchSharp.torch.NewDisposeScope();
            var logits = TorchSharp.torch.tensor(scores[row]).log().unsqueeze(0);
            var inputs = new LossInputs { ["logits"] = logits, ["targets"] = TorchSharp.torch.tensor(new[] { labels[row] }) };
            Assert.AreEqual(loss.Compute(inputs).item<float>(), losses[row], 1e-5);
        }
    }

    private const string LogitsThemselves = "depends on the logits themselves";
    private const string CountsAreUnknown = "ClassCounts is not known: set the option";

    /// <summary>What is refused where classes exclude each other, and the reason.</summary>
    private static readonly Dictionary<string, string> Refusals = new()
    {
        ["BinaryCrossEntropy()"] = LogitsThemselves,
        ["EvidentialClassification()"] = LogitsThemselves,
        ["Focal(activation: Sigmoid)"] = LogitsThemselves,
        ["CrossEntropy() + 0.5 * BinaryCrossEntropy()"] = "its term 'binaryCrossEntropy' " + LogitsThemselves,
        ["ClassBalanced()"] = CountsAreUnknown,
        ["LabelDistributionAwareMargin()"] = CountsAreUnknown,
        ["LogitAdjusted()"] = CountsAreUnknown,
        ["Distillation()"] = "needs 'teacherLogits'",
        ["HeteroscedasticClassification()"] = "needs 'logVariances'",
        ["KullbackLeibler()"] = "targets must be probabilities",
    };

    public static IEnumerable<object[]> ClassificationLosses =>
        LossCatalog
            .For<ClassificationLoss>()
            .Where(info => info.Type.Assembly == typeof(Loss).Assembly)
            .Select(info =>
                ((DefinitionExampleAttribute?)Attribute.GetCustomAttribute(info.Type, typeof(DefinitionExampleAttribute)))?.Text
                ?? $"{info.Name}()"
            )
            .Union(Refusals.Keys)
            .Append("Hinge(form: CrammerSinger, squared: true)")
            .Append("LogitAdjusted(classCounts: [3, 1, 2, 9])")
            .Select(text => (object[])[text]);

    /// <summary>What the column says is the loss on the network's own logits, or it is refused with the reason.</summary>
    [TestMethod]
    [DynamicData(nameof(ClassificationLosses))]
    public void EveryClassificationLossIsThatOfTheLogitsOrRefused(string text)
    {
        var random = new Random(11);
        var loss = Loss.Parse<ClassificationLoss>(text);
        foreach (var classes in new[] { 4, 1 })
        {
            var logits = Enumerable
                .Range(0, 6)
                .Select(_ => Enumerable.Range(0, classes).Select(_ => (float)(6 * random.NextDouble() - 3)).ToArray())
                .ToArray();
            var labels = logits.Select((_, i) => i % Math.Max(2, classes)).ToArray();
            var scores = logits.Select(z => classes == 1 ? [Sigmoid(z[0])] : Softmax(z)).ToArray();
            var data = Scored(scores, labels);
            float[] losses;
            try
            {
                losses = Losses(data, mlContext.Transforms.ScoreLoss(loss: loss));
            }
            catch (ArgumentException e)
            {
                if (classes > 1)
                    StringAssert.Contains(e.Message, Refusals.GetValueOrDefault(text, "nothing"), e.Message);
                else
                    Assert.IsTrue(e.Message.Contains(text) && (e.Message.Contains("must be") || e.Message.Contains("needs '")), e.Message);
                continue;
            }
            Assert.IsFalse(classes > 1 && Refusals.ContainsKey(text));
            for (var row = 0; row < logits.Length; row++)
            {
                using var scope = TorchSharp.torch.NewDisposeScope();
                var inputs = new LossInputs
                {
                    ["logits"] = TorchSharp.torch.tensor(logits[row]).unsqueeze(0),
                    ["targets"] = TorchSharp.torch.tensor(new[] { (long)labels[row] }),
                };
                using var function = loss.Build(new() { ClassCount = classes });
                function.eval();
                var own = function.Evaluate(inputs).item<float>();
                Assert.AreEqual(own, losses[row], 1e-5 + 1e-4 * Math.Abs(own), $"{text} of {classes}, row {row}");
            }
        }
    }

    /// <summary>Of a pixel that is one of several classes a sigmoid a class cannot be computed; of one output it can.</summary>
    [TestMethod]
    public void MaskLossesThatNeedLogitsAreRefusedWhereTheseAreNotKnown()
    {
        var mask = SegmentationMask.OfIndices(2, 1, [1, 0]);
        var exclusive = mlContext.Data.LoadFromEnumerable(
            new[]
            {
                new MaskRow { Label = mask, Score = [0.25f, 0.9f, 0.75f, 0.1f] },
            }
        );
        var binary = mlContext.Data.LoadFromEnumerable(
            new[]
            {
                new MaskRow { Label = mask, Score = [0.75f, 0.1f] },
            }
        );
        foreach (var loss in new SegmentationLoss[] { new BinaryCrossEntropyLoss(), new CrossEntropyLoss() + new BinaryCrossEntropyLoss() })
            StringAssert.Contains(
                Assert.Throws<ArgumentException>(() => Losses(exclusive, mlContext.Transforms.ScoreLoss(loss: loss))).Message,
                LogitsThemselves
            );
        Assert.AreEqual(
            -(Math.Log(0.75) + Math.Log(0.9)) / 2,
            Losses(binary, mlContext.Transforms.ScoreLoss(loss: new BinaryCrossEntropyLoss())).Single(),
            1e-5
        );
    }

    [TestMethod]
    public void ClassesAreMatchedByNameAndUnknownOnesHaveNone()
    {
        // The keys' order is that of the file, the probabilities' that of the names.
        var rows = new[]
        {
            new Row { Label = "c", Score = [0.2f, 0.3f, 0.5f] },
            new Row { Label = "a", Score = [0.2f, 0.3f, 0.5f] },
            new Row { Label = "?", Score = [0.2f, 0.3f, 0.5f] },
        };
        var data = Named(rows, KeyOrdinality.ByOccurrence);
        var losses = Losses(data, mlContext.Transforms.ScoreLoss());
        Assert.AreEqual(-Math.Log(0.5), losses[0], 1e-6);
        Assert.AreEqual(-Math.Log(0.2), losses[1], 1e-6);
        Assert.IsTrue(float.IsNaN(losses[2]));
    }

    [TestMethod]
    public void MaskLossIsThatOfThePixelsAndLeavesIgnoredOnesOut()
    {
        var mask = SegmentationMask.OfIndices(2, 1, [1, 255]);
        var rows = new[]
        {
            new MaskRow { Label = mask, Score = [0.25f, 0.9f, 0.75f, 0.1f] },
        };
        var data = mlContext.Data.LoadFromEnumerable(rows);
        Assert.AreEqual(-Math.Log(0.75), Losses(data, mlContext.Transforms.ScoreLoss()).Single(), 1e-6);
        var dice = Losses(data, mlContext.Transforms.ScoreLoss(loss: new DiceLoss())).Single();
        Assert.IsTrue(dice is > 0 and < 1);
    }

    [TestMethod]
    public void MaskLossLeavesOutWhatALayerIgnores()
    {
        var mask = SegmentationMask.OfLayers(2, 1, 2, [1, 255, 0, 255]);
        var data = mlContext.Data.LoadFromEnumerable(
            new[]
            {
                new MaskRow { Label = mask, Score = [0.25f, 0.9f, 0.75f, 0.1f] },
            }
        );
        var loss = Losses(data, mlContext.Transforms.ScoreLoss(loss: new BinaryCrossEntropyLoss())).Single();
        Assert.AreEqual(-Math.Log(0.25), loss, 1e-5, "both known pixels have a probability of 1/4");
    }

    [TestMethod]
    public void ItSavesAndLoadsAndWorksInAPredictionEngine()
    {
        var data = Keyed([("a", [0.5f, 0.25f, 0.25f]), ("c", [0.1f, 0.1f, 0.8f])]);
        var model = mlContext.Transforms.ScoreLoss("Focal", loss: new FocalLoss { Gamma = 3 }).Fit(data);
        using var stream = new MemoryStream();
        mlContext.Model.Save(model, data.Schema, stream);
        stream.Position = 0;
        var loaded = new MLContext().Model.Load(stream, out _);
        CollectionAssert.AreEqual(
            model.Transform(data).GetColumn<float>("Focal").ToArray(),
            loaded.Transform(data).GetColumn<float>("Focal").ToArray()
        );
        Assert.IsTrue(((IRowToRowMapper?)loaded.GetRowToRowMapper(data.Schema)) is not null);
    }

    [TestMethod]
    public void WhatCannotBeComputedIsSaid()
    {
        var data = Keyed([("a", [0.5f, 0.25f, 0.25f])]);
        StringAssert.Contains(
            Assert.Throws<ArgumentException>(() => mlContext.Transforms.ScoreLoss(scoreColumnName: "Nothing").Fit(data)).Message,
            "no column 'Nothing'"
        );
        StringAssert.Contains(
            Assert.Throws<ArgumentException>(() => mlContext.Transforms.ScoreLoss(loss: new DiceLoss()).Fit(data)).Message,
            "is a loss of masks"
        );
        StringAssert.Contains(
            Assert
                .Throws<ArgumentException>(() => mlContext.Transforms.ScoreLoss(loss: Loss.Parse<ClassificationLoss>("Distillation")))
                .Message,
            "needs 'teacherLogits'"
        );
    }

    [TestMethod]
    public void RowsWithoutLabelOrScoresAreNotNumbers()
    {
        var data = Keyed([("a", [float.NaN, 0.25f, 0.25f]), ("b", [0.5f, 0.25f, 0.25f])]);
        var losses = Losses(data, mlContext.Transforms.ScoreLoss());
        Assert.IsTrue(float.IsNaN(losses[0]));
        Assert.AreEqual(-Math.Log(0.25), losses[1], 1e-6);
    }

    [TestMethod]
    public void BoxLossIsTheMeanOverThePairs()
    {
        // Two boxes of 4 that share 2: IoU 1/3. Two of 1 apart in a hull of 3: IoU 0, a third of the hull is empty.
        var data = Boxes(([0, 0, 2, 2], [1, 0, 3, 2]), ([0, 0, 1, 1, 0, 0, 2, 2], [2, 0, 3, 1, 0, 0, 2, 2]), ([], []));
        var losses = Losses(data, mlContext.Transforms.ScoreLoss(new GeneralizedIoULoss()));
        Assert.AreEqual(2.0 / 3, losses[0], 1e-6);
        Assert.AreEqual((1 + 1.0 / 3) / 2, losses[1], 1e-6);
        Assert.IsTrue(float.IsNaN(losses[2]), "A row without boxes has no loss.");
        // The squared distance of the centres over that of the hull's corners: 4 / 10.
        losses = Losses(data, mlContext.Transforms.ScoreLoss(new IoULoss() + 0.5 * new DistanceIoULoss()));
        Assert.AreEqual((1 + 0.5 * 1.4) / 2, losses[1], 1e-6);
    }

    [TestMethod]
    public void BoxLossSavesAndLoads()
    {
        var data = Boxes(([0, 0, 2, 2], [1, 0, 3, 2]), ([0, 0, 1, 1], [2, 0, 3, 1]));
        var model = mlContext.Transforms.ScoreLoss(new AlphaIoULoss { Alpha = 2 }, "Overlap").Fit(data);
        using var stream = new MemoryStream();
        mlContext.Model.Save(model, data.Schema, stream);
        stream.Position = 0;
        var loaded = new MLContext().Model.Load(stream, out _);
        var losses = loaded.Transform(data).GetColumn<float>("Overlap").ToArray();
        CollectionAssert.AreEqual(model.Transform(data).GetColumn<float>("Overlap").ToArray(), losses);
        Assert.IsTrue(losses[0] < losses[1]);
    }

    [TestMethod]
    [DataRow(
        new float[] { 0, 0, 2, 2 },
        new float[] { 0, 0, 2, 2, 1, 1, 2, 2 },
        "Row 1 has 1 boxes in the column 'BoundingBoxes' and 2 in the column 'PredictedBoundingBoxes'"
    )]
    [DataRow(new float[] { }, new float[] { 0, 0, 2, 2 }, "Row 1 has 0 boxes")]
    [DataRow(new float[] { 0, 0, 2 }, new float[] { 0, 0, 2 }, "Row 1 has 3 numbers in the column 'BoundingBoxes'")]
    [DataRow(
        new float[] { 0, 0, 2, 2 },
        new float[] { 3, 0, 2, 2 },
        "object 0 of row 1 in the column 'PredictedBoundingBoxes' is [3, 0, 2, 2]"
    )]
    [DataRow(new float[] { 0, 0, 2, float.NaN }, new float[] { 0, 0, 2, 2 }, "object 0 of row 1 in the column 'BoundingBoxes'")]
    public void BoxesThatDoNotFitAreNamed(float[] boxes, float[] predicted, string words)
    {
        var data = Boxes(([0, 0, 2, 2], [1, 0, 3, 2]), (boxes, predicted));
        var error = Assert.Throws<ArgumentException>(() => Losses(data, mlContext.Transforms.ScoreLoss(new IoULoss())));
        StringAssert.Contains(error.Message, words);
    }

    [TestMethod]
    public void ColumnsOfBoxesAreChecked()
    {
        var data = Boxes(([0, 0, 2, 2], [1, 0, 3, 2]));
        StringAssert.Contains(
            Assert.Throws<ArgumentException>(() => mlContext.Transforms.ScoreLoss(new IoULoss(), "Loss", "Nothing").Fit(data)).Message,
            "no column 'Nothing'"
        );
        Assert.Throws<ArgumentException>(() =>
            mlContext
                .Transforms.ScoreLoss(new IoULoss())
                .GetOutputSchema(SchemaShapes.Of(data.Schema).With(SchemaShapes.Scalar("BoundingBoxes", NumberDataViewType.Single)))
        );
    }

    private IDataView Boxes(params (float[] Boxes, float[] Predicted)[] rows) =>
        mlContext.Data.LoadFromEnumerable(
            rows.Select(row => new BoxRow { BoundingBoxes = row.Boxes, PredictedBoundingBoxes = row.Predicted }).ToArray()
        );

    private sealed class BoxRow
    {
        public float[] BoundingBoxes { get; set; } = [];

        public float[] PredictedBoundingBoxes { get; set; } = [];
    }

    private static float Sigmoid(float z) => 1 / (1 + MathF.Exp(-z));

    private static float[] Softmax(float[] z)
    {
        var sum = z.Sum(v => Math.Exp(v));
        return [.. z.Select(v => (float)(Math.Exp(v) / sum))];
    }

    /// <summary>Rows whose label is the name of their class.</summary>
    private IDataView Scored(float[][] scores, int[] labels)
    {
        string[] names = ["a", "b", "c", "d"];
        var schema = SchemaDefinition.Create(typeof(Row));
        schema["Score"].ColumnType = new VectorDataViewType(NumberDataViewType.Single, scores[0].Length);
        var rows = scores.Zip(labels).Select(r => new Row { Label = names[r.Second], Score = r.First });
        var keys = mlContext.Data.LoadFromEnumerable(names.Take(Math.Max(2, scores[0].Length)).Select(n => new NameRow { Name = n }));
        var data = mlContext.Data.LoadFromEnumerable(rows.ToArray(), schema);
        return mlContext.Transforms.Conversion.MapValueToKey("Label", keyData: keys).Fit(data).Transform(data);
    }

    private sealed class NameRow
    {
        public string Name { get; set; } = "";
    }

    private static float[] Losses(IDataView data, IEstimator<ITransformer> estimator) =>
        [.. estimator.Fit(data).Transform(data).GetColumn<float>("Loss")];

    private IDataView Keyed(IEnumerable<(string Label, float[] Score)> rows)
    {
        var all = rows.Select(r => new Row { Label = r.Label, Score = r.Score }).ToArray();
        return Named(all, KeyOrdinality.ByValue);
    }

    private enum KeyOrdinality
    {
        ByOccurrence,
        ByValue,
    }

    private IDataView Named(Row[] rows, KeyOrdinality order)
    {
        // "?" is no class of the key column.
        var known = mlContext.Data.LoadFromEnumerable(
            (order == KeyOrdinality.ByValue ? new[] { "a", "b", "c" } : ["c", "b", "a"]).Select(name => new Row
            {
                Label = name,
                Score = [0, 0, 0],
            })
        );
        var data = mlContext.Data.LoadFromEnumerable(rows, SchemaWithNames());
        return mlContext
            .Transforms.Conversion.MapValueToKey("Label", keyOrdinality: ValueToKeyMappingEstimator.KeyOrdinality.ByOccurrence)
            .Fit(known)
            .Transform(data);
    }

    private static SchemaDefinition SchemaWithNames()
    {
        var schema = SchemaDefinition.Create(typeof(Row));
        var names = new[] { "a", "b", "c" }.Select(n => n.AsMemory()).ToArray();
        schema["Score"]
            .AddAnnotation("SlotNames", new VBuffer<ReadOnlyMemory<char>>(3, names), new VectorDataViewType(TextDataViewType.Instance, 3));
        return schema;
    }

    private sealed class Row
    {
        public string Label { get; set; } = "";

        [VectorType(3)]
        public float[] Score { get; set; } = [];
    }

    private sealed class MaskRow
    {
        [SegmentationMaskType]
        public SegmentationMask Label { get; set; } = null!;

        public float[] Score { get; set; } = [];
    }
}
