using Microsoft.ML.Data;
using MLNetLosses;
using MLNetLosses.Data;
using MLNetLosses.Interop;
using MLNetLosses.Transforms;

namespace Microsoft.ML;

/// <summary>Transforms of images with boxes for <c>mlContext.Transforms</c>. What they give saves and loads with a model.</summary>
public static class ObjectTransformsCatalog
{
    /// <summary>Draws boxes with their classes and scores on images, at the images' own size and upright. Class colours are the same everywhere.</summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="outputColumnName">The column of <see cref="MLImage"/> to make.</param>
    /// <param name="imageColumnName">Images: MLImage, bytes of a file, or path of a file.</param>
    /// <param name="labelColumnName">Classes, a vector of keys or text; null: none are written.</param>
    /// <param name="boundingBoxColumnName">Boxes, a vector of Single: x0 y0 x1 y1 of each.</param>
    /// <param name="scoreColumnName">Scores, a vector of Single; null: none are written.</param>
    /// <param name="minimumScore">Boxes of a lower score are not drawn.</param>
    /// <param name="color">One colour for all, as #rrggbb. Default: one a class.</param>
    /// <param name="lineWidth">Pixels, at least 1. Default: by the size of the image.</param>
    /// <exception cref="ArgumentException">A name is empty, or the width is below 1.</exception>
    /// <exception cref="FormatException">The colour is none.</exception>
    public static IEstimator<ITransformer> DrawBoundingBoxes(
        this TransformsCatalog catalog,
        string outputColumnName,
        string imageColumnName = "Image",
        string? labelColumnName = "PredictedLabel",
        string boundingBoxColumnName = "PredictedBoundingBoxes",
        string? scoreColumnName = "Score",
        double minimumScore = 0,
        string? color = null,
        int? lineWidth = null
    )
    {
        var environment = Hosts.EnvironmentOf(catalog);
        ArgumentException.ThrowIfNullOrWhiteSpace(outputColumnName);
        ArgumentException.ThrowIfNullOrWhiteSpace(imageColumnName);
        ArgumentException.ThrowIfNullOrWhiteSpace(boundingBoxColumnName);
        if (lineWidth is < 1)
            throw new ArgumentOutOfRangeException(nameof(lineWidth), lineWidth, "A line has at least 1 pixel.");
        if (color is not null)
            MaskColor.Parse(color, 0);
        var drawing = new DrawBoxes(
            outputColumnName,
            imageColumnName,
            boundingBoxColumnName,
            labelColumnName,
            scoreColumnName,
            minimumScore,
            color,
            lineWidth
        );
        return new RowEstimator<DrawBoxes>(environment, drawing);
    }

    /// <summary>
    /// Changes images at random and moves their boxes with them; objects of which less than half a pixel is left are dropped from all columns. A row is
    /// always changed in the same way: the seed and the row's identity decide. Trainers change images anew in every epoch; give them the
    /// augmentation instead, where there is one.
    /// </summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="augmentation">What is changed. Mixup and CutMix need more than one image.</param>
    /// <param name="outputColumnName">The column of <see cref="MLImage"/> to make.</param>
    /// <param name="imageColumnName">Images: MLImage, bytes of a file, or path of a file.</param>
    /// <param name="labelColumnName">Classes, a vector of keys or text; replaced.</param>
    /// <param name="boundingBoxColumnName">Boxes, a vector of Single: x0 y0 x1 y1 of each; replaced.</param>
    /// <param name="ignoredColumnName">Flags of objects, a vector of Boolean; replaced where the data have it.</param>
    /// <param name="areaColumnName">Areas of objects, a vector of Single; replaced where the data have it, by what they are when they grow and shrink as their boxes do.</param>
    /// <param name="seed">Decides what is drawn. Default: the context's, or 0.</param>
    /// <exception cref="ArgumentException">A name is empty, or the augmentation mixes images.</exception>
    public static IEstimator<ITransformer> AugmentObjects(
        this TransformsCatalog catalog,
        Augmentation augmentation,
        string outputColumnName = "Image",
        string imageColumnName = "Image",
        string labelColumnName = "Label",
        string boundingBoxColumnName = "BoundingBoxes",
        string? ignoredColumnName = "Ignored",
        string? areaColumnName = "Area",
        int? seed = null
    )
    {
        var environment = Hosts.EnvironmentOf(catalog);
        ArgumentNullException.ThrowIfNull(augmentation);
        foreach (var name in new[] { outputColumnName, imageColumnName, labelColumnName, boundingBoxColumnName })
            ArgumentException.ThrowIfNullOrWhiteSpace(name);
        augmentation.Validate();
        if (augmentation.Mixes)
            throw new ArgumentException(
                "Mixup and CutMix mix the images of a batch; here is one image at a time. Set MixupAlpha and CutMixAlpha to 0.",
                nameof(augmentation)
            );
        NativeLibraryCheck.Ensure();
        var settings = new AugmentObjects(
            augmentation.ToJson(),
            outputColumnName,
            imageColumnName,
            labelColumnName,
            boundingBoxColumnName,
            ignoredColumnName,
            areaColumnName,
            seed ?? Hosts.Seed(environment) ?? 0
        );
        return new RowEstimator<AugmentObjects>(environment, settings);
    }
}
