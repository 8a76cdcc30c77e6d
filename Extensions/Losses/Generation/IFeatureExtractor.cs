using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// A network that gives features of images, for losses that compare features (<see cref="PerceptualLoss"/>, <see cref="ContentLoss"/>,
/// <see cref="StyleLoss"/>). Implemented by a module (<c>nn.Module</c>): the loss freezes it, keeps it in evaluation mode and moves it to the loss's device; it
/// never reaches the optimizer or a checkpoint.
/// </summary>
public interface IFeatureExtractor
{
    /// <summary>Features of images, from shallow to deep.</summary>
    /// <param name="images">[N, C, H, W], normalised as the network was trained.</param>
    /// <returns>[N, C_l, H_l, W_l] a layer, on the graph of the images, in the caller's dispose scope.</returns>
    IReadOnlyList<Tensor> Extract(Tensor images);

    /// <summary>What is subtracted from each channel of an image in [0, 1] before it goes in. By default ImageNet's mean.</summary>
    IReadOnlyList<float> InputMean => [0.485f, 0.456f, 0.406f];

    /// <summary>What each channel is divided by afterwards. By default ImageNet's deviation.</summary>
    IReadOnlyList<float> InputStd => [0.229f, 0.224f, 0.225f];

    /// <summary>LPIPS's fixed weights of channels, [C_l] a layer, where the network comes with them; null (the default): none.</summary>
    IReadOnlyList<Tensor>? LinearWeights => null;
}
