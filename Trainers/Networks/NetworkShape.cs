using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>What determines a network before its values, and where these come from.</summary>
internal sealed record NetworkShape(Backbone Backbone, int ClassCount, int InputChannels, long Seed, Initialization Init)
{
    /// <summary>The first values that belong to a backbone.</summary>
    public static Initialization InitializationOf(Backbone backbone, long seed) =>
        backbone switch
        {
            Backbone.ResNet20Cifar => Initialization.HeFanIn(seed),
            Backbone.ShuffleNetV2X05 => Initialization.Default(seed),
            Backbone.MobileNetV3Small => Initialization.MobileNet(seed),
            Backbone.EfficientNetB0 => Initialization.EfficientNet(seed),
            Backbone.ConvNeXtTiny => Initialization.ConvNeXt(seed),
            _ => Initialization.HeFanOut(seed),
        };

    public static BackboneNetwork Build(NetworkShape shape) =>
        shape.Backbone switch
        {
            Backbone.ResNet18 => new ResNet(shape, [2, 2, 2, 2], bottleneck: false, smallImages: false),
            Backbone.ResNet34 => new ResNet(shape, [3, 4, 6, 3], bottleneck: false, smallImages: false),
            Backbone.ResNet50 => new ResNet(shape, [3, 4, 6, 3], bottleneck: true, smallImages: false),
            Backbone.ResNet18Cifar => new ResNet(shape, [2, 2, 2, 2], bottleneck: false, smallImages: true),
            Backbone.ResNet20Cifar => new CifarResNet(shape, blocks: 3),
            Backbone.ShuffleNetV2X05 => new ShuffleNetV2(shape),
            Backbone.MobileNetV3Small => new MobileNetV3(shape),
            Backbone.EfficientNetB0 => new EfficientNet(shape),
            Backbone.ConvNeXtTiny => new ConvNeXt(shape),
            _ => throw new ArgumentOutOfRangeException(
                nameof(shape),
                shape.Backbone,
                $"There is no such backbone; there are {string.Join(", ", Enum.GetNames<Backbone>())}."
            ),
        };
}
