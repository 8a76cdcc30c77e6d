using MLNetLosses.Losses;
using MLNetLosses.Networks;

namespace MLNetLosses;

public sealed partial class SemanticSegmentationTrainer
{
    private const int SmallestTile = 64;

    /// <exception cref="ArgumentException">Options cannot be used; the message lists all that is wrong.</exception>
    private static void Validate(Options options)
    {
        string?[] columns = [options.PredictedLabelColumnName, options.AreasColumnName, options.ProbabilitiesColumnName];
        new OptionChecks("SemanticSegmentation")
            .Shared(options)
            .Name(nameof(options.PredictedLabelColumnName), options.PredictedLabelColumnName)
            .OptionalName(nameof(options.AreasColumnName), options.AreasColumnName)
            .OptionalName(nameof(options.ProbabilitiesColumnName), options.ProbabilitiesColumnName)
            .Require(
                columns.OfType<string>().Distinct().Count() == columns.OfType<string>().Count(),
                $"PredictedLabelColumnName, AreasColumnName and ProbabilitiesColumnName must differ; they are {string.Join(", ", columns.OfType<string>().Select(name => $"'{name}'"))}."
            )
            .Require(
                options.Loss is null || SegmentationLosses.Missing(options.Loss) is null,
                options.Loss is null ? "" : SegmentationLosses.Missing(options.Loss) ?? ""
            )
            .Try(
                nameof(options.Loss),
                () =>
                {
                    if (options.Loss is not null)
                        SegmentationLosses.Ignoring(options.Loss, options.IgnoreIndex);
                }
            )
            .Defined(nameof(options.Mode), options.Mode)
            .Defined(nameof(options.Architecture), options.Architecture)
            .Defined(nameof(options.Color), options.Color)
            .Defined(nameof(options.MonitoredMetric), options.MonitoredMetric)
            .Require(
                options.ClassNames is null or { Count: >= 1 and <= 255 },
                $"ClassNames must hold 1 to 255 names; it holds {options.ClassNames?.Count}."
            )
            .Require(
                options.ClassNames is null || options.ClassNames.All(name => !string.IsNullOrWhiteSpace(name)),
                "ClassNames holds an empty name."
            )
            .Require(
                options.ClassNames is null || options.ClassNames.Distinct().Count() == options.ClassNames.Count,
                "ClassNames holds a name twice."
            )
            .Require(
                options.IgnoreIndex is null or (>= 0 and <= 255),
                $"IgnoreIndex must be 0 to 255 or null; it is {options.IgnoreIndex}."
            )
            .Require(
                options.ClassWeights?.ColumnName is null,
                "ClassWeights cannot come from a column: rows have many classes. Give numbers or \"balanced\"."
            )
            .Require(
                options.ImageWidth is null == options.ImageHeight is null,
                "ImageWidth and ImageHeight belong together: set both or none."
            )
            .Require(options.CropWidth is null == options.CropHeight is null, "CropWidth and CropHeight belong together: set both or none.")
            .Size(nameof(options.ImageWidth), options.ImageWidth)
            .Size(nameof(options.ImageHeight), options.ImageHeight)
            .Size(nameof(options.CropWidth), options.CropWidth)
            .Size(nameof(options.CropHeight), options.CropHeight)
            .Given(nameof(options.Augmentation), options.Augmentation)
            .Valid(nameof(options.Augmentation), options.Augmentation)
            .Require(
                options.Augmentation is not { Mixes: true },
                "Augmentation uses Mixup or CutMix, which mix classes; masks cannot be mixed."
            )
            .AtLeast(nameof(options.TileOverlap), options.TileOverlap, 0)
            .Require(
                options.PredictionPixels >= SmallestTile * SmallestTile,
                $"PredictionPixels must be {SmallestTile * SmallestTile} or more; it is {options.PredictionPixels}."
            )
            .Require(
                Math.Sqrt(Math.Max(0, options.PredictionPixels)) - 2.0 * options.TileOverlap >= SmallestTile / 2,
                $"TileOverlap is {options.TileOverlap} on every side of a tile, and PredictionPixels, {options.PredictionPixels}, leaves too little in between. Raise PredictionPixels or lower TileOverlap."
            )
            .ThrowIfAny(nameof(options));
    }

    /// <summary>What only the network can tell.</summary>
    internal static void Validate(Options options, SegmentationNetwork network) =>
        new OptionChecks("SemanticSegmentation")
            .Layers(options, network)
            .Require(
                SegmentationLosses.TooDeep(options.Loss, network.MostSideHeads) is not { } deep,
                $"Loss: a DeepSupervision has weights for more scales than the {network.MostSideHeads + 1} of {network.Shape}. Give at most {network.MostSideHeads + 1} weights, or take another Architecture or Backbone."
            )
            .ThrowIfAny(nameof(options));
}
