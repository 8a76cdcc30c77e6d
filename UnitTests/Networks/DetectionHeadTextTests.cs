using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Networks;

namespace MLNetLosses.UnitTests.Networks;

[TestClass]
public class DetectionHeadTextTests
{
    [TestMethod]
    public void HeadsAreReadFromText()
    {
        Assert.AreEqual(new RetinaNetHead(), DetectionHead.Parse("RetinaNet"));
        Assert.AreEqual(
            new RetinaNetHead { Channels = 64, AnchorScale = 2 },
            DetectionHead.Parse(" RetinaNet(channels: 64, anchorScale: 2) ")
        );
        DetectionHead head = new FcosHead { Convolutions = 2 };
        Assert.AreEqual(head, DetectionHead.Parse(head.ToString()));
        Assert.AreEqual(head, DetectionHead.Parse(head.ToJson()));
    }

    [TestMethod]
    public void WhatIsNoHeadIsRefused()
    {
        Assert.Throws<FormatException>(() => DetectionHead.Parse("Yolo"));
        Assert.Throws<FormatException>(() => DetectionHead.Parse("RetinaNet(channels: 5000)"));
    }
}
