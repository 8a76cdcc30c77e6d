using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Data;

/// <summary>Turns the hue of RGB images through the hue, saturation and value model.</summary>
internal static class HueRotation
{
    /// <summary>Images [N, 3, height, width] of values 0 to 255; turns are shares of the colour circle, [N, 1, 1, 1].</summary>
    public static Tensor Apply(Tensor images, Tensor turns)
    {
        var (red, green, blue) = (images.narrow(1, 0, 1), images.narrow(1, 1, 1), images.narrow(1, 2, 1));
        var value = images.amax([1], keepdim: true);
        var chroma = value - images.amin([1], keepdim: true);
        var divisor = chroma.masked_fill(chroma.eq(0), 1);
        var hue = where(
            value.eq(red),
            (green - blue).div_(divisor),
            where(value.eq(green), (blue - red).div_(divisor).add_(2), (red - green).div_(divisor).add_(4))
        );
        hue.add_(turns * 6);
        // Channel n of a colour is value - chroma * clamp(min(k, 4 - k), 0, 1), k = (n + hue) mod 6, n = 5, 3, 1.
        var offsets = tensor(new float[] { 5, 3, 1 }, ScalarType.Float32, images.device).view(1, 3, 1, 1);
        var k = (hue + offsets).remainder_(6);
        return value - minimum(k, 4 - k).clamp_(0, 1).mul_(chroma);
    }
}
