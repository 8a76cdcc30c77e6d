using Microsoft.ML;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using MLNetLosses.Networks;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.ObjectDetection;

/// <summary>A head that tells the sides of boxes as distributions.</summary>
[TestClass]
public sealed class DistributionTests
{
    private static readonly FcosHead Head = new()
    {
        Channels = 32,
        Convolutions = 1,
        Quality = BoxQuality.None,
        DistributionBins = 9,
    };

    /// <summary>Shares 1 : 2 : 1, 1 : 1 : 2, all in the last bin, half and half in the first two: sides at 1, 1.25, 2 and 0.5 strides.</summary>
    private static readonly double[] ThreeBins = [0, Math.Log(2), 0, 5, 5, 5 + Math.Log(2), -900, -900, 900, 3, 3, -900];

    private static readonly DetectionNetworkShape ThreeBinned = new(Backbone.ResNet18, Head with { DistributionBins = 3 }, ClassCount: 2);

    [TestMethod]
    public void ASideLiesAtTheMeanOfItsDistribution()
    {
        using var scope = NewDisposeScope();
        var coder = ThreeBinned.Head.Coder;
        var told = tensor(ThreeBins).view(1, 12);
        var codes = coder.Codes(told);
        Assert.AreEqual(ScalarType.Float64, codes.dtype);
        AssertClose([1, 1.25, 2, 0.5], codes);
        // The place (20, 36) of stride 8.
        AssertClose([20 - 8, 36 - 10, 20 + 16, 36 + 4], coder.Decode(codes, tensor(new double[] { 16, 32, 24, 40 }).view(1, 4)));
        var (x0, y0, x1, y1) = coder.Decode(told.to(ScalarType.Float32).data<float>().ToArray(), (16, 32, 24, 40));
        AssertClose([12, 26, 36, 40], tensor(new double[] { x0, y0, x1, y1 }), 1e-5);
    }

    [TestMethod]
    public void CandidatesAreDecodedFromTheirOwnDistributions()
    {
        var anchors = new AnchorGrid(ThreeBinned.Head, [8], 64, 64);
        var (logits, told) = (new float[2 * anchors.Count], new float[12 * anchors.Count]);
        logits.AsSpan().Fill(-20);
        const int Place = 5 * 8 + 3; // its centre is (24, 40)
        logits[2 * Place + 1] = 2;
        for (var i = 0; i < 12; i++)
            told[12 * Place + i] = (float)ThreeBins[i];
        var found = new DetectionDecoder(ThreeBinned, new()).Decode(anchors, logits, told, [], (64, 64), (1, 1));
        CollectionAssert.AreEqual(new[] { 1 }, found.Classes);
        AssertClose([24 - 8, 40 - 10, 24 + 16, 40 + 4], tensor(found.Boxes), 1e-5);
    }

    [TestMethod]
    public void TheNetworkTellsADistributionASideAndNamesItsParametersAsWithout()
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        var shape = new DetectionNetworkShape(Backbone.ShuffleNetV2X05, Head, ClassCount: 2);
        using var network = DetectionNetwork.Create(shape, seed: 5);
        using var plain = DetectionNetwork.Create(shape with { Head = Head with { DistributionBins = null } }, seed: 5);
        CollectionAssert.AreEqual(plain.state_dict().Keys, network.state_dict().Keys);
        CollectionAssert.AreEqual(new long[] { 36, 32, 3, 3 }, network.state_dict()["head.regression_head.bbox_reg.weight"].shape);
        network.eval();
        var images = rand(2, 3, 64, 96);
        var output = network.Predict(images);
        CollectionAssert.AreEqual(new long[] { 2, network.Anchors.For(64, 96).Count, 36 }, output.Codes.shape);
        Assert.IsTrue(output.Codes.lt(0).any().item<bool>(), "logits are not cut at 0 as distances are");
        using var copy = network.InferenceCopy();
        Assert.AreEqual(0, (copy.Predict(images).Codes - output.Codes).abs().max().item<float>(), 1e-4f);
    }

    [TestMethod]
    public void TheTermIsTheSumOverSidesAPositiveAndLongSidesAreTheLastBin()
    {
        using var scope = NewDisposeScope();
        var options = ThreeBinnedOptions(o => o.DistributionLossWeight = 0.5);
        // Sides at 0.5, 1.75, 40 and -1 strides of the place (20, 36): the last two are told as 2 and as 0.
        var targets = Targets([20 - 4, 36 - 14, 20 + 320, 36 - 8]);
        var output = Output(tensor(ThreeBins));
        using var loss = DetectionObjective.Of(options).Build(new() { ClassCount = 2 });
        var term = Distribution(loss.EvaluateTerms(new DetectionLossInputs(ThreeBinned, options).Make(output, targets)));
        Assert.AreEqual(0.5, term.Weight);
        var expected =
            -0.5 * (Math.Log(1 / 4.0) + Math.Log(2 / 4.0)) // half way between the bins 0 and 1
            - 0.25 * Math.Log(1 / 4.0)
            - 0.75 * Math.Log(2 / 4.0)
            - Math.Log(1)
            - Math.Log(0.5);
        Assert.AreEqual(expected, term.Value.item<double>(), 1e-12);
    }

    [TestMethod]
    [DataRow("Batch", "GeneralizedIoU()")]
    [DataRow("Image", "SmoothL1(beta: 0.1)")]
    public void TheGradientOfTheWholeLossIsThatOfItsValue(string normalization, string boxes)
    {
        using var scope = NewDisposeScope();
        var options = ThreeBinnedOptions(o =>
            (o.BoxLoss, o.LossNormalization) = (DetectorBoxLoss.Parse(boxes), Enum.Parse<DetectionNormalization>(normalization))
        );
        var targets = Targets([20 - 6, 36 - 11, 20 + 13, 36 + 7]);
        using var loss = DetectionObjective.Of(options).Build(new() { ClassCount = 2 });
        var inputs = new DetectionLossInputs(ThreeBinned, options);
        Tensor Value(Tensor told) => loss.Evaluate(inputs.Make(Output(told), targets));

        var told = (arange(12, ScalarType.Float64) * 0.7).sin();
        var learned = told.clone().requires_grad_();
        Value(learned).backward();
        using var frozen = no_grad();
        for (var i = 0; i < 12; i++)
        {
            const double Step = 1e-6;
            var shift = zeros(12, ScalarType.Float64);
            shift[i] = Step;
            var slope = (Value(told + shift) - Value(told - shift)).item<double>() / (2 * Step);
            Assert.AreEqual(slope, learned.grad![i].item<double>(), 1e-7, $"number {i}");
            Assert.AreNotEqual(0, slope);
        }
    }

    [TestMethod]
    public void ItIsDividedByThePositivesOfTheBatchOrOfEachImage()
    {
        using var scope = NewDisposeScope();
        // Both places of the first image learn, one of the second: sides at 1 stride, so that a place costs -4 ln p_1.
        var anchors = tensor(new double[] { 16, 32, 24, 40 }).view(1, 4).expand(3, 4);
        var targets = Targets([0, 0, 8, 8]) with
        {
            Places = tensor(new long[] { 0, 1, 3 }),
            Classes = zeros([3], ScalarType.Int64),
            Images = tensor(new long[] { 0, 0, 1 }),
            Boxes = tensor(new double[] { 12, 28, 28, 44 }).view(1, 4).expand(3, 4),
            Anchors = anchors,
            Counts = tensor(new float[] { 2, 1 }),
        };
        var told = zeros([2, 2, 4, 3], ScalarType.Float64);
        double[] costs = [Math.Log(1 + 2 * Math.Exp(-1)), Math.Log(3), Math.Log(1 + 2 * Math.Exp(-2))];
        told[0, 0, TensorIndex.Colon, 1] = 1;
        told[1, 1, TensorIndex.Colon, 1] = 2;
        var output = new HeadOutput(zeros([2, 2, 2], ScalarType.Float64), told.view(2, 2, 12), null);
        double Value(DetectionNormalization normalization)
        {
            var options = ThreeBinnedOptions(o => o.LossNormalization = normalization);
            using var loss = DetectionObjective.Of(options).Build(new() { ClassCount = 2 });
            return Distribution(loss.EvaluateTerms(new DetectionLossInputs(ThreeBinned, options).Make(output, targets)))
                .Value.item<double>();
        }

        Assert.AreEqual(4 * costs.Sum() / 3, Value(DetectionNormalization.Batch), 1e-6); // the divisor is of single precision
        Assert.AreEqual(4 * ((costs[0] + costs[1]) / 2 + costs[2]) / 2, Value(DetectionNormalization.Image), 1e-6);
    }

    [TestMethod]
    public void WithoutObjectsTheTermIsZero()
    {
        using var scope = NewDisposeScope();
        var options = ThreeBinnedOptions();
        var whole = Targets([0, 0, 8, 8]);
        var none = whole with
        {
            Places = whole.Places[..0],
            Classes = whole.Classes[..0],
            Images = whole.Images[..0],
            Boxes = whole.Boxes[..0],
            Anchors = whole.Anchors[..0],
            Counts = zeros(1),
        };
        using var loss = DetectionObjective.Of(options).Build(new() { ClassCount = 2 });
        var told = tensor(ThreeBins).requires_grad_();
        var value = loss.EvaluateTerms(new DetectionLossInputs(ThreeBinned, options).Make(Output(told), none));
        Assert.AreEqual(0, Distribution(value).Value.item<double>());
        Assert.AreEqual(0, value.Terms.Single(term => term.Name == "boxes").Value.item<double>());
    }

    [TestMethod]
    public void ItLearnsDrawnObjectsAsPublishedAndIsSaved()
    {
        var context = new MLContext(1);
        var unseen = DrawnObjects.Keyed(context, Detecting.Unseen);
        using var model = Detecting.Fit(
            DrawnObjects.Data(24),
            Options(o =>
            {
                (o.Epoch, o.LearningRate, o.ValidationSet) = (12, 3e-3, unseen);
            })
        );
        Assert.IsGreaterThan(0.8, model.Summary.BestMetrics!.Values["AP50"]);
        CollectionAssert.AreEqual(
            new[] { ("classification", 1.0), ("boxes", 2), ("distributions", 0.25) },
            model.Summary.History[0].Terms.Select(term => (term.Name, term.Weight)).ToArray()
        );
        Assert.IsLessThan(
            0.7 * model.Summary.History[0].Terms[2].Value,
            model.Summary.History[^1].Terms[2].Value,
            "The distributions are learned."
        );
        using var stream = new MemoryStream();
        context.Model.Save(model, unseen.Schema, stream);
        stream.Position = 0;
        using var loaded = (ObjectDetectionTransformer)context.Model.Load(stream, out _);
        Assert.AreEqual("DistributionFocal()", loaded.DistributionLoss);
        Assert.IsNull(Detecting.Trained.DistributionLoss);
        foreach (var (one, other) in Detecting.Predict(model, unseen).Zip(Detecting.Predict(loaded, unseen)))
        {
            CollectionAssert.AreEqual(one.Score, other.Score);
            CollectionAssert.AreEqual(one.PredictedBoundingBoxes, other.PredictedBoundingBoxes);
        }
    }

    [TestMethod]
    public void LogAndReportNameTheLossOnDistributionsWhereThereIsOne()
    {
        var asked = Options(_ => { }).AskedLoss;
        Assert.AreEqual(
            "QualityFocal() on classes, 2 * GeneralizedIoU() on boxes, 0.25 * DistributionFocal() on distributions",
            asked.Text
        );
        Assert.AreEqual(new DistributionFocalLoss(), Loss.Parse(asked.Json["DistributionLoss"]!.ToJsonString()));
        Assert.AreEqual(0.25, asked.Json["DistributionLossWeight"]!.GetValue<double>());
        Assert.IsNull(Detecting.Small().AskedLoss.Json["DistributionLoss"]);
    }

    [TestMethod]
    [DataRow("Retina")]
    [DataRow("Fcos")]
    public void ALossOnDistributionsThatTheHeadDoesNotTellIsRefused(string name)
    {
        var options = Detecting.Small(o =>
        {
            o.DistributionLoss = new DistributionFocalLoss();
            o.Head = name == "Fcos" ? new FcosHead() : Detecting.SmallHead;
        });
        Refused(options, "DistributionLoss is DistributionFocal()", $"{options.Head} tells none", "Fcos(distributionBins: 17)");
    }

    [TestMethod]
    [DataRow("SmoothL1()", "'predictions' is missing")]
    [DataRow("GeneralizedIoU()", "'predictedBoxes' is missing")]
    [DataRow("VariFocal()", "targets")]
    [DataRow("CrossEntropy()", "targets")]
    public void ALossOnSomethingElseIsRefused(string loss, string reason) =>
        Refused(
            Options(o => o.DistributionLoss = Loss.Parse(loss)),
            $"{Loss.Parse(loss)} cannot be a detector's loss on distributions: ",
            reason
        );

    [TestMethod]
    public void ValuesOutOfRangeAreRefused()
    {
        StringAssert.Contains(Assert.Throws<ArgumentException>(() => new FcosHead { DistributionBins = 1 }).Message, "[2, 256]");
        StringAssert.Contains(Assert.Throws<FormatException>(() => DetectionHead.Parse("Fcos(distributionBins: 257)")).Message, "[2, 256]");
        StringAssert.Contains(
            Assert.Throws<FormatException>(() => DetectionHead.Parse("RetinaNet(distributionBins: 17)")).Message,
            "distributionBins"
        );
        foreach (var weight in new[] { -1, double.NaN, double.PositiveInfinity })
            Refused(Options(o => o.DistributionLossWeight = weight), "DistributionLossWeight must be a number of at least 0");
    }

    [TestMethod]
    public void AHeadWithDistributionsIsReadFromTextAndJson()
    {
        var head = DetectionHead.Parse("Fcos(distributionBins: 17)");
        Assert.AreEqual(new FcosHead { DistributionBins = 17 }, head);
        Assert.AreEqual(head, DetectionHead.Parse(head.ToString()));
        Assert.AreEqual(head, DetectionHead.Parse(head.ToJson()));
        Assert.AreNotEqual(new FcosHead(), head);
    }

    /// <summary>As Li et al. 2020 train it.</summary>
    private static ObjectDetectionTrainer.Options Options(Action<ObjectDetectionTrainer.Options> change) =>
        Detecting.Small(o =>
        {
            (o.Head, o.ClassificationLoss) = (Head, new QualityFocalLoss());
            (o.BoxLoss, o.BoxLossWeight) = (new GeneralizedIoULoss(), 2);
            change(o);
        });

    // The targets of a quality focal loss are of single precision, and move with the boxes without a gradient.
    private static ObjectDetectionTrainer.Options ThreeBinnedOptions(Action<ObjectDetectionTrainer.Options>? change = null) =>
        Options(o =>
        {
            (o.Head, o.ClassificationLoss) = (ThreeBinned.Head, new SigmoidFocalLoss());
            change?.Invoke(o);
        });

    private static void Refused(ObjectDetectionTrainer.Options options, params string[] words)
    {
        // A box that would be refused: no row was read.
        var rows = DrawnObjects.Rows(2, empty: false);
        rows[0].BoundingBoxes[0] = float.NaN;
        var data = DrawnObjects.Keyed(new MLContext(1), rows);
        var message = Assert.Throws<ArgumentException>(() => Detecting.Fit(data, options)).Message;
        foreach (var word in words)
            StringAssert.Contains(message, word);
    }

    /// <summary>One image of two anchors, of which the first learns.</summary>
    private static HeadOutput Output(Tensor told) =>
        new(zeros([1, 2, 2], ScalarType.Float64), stack([told, zeros_like(told)]).unsqueeze(0), null);

    private static AnchorTargets Targets(double[] box) =>
        new(
            zeros([1], ScalarType.Int64),
            zeros([1], ScalarType.Int64),
            zeros([1], ScalarType.Int64),
            tensor(box).view(1, 4),
            tensor(new double[] { 16, 32, 24, 40 }).view(1, 4),
            zeros([0], ScalarType.Int64),
            ones([1])
        );

    private static LossTermValue Distribution(LossValue value) => value.Terms.Single(term => term.Name == "distributions");

    private static void AssertClose(double[] expected, Tensor actual, double tolerance = 1e-12)
    {
        var numbers = actual.to(ScalarType.Float64).flatten().data<double>().ToArray();
        Assert.HasCount(expected.Length, numbers);
        for (var i = 0; i < expected.Length; i++)
            Assert.AreEqual(expected[i], numbers[i], tolerance, $"number {i}");
    }
}
