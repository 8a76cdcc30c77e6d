using Microsoft.VisualStudio.TestTools.UnitTesting;
using TorchSharp;

namespace MLNetLosses.UnitTests;

[TestClass]
public class NativeLibraryTests
{
    [TestMethod]
    public void TheNativeLibraryLoadsAndComputes()
    {
        using var sum = torch.ones(3).sum();
        Assert.AreEqual(3f, sum.item<float>());
    }
}
