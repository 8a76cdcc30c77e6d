using System.Globalization;
using System.Text.RegularExpressions;
using MLNetLosses.Networks;

namespace MLNetLosses;

/// <summary>Loads published or saved weights into a detector: those of a whole detector, or those of its backbone alone.</summary>
internal static partial class DetectionWeights
{
    private const string Body = "backbone.body.";
    private const string ClassLayer = "head.classification_head.cls_logits";

    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file is damaged or belongs to another network.</exception>
    public static WeightReport Load(DetectionNetwork network, string path)
    {
        using var file = TensorFile.Read(path);
        var body = network.Body;
        if (!file.Tensors.Keys.Any(name => name.StartsWith(Body, StringComparison.Ordinal)))
            return WeightLoader.Load(body, $"{body.Backbone}", body.HeadName, body.StemName, file);
        var old = file.Tensors.ContainsKey("backbone.fpn.inner_blocks.0.weight") && network.Shape.Head is RetinaNetHead;
        return WeightLoader.Load(
            network,
            $"a detector on {body.Backbone} with {network.Shape.Head}",
            ClassLayer,
            Body + body.StemName,
            file,
            old ? Renamed : PyramidRenamed
        );
    }

    // torchvision's first RetinaNet had the layers one level higher: conv.0, conv.2, ... beside their activations.
    private static string Renamed(string name) =>
        HeadLayer()
            .Replace(
                PyramidRenamed(name),
                match =>
                    $"{match.Groups[1].Value}.{(int.Parse(match.Groups[2].ValueSpan, CultureInfo.InvariantCulture) / 2).ToString(CultureInfo.InvariantCulture)}.0.{match.Groups[3].Value}"
            );

    private static string PyramidRenamed(string name) => PyramidLayer().Replace(name, "$1.0.$2");

    [GeneratedRegex(@"^(head\.(?:classification|regression)_head\.conv)\.(\d+)\.(weight|bias)$")]
    private static partial Regex HeadLayer();

    [GeneratedRegex(@"^(backbone\.fpn\.(?:inner|layer)_blocks\.\d+)\.(weight|bias)$")]
    private static partial Regex PyramidLayer();
}
