using Microsoft.ML.Data;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Interop;

namespace MLNetLosses.UnitTests.Interop;

[TestClass]
public class MLImagesTests
{
    [TestMethod]
    public void PixelsAreTheImagesOwn()
    {
        var bytes = Enumerable.Range(0, 5 * 3 * 4).Select(i => (byte)(i * 7)).ToArray();
        using var image = MLImage.CreateFromPixels(5, 3, MLPixelFormat.Rgba32, bytes);
        CollectionAssert.AreEqual(bytes, MLImages.PixelsOf(image).ToArray());
        CollectionAssert.AreEqual(image.Pixels.ToArray(), MLImages.PixelsOf(image).ToArray());
    }

    [TestMethod]
    public void ADisposedImageSaysSo()
    {
        var image = MLImage.CreateFromPixels(1, 1, MLPixelFormat.Rgba32, [1, 2, 3, 255]);
        image.Dispose();
        Assert.Throws<InvalidOperationException>(() => MLImages.PixelsOf(image).Length);
    }
}
