namespace MLNetLosses.Networks;

/// <summary>How a segmentation network makes a class for every pixel of the maps of its <see cref="Backbone"/>.</summary>
public enum SegmentationArchitecture
{
    /// <summary>
    /// U-Net: from the coarsest map on, doubled in size, joined with the backbone's map of that size, and convolved twice. Sharp borders; the
    /// usual first choice. Ronneberger et al. 2015 (arXiv 1505.04597), with 256, 128, 64, 32 and 16 channels.
    /// </summary>
    UNet,

    /// <summary>
    /// A feature pyramid: every map brought to 256 channels and the coarser ones added, then convolved and summed at the finest size.
    /// Kirillov et al. 2019 (arXiv 1901.02446), with 128 channels behind the pyramid.
    /// </summary>
    FPN,

    /// <summary>
    /// DeepLabV3+: dilated convolutions of three reaches and a global mean look at the last map, which keeps twice its size where the backbone
    /// allows; the finest map sharpens the borders. For large objects and wide context. Chen et al. 2018 (arXiv 1802.02611).
    /// </summary>
    DeepLabV3Plus,
}
