using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Augmentations;

[TestClass]
public class GeometryTests
{
    [TestMethod]
    public void ComposingIsTheSameAsApplyingOneAfterTheOther()
    {
        var a = GeometricTransform.Affine(20, 10, 33, 2, -1, 1.2, 15);
        var b = GeometricTransform.Crop(20, 10, 3, 2, 8, 6);
        var c = GeometricTransform.Resize(8, 6, 16, 3);
        var (x, y) = a.Forward(4, 7);
        (x, y) = b.Forward(x, y);
        (x, y) = c.Forward(x, y);
        var (togetherX, togetherY) = a.Then(b).Then(c).Forward(4, 7);
        Assert.AreEqual(x, togetherX, 1e-9);
        Assert.AreEqual(y, togetherY, 1e-9);
        Assert.ThrowsExactly<ArgumentException>(() => a.Then(c));
    }

    [TestMethod]
    public void ARightAngleTurnsThePictureClockwise()
    {
        // The top left corner of a square goes to the top right.
        var (x, y) = GeometricTransform.Affine(8, 8, 90).Forward(0, 0);
        Assert.AreEqual(8, x, 1e-9);
        Assert.AreEqual(0, y, 1e-9);
        var box = GeometricTransform.Affine(8, 8, 90).Apply([new(1, 2, 3, 7)], out _)[0];
        Assert.AreEqual(1, box.X0, 1e-9);
        Assert.AreEqual(1, box.Y0, 1e-9);
        Assert.AreEqual(6, box.X1, 1e-9);
        Assert.AreEqual(3, box.Y1, 1e-9);
    }

    [TestMethod]
    public void SamplingAFlipOrCropGivesTheCopiedBytes()
    {
        using var scope = NewDisposeScope();
        var random = new RandomStream(3);
        for (var i = 0; i < 40; i++)
        {
            var transform = GeometricTransform.Crop(9, 7, random.Below(9) - 4, random.Below(9) - 4, 9, 7);
            if (i % 2 == 1)
                transform = transform.Then(GeometricTransform.FlipHorizontally(9, 7));
            if (i % 3 == 1)
                transform = transform.Then(GeometricTransform.FlipVertically(9, 7));
            var source = randint(0, 256, [1, 3, 7, 9], ScalarType.Byte);
            var copied = new byte[3 * 7 * 9];
            ExactGeometry.Copy(transform, source.bytes, copied, 77);
            // Sampling blends the fill at the outer border: no pixel lies there, since shifts are whole.
            var sampled = TensorGeometry.Images(source.to(ScalarType.Float32), [transform], 77);
            Assert.IsTrue(sampled.allclose(tensor(copied, [1, 3, 7, 9], ScalarType.Byte).to(ScalarType.Float32), 1e-4, 0.05));
            var picked = TensorGeometry.Nearest(source, transform, 77);
            Assert.IsTrue(picked.equal(tensor(copied, [1, 3, 7, 9], ScalarType.Byte)).all().item<bool>());
        }
    }

    [TestMethod]
    public void ImageMaskAndBoxMoveTogether()
    {
        using var scope = NewDisposeScope();
        // A bright rectangle, its mask and its box through one random transform: the bright pixels, the mask and the box must agree.
        var affine = new RandomAffine
        {
            Degrees = 20,
            Translation = 0.1,
            MinScale = 0.8,
            MaxScale = 1.2,
            Shear = 10,
        };
        for (var seed = 0; seed < 10; seed++)
        {
            var random = new RandomStream(seed);
            var transform = affine.Sample(64, 48, ref random);
            var image = zeros(1, 1, 48, 64);
            image.narrow(2, 15, 20).narrow(3, 20, 24).fill_(1);
            var moved = TensorGeometry.Images(image, [transform], 0)[0, 0];
            var mask = TensorGeometry.Nearest(image[0, 0].to(ScalarType.Int64), transform, 0);
            var agree = moved.gt(0.5).eq(mask.eq(1)).to(ScalarType.Float32).mean().item<float>();
            Assert.IsTrue(agree > 0.985, $"seed {seed}: {agree}");
            var box = transform.Apply([new PixelBox(20, 15, 44, 35)], out _)[0];
            var columns = mask.amax([0]).nonzero();
            var rows = mask.amax([1]).nonzero();
            Assert.AreEqual(box.X0, columns.min().item<long>(), 1.5);
            Assert.AreEqual(box.X1, columns.max().item<long>() + 1, 1.5);
            Assert.AreEqual(box.Y0, rows.min().item<long>(), 1.5);
            Assert.AreEqual(box.Y1, rows.max().item<long>() + 1, 1.5);
        }
    }

    [TestMethod]
    public void AResizedCropStaysInsideAndKeepsItsShare()
    {
        var crop = new RandomResizedCrop { MinArea = 0.3, MaxArea = 0.6 };
        var random = new RandomStream(9);
        for (var i = 0; i < 200; i++)
        {
            var transform = crop.Sample(50, 40, ref random);
            var (area, aspect) = (transform.XX * transform.YY, transform.XX * 50 / (transform.YY * 40));
            Assert.IsTrue(area is > 0.27 and < 0.64, $"area {area}");
            Assert.IsTrue(aspect is > 0.7 and < 1.43, $"aspect {aspect}");
            Assert.IsTrue(transform.X0 >= 0 && transform.X0 + transform.XX * 50 <= 50 + 1e-9);
            Assert.IsTrue(transform.Y0 >= 0 && transform.Y0 + transform.YY * 40 <= 40 + 1e-9);
        }
    }
}
