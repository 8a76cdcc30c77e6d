using MLNetLosses;
using MLNetLosses.Data;
using MLNetLosses.Interop;
using MLNetLosses.Transforms;

namespace Microsoft.ML;

/// <summary>Transforms of images together with their masks, for <c>mlContext.Transforms</c>.</summary>
public static class MaskedImageTransformsCatalog
{
    /// <summary>Paints masks over their images, for looking at them.</summary>
    /// <param name="catalog"><c>mlContext.Transforms</c>.</param>
    /// <param name="outputColumnName">The column to make, of type <see cref="Data.MLImage"/>.</param>
    /// <param name="imageColumnName">The column of images: MLImage, bytes of a file, or path of a file.</param>
    /// <param name="maskColumnName">The column of masks of the images' sizes, or of paths of masks of class indices. A row without mask shows its image.</param>
    /// <param name="opacity">0 shows the image alone, 1 the mask alone.</param>
    /// <param name="background">The class index that is not painted; null: all are. <see cref="SegmentationMask.Ignored"/> is never painted.</param>
    /// <param name="colors">
    /// The colours of the classes, such as <c>#804080</c>; null, and for further classes: Pascal VOC's. Of masks of layers the layer 0 has the second colour.
    /// </param>
    /// <exception cref="ArgumentException">A name is empty. While rows are read: a mask is of another size than its image.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The opacity is not in 0 to 1, or the background not in 0 to 255.</exception>
    /// <exception cref="FormatException">A text is no colour.</exception>
    public static IEstimator<ITransformer> OverlayMask(
        this TransformsCatalog catalog,
        string outputColumnName,
        string imageColumnName = "ImagePath",
        string maskColumnName = "PredictedLabel",
        double opacity = 0.5,
        int? background = 0,
        IEnumerable<string>? colors = null
    )
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(outputColumnName);
        ArgumentException.ThrowIfNullOrWhiteSpace(imageColumnName);
        ArgumentException.ThrowIfNullOrWhiteSpace(maskColumnName);
        if (!(opacity is >= 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(opacity), opacity, "It must lie in 0 to 1.");
        if (background is not (null or (>= 0 and <= 255)))
            throw new ArgumentOutOfRangeException(nameof(background), background, "Class indices are 0 to 255.");
        return new RowEstimator<OverlayMask>(
            Hosts.EnvironmentOf(catalog),
            new(outputColumnName, imageColumnName, maskColumnName, opacity, background, SegmentationTransformsCatalog.Palette(colors))
        );
    }

    /// <summary>
    /// Changes images at random, and their masks in the same way: what trainers do by themselves while training, here for looking at it, or for data that are
    /// written out. The number of the row and the seed decide, so that data read twice are the same. What geometry shows beyond a mask is
    /// <see cref="SegmentationMask.Ignored"/>.
    /// </summary>
    /// <param name="catalog"><c>mlContext.Transforms</c>.</param>
    /// <param name="augmentation">What is changed. Mixup and CutMix are not for masks.</param>
    /// <param name="outputImageColumnName">The column to make of images, of type <see cref="Data.MLImage"/>.</param>
    /// <param name="outputMaskColumnName">The column to make of masks, of type <see cref="SegmentationMask"/>.</param>
    /// <param name="imageColumnName">The column of images: MLImage, bytes of a file, or path of a file.</param>
    /// <param name="maskColumnName">The column of masks of the images' sizes, or of paths of masks of class indices.</param>
    /// <param name="seed">Other seeds change otherwise.</param>
    /// <exception cref="ArgumentException">
    /// A name is empty, or the augmentation mixes images. While rows are read: a mask is of another size than its image.
    /// </exception>
    public static IEstimator<ITransformer> AugmentImageAndMask(
        this TransformsCatalog catalog,
        Augmentation augmentation,
        string outputImageColumnName = "Image",
        string outputMaskColumnName = "Mask",
        string imageColumnName = "ImagePath",
        string maskColumnName = "Mask",
        int seed = 0
    )
    {
        ArgumentNullException.ThrowIfNull(augmentation);
        foreach (var name in new[] { outputImageColumnName, outputMaskColumnName, imageColumnName, maskColumnName })
            ArgumentException.ThrowIfNullOrWhiteSpace(name);
        augmentation.Validate();
        if (augmentation.Mixes)
            throw new ArgumentException(
                "Mixup and CutMix mix the images of a batch; a mask cannot be mixed. Set MixupAlpha and CutMixAlpha to 0.",
                nameof(augmentation)
            );
        return new RowEstimator<AugmentMask>(
            Hosts.EnvironmentOf(catalog),
            new(outputImageColumnName, outputMaskColumnName, imageColumnName, maskColumnName, augmentation.ToJson(), seed)
        );
    }
}
