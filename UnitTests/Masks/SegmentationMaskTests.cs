using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.VisualStudio.TestTools.UnitTesting;

namespace MLNetLosses.UnitTests.Masks;

[TestClass]
public class SegmentationMaskTests
{
    private sealed class Row
    {
        [SegmentationMaskType]
        public SegmentationMask? Mask { get; set; }

        public int Number { get; set; }
    }

    [TestMethod]
    public void IndicesAndLayersAreReadBack()
    {
        byte[] indices = [0, 1, 2, 255, 1, 1];
        var mask = SegmentationMask.OfIndices(3, 2, indices);
        indices[0] = 9;
        Assert.AreEqual((byte)0, mask[0, 0], "the bytes are copied");
        Assert.AreEqual((byte)255, mask[0, 1]);
        Assert.AreEqual(0, mask.LayerCount);
        CollectionAssert.AreEqual(new long[] { 1, 3, 1 }, mask.Areas(3));
        var layers = SegmentationMask.OfLayers(2, 1, 3, [1, 0, 1, 1, 0, 0]);
        CollectionAssert.AreEqual(new byte[] { 1, 1 }, layers.Layer(1).ToArray());
        CollectionAssert.AreEqual(new long[] { 1, 2, 0 }, layers.Areas(3));
        CollectionAssert.AreEqual(
            new long[] { 1, 0 },
            SegmentationMask.OfLayers(2, 1, 2, [1, 255, 255, 255]).Areas(2),
            "not known: not counted"
        );
        Assert.Throws<InvalidOperationException>(() => layers[0, 0]);
        Assert.Throws<ArgumentOutOfRangeException>(() => layers.Layer(3).Length);
    }

    [TestMethod]
    public void EqualityIsOfContent()
    {
        var mask = SegmentationMask.OfIndices(2, 2, [0, 1, 1, 0]);
        var same = SegmentationMask.OfIndices(2, 2, [0, 1, 1, 0]);
        Assert.AreEqual(mask, same);
        Assert.AreEqual(mask.GetHashCode(), same.GetHashCode());
        Assert.AreNotEqual(mask, SegmentationMask.OfIndices(4, 1, [0, 1, 1, 0]));
        Assert.AreNotEqual(mask, SegmentationMask.OfLayers(2, 2, 1, [0, 1, 1, 0]));
        Assert.AreNotEqual(mask, SegmentationMask.OfIndices(2, 2, [0, 1, 1, 2]));
    }

    [TestMethod]
    public void ResizingPicksThePixelUnderTheCentre()
    {
        var mask = SegmentationMask.OfIndices(4, 2, [0, 1, 2, 3, 4, 5, 6, 7]);
        // Centres 0.667, 2, 3.333 of the width, 1 of the height.
        CollectionAssert.AreEqual(new byte[] { 4, 6, 7 }, mask.Resize(3, 1).Values.ToArray());
        CollectionAssert.AreEqual(new byte[] { 0, 0, 1, 1, 2, 2, 3, 3 }, mask.Resize(8, 2).Values[..8].ToArray());
        Assert.AreEqual(mask, mask.Resize(12, 6).Resize(4, 2));
        var layers = SegmentationMask.OfLayers(2, 1, 2, [1, 0, 0, 1]).Resize(4, 1);
        CollectionAssert.AreEqual(new byte[] { 1, 1, 0, 0, 0, 0, 1, 1 }, layers.Values.ToArray());
    }

    [TestMethod]
    public void WhatDoesNotFitIsRefused()
    {
        static void Refused(string part, Action make) => StringAssert.Contains(Assert.Throws<ArgumentException>(make).Message, part);
        Refused("needs 6 values, got 5", () => SegmentationMask.OfIndices(3, 2, new byte[5]));
        Refused("0 x 2", () => SegmentationMask.OfIndices(0, 2, []));
        Refused("layers at most 255", () => SegmentationMask.OfLayers(1, 1, 256, new byte[256]));
        Refused("needs 4 values, got 2", () => SegmentationMask.OfLayers(2, 1, 2, [0, 1]));
        Refused("Pixel (1, 0) of layer 1 is 7", () => SegmentationMask.OfLayers(2, 1, 2, [0, 1, 0, 7]));
        Refused("1073741824 x 1073741824", () => SegmentationMask.OfIndices(1, 1, [0]).Resize(1 << 30, 1 << 30));
    }

    [TestMethod]
    public void MasksAreAColumnTypeOfMlNet()
    {
        var context = new MLContext(1);
        Row[] rows = [.. Enumerable.Range(0, 5).Select(i => new Row { Mask = SegmentationMask.OfIndices(1, 1, [(byte)i]), Number = i })];
        var data = context.Data.LoadFromEnumerable(rows);
        Assert.AreEqual(SegmentationMaskDataViewType.Instance, data.Schema["Mask"].Type);
        var kept = context.Data.FilterRowsByColumn(
            context.Transforms.Conversion.ConvertType("Value", "Number").Fit(data).Transform(data),
            "Value",
            2
        );
        var read = context.Data.CreateEnumerable<Row>(kept, reuseRowObject: false, ignoreMissingColumns: true).ToArray();
        CollectionAssert.AreEqual(new byte[] { 2, 3, 4 }, read.Select(row => row.Mask![0, 0]).ToArray());
        CollectionAssert.AreEqual(rows.Select(r => r.Mask).ToArray(), data.GetColumn<SegmentationMask>("Mask").ToArray());
    }
}
