using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>In which order the numbers of a map [N, C, H, W] lie in memory; it changes nothing but speed.</summary>
internal static class ChannelOrder
{
    /// <summary>On the CPU the same map with the channels of a pixel beside one another, elsewhere the map itself; in the caller's dispose scope.</summary>
    public static Tensor Last(Tensor map)
    {
        if (map.device_type != DeviceType.CPU)
            return map.alias();
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(map.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2));
    }

    /// <summary>A map of undefined values, single precision, on the CPU, with the channels of a pixel beside one another.</summary>
    public static Tensor Empty(long images, long channels, long height, long width) =>
        empty_strided(
            [images, channels, height, width],
            [height * width * channels, 1, width * channels, channels],
            ScalarType.Float32,
            CPU
        );
}
