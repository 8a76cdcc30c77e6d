namespace MLNetLosses.Networks;

/// <summary>
/// The networks that a trainer can use. Parameter counts are for 1000 classes (10 for the CIFAR networks), ShuffleNetV2X05 and the CIFAR ones
/// excepted all as in torchvision, whose published weights load by name. All take [N, 3, H, W] in float32, RGB / 255, normalised by
/// <see cref="BackboneNetwork.InputMean"/> and <see cref="BackboneNetwork.InputStd"/>.
/// </summary>
public enum Backbone
{
    /// <summary>
    /// 18 layers of basic blocks, 11,689,512 parameters; made for 224x224, maps at strides 4 to 32. The usual first choice.
    /// He et al., Deep Residual Learning for Image Recognition, 2015 (arXiv 1512.03385).
    /// </summary>
    ResNet18,

    /// <summary>34 layers of basic blocks, 21,797,672 parameters; made for 224x224, maps at strides 4 to 32. He et al. 2015.</summary>
    ResNet34,

    /// <summary>
    /// 50 layers of bottleneck blocks with the stride in the 3x3 convolution (torchvision's "v1.5"), 25,557,032 parameters; made for 224x224,
    /// maps at strides 4 to 32. He et al. 2015.
    /// </summary>
    ResNet50,

    /// <summary>
    /// ResNet18 for small images: a 3x3 convolution with stride 1 first and no pooling. 11,173,962 parameters with 10 classes; made for
    /// 32x32, maps at strides 1 to 8. The names are those of <see cref="ResNet18"/>, of whose weights all but the first layer's fit.
    /// </summary>
    ResNet18Cifar,

    /// <summary>
    /// The CIFAR ResNet of 20 layers with 16, 32 and 64 channels and shortcuts without parameters (option A). 269,722 parameters with 10
    /// classes, head <c>linear</c>; made for 32x32, maps at strides 1 to 4. He et al. 2015, section 4.2.
    /// </summary>
    ResNet20Cifar,

    /// <summary>
    /// ShuffleNetV2 x0.5 up to its fourth stage, 336,136 parameters; for 64x64 and larger, maps at strides 4 to 32. The input is RGB / 255
    /// without mean and deviation. Names: <c>first_conv</c>, <c>stage2</c> to <c>stage4</c> with <c>branch_main</c> and <c>branch_proj</c>, head
    /// <c>fc</c>. Ma et al., ShuffleNet V2, 2018 (arXiv 1807.11164).
    /// </summary>
    ShuffleNetV2X05,

    /// <summary>
    /// MobileNetV3-Small, 2,542,856 parameters; made for 224x224, maps at strides 4 to 32. Small and fast, trains slowly from scratch.
    /// Howard et al., Searching for MobileNetV3, 2019 (arXiv 1905.02244).
    /// </summary>
    MobileNetV3Small,

    /// <summary>
    /// EfficientNet-B0, 5,288,548 parameters; made for 224x224, maps at strides 4 to 32. Accurate for its size, slow on CPUs.
    /// Tan and Le, EfficientNet, 2019 (arXiv 1905.11946).
    /// </summary>
    EfficientNetB0,

    /// <summary>
    /// ConvNeXt-Tiny, 28,589,128 parameters; made for 224x224 and no smaller than 32x32, maps at strides 4 to 32. Needs pretrained weights or
    /// much data. Liu et al., A ConvNet for the 2020s, 2022 (arXiv 2201.03545).
    /// </summary>
    ConvNeXtTiny,
}
