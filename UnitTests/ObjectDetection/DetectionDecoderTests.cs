using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Networks;

namespace MLNetLosses.UnitTests.ObjectDetection;

/// <summary>From what a head says to detections.</summary>
[TestClass]
public class DetectionDecoderTests
{
    private const float Never = -20;

    // Places 8 pixels apart in 4 rows and 8 columns, an anchor of side 8 around each.
    private static readonly RetinaNetHead Head = new()
    {
        AnchorScale = 1,
        ScalesPerLevel = 1,
        AspectRatios = [1],
    };

    private static readonly AnchorGrid Anchors = new(Head, [8], 32, 64);

    private static Detections Decode(
        DetectionSettings settings,
        (int Anchor, int Class, float Logit, float Shift)[] said,
        (int Width, int Height)? size = null,
        (double X, double Y)? scale = null
    )
    {
        var (logits, codes) = (new float[2 * Anchors.Count], new float[4 * Anchors.Count]);
        logits.AsSpan().Fill(Never);
        foreach (var (anchor, kind, logit, shift) in said)
            (logits[2 * anchor + kind], codes[4 * anchor]) = (logit, shift);
        return new DetectionDecoder(new(Backbone.ResNet18, Head, 2), settings).Decode(
            Anchors,
            logits,
            codes,
            [],
            size ?? (64, 32),
            scale ?? (1, 1)
        );
    }

    [TestMethod]
    public void WhatScoresEnoughIsDecodedBestFirst()
    {
        var found = Decode(new() { ScoreThreshold = 0.3 }, [(9, 0, 0, 0), (20, 1, 2, 0), (27, 1, -1, 0)]);
        CollectionAssert.AreEqual(new[] { 1, 0 }, found.Classes);
        CollectionAssert.AreEqual(new[] { 1 / (1 + MathF.Exp(-2)), 0.5f }, found.Scores);
        CollectionAssert.AreEqual(new float[] { 28, 12, 36, 20, 4, 4, 12, 12 }, found.Boxes);
    }

    [TestMethod]
    public void TheThresholdIsExclusiveAndMayBeAnyShare()
    {
        (int, int, float, float)[] said = [(9, 0, 0, 0)];
        Assert.HasCount(0, Decode(new() { ScoreThreshold = 0.5 }, said).Scores);
        Assert.HasCount(1, Decode(new() { ScoreThreshold = 0.4999 }, said).Scores);
        Assert.HasCount(0, Decode(new() { ScoreThreshold = 1 }, said).Scores);
    }

    [TestMethod]
    public void OfOverlappingDetectionsOfAClassTheBestStays()
    {
        // The second box is moved onto the first by one anchor's side less a quarter: IoU 6 / 10.
        (int, int, float, float)[] said = [(9, 0, 3, 0), (10, 0, 2, -0.75f), (11, 1, 1, -1.75f)];
        var hard = Decode(new() { IOUThreshold = 0.5 }, said);
        CollectionAssert.AreEqual(new[] { 0, 1 }, hard.Classes);
        Assert.HasCount(3, Decode(new() { IOUThreshold = 0.65 }, said).Scores);
        var linear = Decode(
            new()
            {
                IOUThreshold = 0.5,
                Suppression = BoxSuppression.Linear,
                ScoreThreshold = 0.1,
            },
            said
        );
        CollectionAssert.AreEqual(new[] { 0, 1, 0 }, linear.Classes); // the second now scores 0.88 x 0.4
        Assert.AreEqual(0.4f / (1 + MathF.Exp(-2)), linear.Scores[2], 1e-5f);
        var gaussian = Decode(new() { Suppression = BoxSuppression.Gaussian, ScoreThreshold = 0.1 }, said);
        Assert.AreEqual(MathF.Exp(-0.36f / 0.5f) / (1 + MathF.Exp(-2)), gaussian.Scores[2], 1e-5f);
        var wide = Decode(
            new()
            {
                Suppression = BoxSuppression.Gaussian,
                SuppressionSigma = 2,
                ScoreThreshold = 0.1,
            },
            said
        );
        Assert.AreEqual(MathF.Exp(-0.36f / 2) / (1 + MathF.Exp(-2)), wide.Scores[wide.Classes[1] == 0 ? 1 : 2], 1e-5f);
    }

    [TestMethod]
    [DataRow(0.0)]
    [DataRow(-1.0)]
    [DataRow(double.NaN)]
    [DataRow(double.PositiveInfinity)]
    public void ASigmaThatIsNoWidthIsRefused(double sigma) =>
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new DetectionSettings { SuppressionSigma = sigma }).Message,
            "SuppressionSigma must be a finite number above 0"
        );

    [TestMethod]
    public void NoMoreThanTheMaximumAreGiven()
    {
        var found = Decode(new() { MaximumDetections = 2 }, [(2, 0, 1, 0), (9, 0, 3, 0), (20, 1, 2, 0)]);
        CollectionAssert.AreEqual(new[] { 0, 1 }, found.Classes);
        Assert.HasCount(1, Decode(new() { MaximumCandidates = 1 }, [(2, 0, 1, 0), (9, 0, 3, 0)]).Scores);
    }

    [TestMethod]
    public void BoxesAreCutAtTheImageAndGivenInItsPixels()
    {
        // The anchor [-4, -4, 4, 4], and one that lies in the padding to the right of an image 50 pixels wide.
        var found = Decode(new(), [(0, 0, 1, 0), (7, 0, 2, 0)], size: (50, 30), scale: (2, 3));
        CollectionAssert.AreEqual(new float[] { 0, 0, 8, 12 }, found.Boxes);
    }

    [TestMethod]
    public void ASoftmaxLeavesBackgroundOut()
    {
        var logits = new float[3 * Anchors.Count];
        for (var a = 0; a < Anchors.Count; a++)
            logits[3 * a + 2] = 10;
        (logits[3 * 9], logits[3 * 9 + 1], logits[3 * 9 + 2]) = (MathF.Log(6), MathF.Log(3), MathF.Log(1));
        var decoder = new DetectionDecoder(new(Backbone.ResNet18, Head, 2, HasBackground: true), new() { ScoreThreshold = 0.2 });
        var found = decoder.Decode(Anchors, logits, new float[4 * Anchors.Count], [], (64, 32), (1, 1));
        CollectionAssert.AreEqual(new[] { 0, 1 }, found.Classes);
        Assert.AreEqual(0.6f, found.Scores[0], 1e-5f);
        Assert.AreEqual(0.3f, found.Scores[1], 1e-5f);
    }

    [TestMethod]
    public void QualityLowersScores()
    {
        var (logits, quality) = (new float[2 * Anchors.Count], new float[Anchors.Count]);
        logits.AsSpan().Fill(Never);
        (logits[18], logits[40]) = (2, 2);
        (quality[9], quality[20]) = (-2, 3);
        var decoder = new DetectionDecoder(
            new(Backbone.ResNet18, Head with { Quality = BoxQuality.IoU }, 2),
            new() { ScoreThreshold = 0.1 }
        );
        var found = decoder.Decode(Anchors, logits, new float[4 * Anchors.Count], quality, (64, 32), (1, 1));
        Assert.AreEqual(MathF.Sqrt(1 / (1 + MathF.Exp(-2)) / (1 + MathF.Exp(-3))), found.Scores[0], 1e-5f);
        Assert.AreEqual(28f, found.Boxes[0]);
        Assert.HasCount(2, found.Scores);
    }
}
