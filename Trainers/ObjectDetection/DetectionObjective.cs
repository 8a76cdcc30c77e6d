using MLNetLosses.Losses;
using MLNetLosses.Networks;
using static TorchSharp.torch;

namespace MLNetLosses;

/// <summary>The loss of a detector: a sum whose terms look at different outputs of the head.</summary>
internal sealed record DetectionObjective : Loss, ISumLoss
{
    public const string Classification = "classification";
    public const string Boxes = "boxes";
    public const string Distributions = "distributions";
    public const string Quality = "quality";

    public override string Name => SumComposition.JsonName;

    public ValueList<WeightedLoss> Terms { get; init; } = [];

    public override IReadOnlyList<string> RequiredInputs => [];

    protected internal override IEnumerable<(string Name, Loss Loss)> InnerLosses => SumComposition.Inner(Terms);

    /// <summary>The terms of the losses on classes and boxes, and of those on distributions and quality where the head tells them; each is named after its part.</summary>
    public static DetectionObjective Of(ObjectDetectionTrainer.Options options)
    {
        var byImage = options.LossNormalization == DetectionNormalization.Image;
        List<WeightedLoss> terms =
        [
            .. Part(Classification, options.ClassificationLoss.Loss, options.ClassificationLossWeight, byImage),
            .. Part(Boxes, options.BoxLoss.Loss, options.BoxLossWeight, byImage),
        ];
        if (options.UsedDistributionLoss is { } loss)
            terms.AddRange(Part(Distributions, loss, options.DistributionLossWeight, byImage));
        if (options.Head.Quality != BoxQuality.None)
            terms.AddRange(Part(Quality, new BinaryCrossEntropyLoss(), options.QualityLossWeight, byImage));
        return new() { Terms = [.. terms] };
    }

    protected internal override void Validate() => SumComposition.Validate(Terms);

    protected internal override LossTerms ComputeTerms(LossCall call) => SumComposition.Terms(this, call);

    private static IEnumerable<WeightedLoss> Part(string part, Loss loss, double weight, bool byImage)
    {
        var terms = DetectorClassificationLoss.Terms(loss);
        foreach (var term in terms)
            yield return term with
            {
                Name = loss is ISumLoss ? $"{part}_{term.Name}" : part,
                Weight = weight * term.Weight,
                Loss = new DetectionTerm
                {
                    Part = part,
                    Loss = term.Loss,
                    ByImage = byImage,
                },
            };
    }
}

/// <summary>
/// A loss on one part of a detector's outputs. Its inputs are those whose names begin with the part's; its value is their sum divided as
/// <see cref="DetectionNormalization"/> says.
/// </summary>
internal sealed record DetectionTerm : Loss
{
    /// <summary>The input that takes the place of the targets where the overlap of the predicted box is compared.</summary>
    public const string QualityTargets = "qualityTargets";

    /// <summary>Whether the targets of a positive are the overlap of its predicted box with its object instead of 1.</summary>
    public static bool ComparesQualities(Loss loss) => loss is VariFocalLoss or QualityFocalLoss or RankSortLoss;

    public required string Part { get; init; }

    public required Loss Loss { get; init; }

    public bool ByImage { get; init; }

    public override IReadOnlyList<string> RequiredInputs => [];

    protected internal override IEnumerable<(string Name, Loss Loss)> InnerLosses => [("loss", Loss)];

    protected internal override LossTerms ComputeTerms(LossCall call)
    {
        var inputs = new LossInputs();
        foreach (var (name, tensor) in call.Inputs)
            if (name.StartsWith(Part, StringComparison.Ordinal) && name[Part.Length] == '.')
                inputs[name[(Part.Length + 1)..]] = tensor;
        if (Part == DetectionObjective.Classification && ComparesQualities(Loss))
            inputs["targets"] = inputs[QualityTargets];
        var inner = call.Inner("loss", inputs);
        // These divide by the number of positives themselves, and have faster ways to do so.
        if (!ByImage && Loss is DenseDetectionLoss or BoxLoss)
            return LossTerms.Single(inner.Evaluate());
        return LossTerms.Single(inner.Evaluate(Reduction.Sum) * call["scale"]);
    }

    protected internal override void Validate() => Loss.Validate();
}
