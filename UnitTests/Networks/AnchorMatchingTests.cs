using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Data;
using MLNetLosses.Networks;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Networks;

[TestClass]
public class AnchorMatchingTests
{
    private const int Background = AnchorMatching.Background;
    private const int Ignored = AnchorMatching.Ignored;

    /// <summary>One square anchor of side 8 a place, places 8 pixels apart in a row, and coarser levels.</summary>
    private static readonly AnchorGrid Row = new(
        new RetinaNetHead
        {
            AnchorScale = 1,
            ScalesPerLevel = 1,
            AspectRatios = [1],
        },
        [8],
        height: 8,
        width: 48
    );

    private static int[] Match(AnchorMatching matching, AnchorGrid anchors, params float[] boxes)
    {
        var matches = new int[anchors.Count];
        matching.Match(anchors, boxes, matches);
        return matches;
    }

    [TestMethod]
    public void AnchorsTakeWhatTheyOverlapByTheThresholds()
    {
        // Anchors are [8 i - 4, -4, 8 i + 4, 4]. The first object covers anchor 1 to 3/4 (IoU 3/5 with its own area 64), the second anchor 3 to 7/8 and 4 to 1/8.
        var matches = Match(new IoUMatching { LowQualityMatches = false }, Row, 6, -4, 14, 4, 21, -4, 29, 4);
        CollectionAssert.AreEqual(new[] { Background, 0, Background, 1, Background, Background }, matches);
        // IoU 1/3 with two anchors each: between the thresholds.
        matches = Match(new IoUMatching { LowQualityMatches = false, BackgroundThreshold = 0.3 }, Row, 8, -4, 16, 4);
        CollectionAssert.AreEqual(
            new[] { Background, 0, Background, Background, Background, Background },
            Match(new IoUMatching(), Row, 8, -4, 12, 4)
        );
        matches = Match(new IoUMatching { LowQualityMatches = false, BackgroundThreshold = 0.3 }, Row, 8, -4, 16, 4);
        CollectionAssert.AreEqual(new[] { Background, Ignored, Ignored, Background, Background, Background }, matches);
    }

    [TestMethod]
    public void NoObjectIsWithoutAnAnchorWhereLowQualityIsAllowed()
    {
        // Half of a pixel row: IoU far below all thresholds; anchors 1 and 2 overlap it equally.
        float[] box = [10, -1, 14, 1];
        CollectionAssert.AreEqual(new[] { Background, 0, 0, Background, Background, Background }, Match(new IoUMatching(), Row, box));
        Assert.IsTrue(Match(new IoUMatching { LowQualityMatches = false }, Row, box).All(m => m == Background));
        // An object that no anchor touches makes no anchor learn it.
        Assert.IsTrue(Match(new IoUMatching(), Row, 10, 20, 14, 30).All(m => m == Background));
    }

    [TestMethod]
    public void AnAnchorLearnsTheObjectThatItOverlapsMost()
    {
        // Both objects overlap anchor 2 most, the second more.
        var matches = Match(new IoUMatching(), Row, 13, -4, 21, 4, 12, -4, 20, 4);
        CollectionAssert.AreEqual(new[] { Background, Background, 1, Background, Background, Background }, matches);
    }

    /// <summary>torchvision's matcher, for the anchors of RetinaNet on 224 x 320 pixels: counts and sums of places, checked index by index when the test was written.</summary>
    [TestMethod]
    [DataRow(new float[] { 10, 20, 90, 100, 50, 30, 61, 44, 100.5f, 80.25f, 300, 200, 5, 5, 315, 220, 200, 10, 230, 190 }, 119, 154)]
    [DataRow(new float[] { 30, 40, 77, 99, 30, 44, 80, 100 }, 49, 66)]
    public void EqualsTorchvision(float[] boxes, int positive, int between)
    {
        var anchors = new AnchorGrid(new RetinaNetHead(), [8, 16, 32, 64, 128], 224, 320);
        var matches = Match(new IoUMatching(), anchors, boxes);
        Assert.AreEqual(positive, matches.Count(m => m >= 0));
        Assert.AreEqual(between, matches.Count(m => m == Ignored));
    }

    [TestMethod]
    [DataRow(new float[] { 10, 20, 90, 100, 50, 30, 61, 44, 100.5f, 80.25f, 300, 200, 5, 5, 315, 220, 200, 10, 230, 190 }, 32)]
    [DataRow(new float[] { 30, 40, 77, 99, 30, 44, 80, 100 }, 9)]
    public void PlacesEqualTorchvisionsFcos(float[] boxes, int positive)
    {
        var anchors = new AnchorGrid(new FcosHead(), [8, 16, 32, 64, 128], 224, 320);
        Assert.AreEqual(positive, Match(new CenterMatching(), anchors, boxes).Count(m => m >= 0));
    }

    [TestMethod]
    public void AdaptiveMatchingTakesWhatStandsOutAmongTheNearest()
    {
        // The three places nearest to the object's centre (x = 17): 2, 3 and 1. Overlaps: anchor 2 [12, 20]: 7/9, anchor 3 [20, 28]: 1/15, anchor 1 [4, 12]: 0.
        // Mean 0.281, deviation 0.432: only anchor 2 reaches 0.713.
        var matching = new AdaptiveMatching { Candidates = 3 };
        CollectionAssert.AreEqual(
            new[] { Background, Background, 0, Background, Background, Background },
            Match(matching, Row, 13, -4, 21, 4)
        );
        // Its centre (16, 0) must lie in the object.
        Assert.IsTrue(Match(matching, Row, 16.5f, -4, 19, 4).All(m => m == Background));
        // Two objects want anchor 2: the one that overlaps it more gets it.
        Assert.AreEqual(1, Match(matching, Row, 13, -4, 21, 4, 12.5f, -4, 20.5f, 4)[2]);
    }

    [TestMethod]
    public void PlacesNearTheCentreLearnTheSmallestObjectOfTheirRange()
    {
        var anchors = new AnchorGrid(new FcosHead(), [8, 16], 32, 64);
        // 20 pixels wide around (16, 16): a matter of the finest level; places within 12 pixels of the centre and inside.
        var matches = Match(new CenterMatching(), anchors, 6, 6, 26, 26);
        var places = Enumerable.Range(0, anchors.Count).Where(a => matches[a] == 0).ToArray();
        CollectionAssert.AreEqual(new[] { 9, 10, 11, 17, 18, 19, 25, 26, 27 }, places); // rows and columns 1 to 3 of 8 columns
        // A smaller object inside takes the place that both hold.
        Assert.AreEqual(1, Match(new CenterMatching(), anchors, 6, 6, 26, 26, 12, 12, 20, 20)[18]);
    }

    [TestMethod]
    public void SamplingKeepsAShareOfThePositives()
    {
        int[] matches =
        [
            .. Enumerable
                .Range(0, 400)
                .Select(a =>
                    a < 30 ? a % 3
                    : a < 40 ? Ignored
                    : Background
                ),
        ];
        var first = (int[])matches.Clone();
        var random = new RandomStream(4);
        new AnchorSampling { Count = 40, PositiveShare = 0.25 }.Apply(first, ref random);
        Assert.AreEqual(10, first.Count(m => m >= 0));
        Assert.AreEqual(30, first.Count(m => m == Background));
        for (var a = 0; a < first.Length; a++)
            Assert.IsTrue(first[a] == matches[a] || first[a] == Ignored);
        var second = (int[])matches.Clone();
        new AnchorSampling { Count = 40, PositiveShare = 0.25 }.Apply(second, ref random);
        CollectionAssert.AreNotEqual(first, second);
        // Where there are few objects, background fills up.
        int[] few = [0, .. Enumerable.Repeat(Background, 99)];
        new AnchorSampling { Count = 20 }.Apply(few, ref random);
        Assert.AreEqual(19, few.Count(m => m == Background));
    }

    [TestMethod]
    public void OffsetsAreTorchvisions()
    {
        using var scope = NewDisposeScope();
        var coder = new OffsetCoder([10, 10, 5, 5]);
        var (boxes, anchors) = (Rows(10, 20, 60, 50), Rows(0, 10, 40, 42));
        AreClose([3.75f, 2.8125f, 1.1157178f, -0.3226926f], coder.Encode(boxes, anchors));
        AreClose([10, 20, 60, 50], coder.Decode(coder.Encode(boxes, anchors), anchors));
        // Sides grow by 1000 / 16 at most.
        AreClose([-1226, 1.917265f, 1274, 37.282738f], coder.Decode(Rows(1, -2, 30, 0.5f), anchors));
        var (x0, y0, x1, y1) = coder.Decode([1, -2, 30, 0.5f], (0, 10, 40, 42));
        AreClose([x0, y0, x1, y1], coder.Decode(Rows(1, -2, 30, 0.5f), anchors));
    }

    [TestMethod]
    public void DistancesAreInSidesOfTheAnchor()
    {
        using var scope = NewDisposeScope();
        var (boxes, anchors) = (Rows(10, 20, 60, 50), Rows(16, 24, 32, 40));
        float[] codes = [14 / 16f, 12 / 16f, 36 / 16f, 18 / 16f];
        AreClose(codes, DistanceCoder.Instance.Encode(boxes, anchors));
        AreClose([10, 20, 60, 50], DistanceCoder.Instance.Decode(Rows(codes), anchors));
        Assert.AreEqual((10f, 20f, 60f, 50f), DistanceCoder.Instance.Decode(codes, (16, 24, 32, 40)));
    }

    private static Tensor Rows(params float[] numbers) => tensor(numbers, [numbers.Length / 4, 4]);

    private static void AreClose(float[] expected, Tensor actual)
    {
        var numbers = actual.flatten().data<float>().ToArray();
        for (var i = 0; i < expected.Length; i++)
            Assert.AreEqual(expected[i], numbers[i], 1e-5f * Math.Max(10, Math.Abs(expected[i])), $"number {i}");
    }
}
