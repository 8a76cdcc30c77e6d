using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>What <see cref="FeatureMatchingLoss"/> compares.</summary>
public enum FeatureMatchingKind
{
    /// <summary>Sample by sample: sum_l LayerWeights_l mean d(a, b) (pix2pixHD).</summary>
    PerSample,

    /// <summary>The batches' means: sum_l LayerWeights_l mean d(mean_n a, mean_n b) (Salimans); the batches need not be paired or of one size.</summary>
    BatchMean,
}

/// <summary>
/// Features of the discriminator on fakes (<c>predictedFeatures0</c>..) and reals (<c>targetFeatures0</c>.., best detached), [N, ...] a layer. BatchMean: <c>sum</c>
/// sums over features, <c>none</c> throws. Wang et al. 2018 eq 4 (its lambda is 10, its code averages over layers and discriminators); Salimans et al. 2016
/// section 3.1 (its squared norm is the feature count times our mean).
/// </summary>
[LossGuide(
    "Σ_l w_l mean d(D_l(fake), D_l(real))",
    Use = "a steadier signal for a generator, beside the adversarial loss",
    Avoid = "PerSample with unpaired batches; training the discriminator through this term",
    Cost = "one pass a layer",
    Paper = "Wang et al. 2018, Salimans et al. 2016"
)]
public sealed record FeatureMatchingLoss : GenerationLoss
{
    /// <summary>What is compared. Default PerSample.</summary>
    public FeatureMatchingKind Kind
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>d. Default L1; Salimans: L2.</summary>
    public PixelDistance Distance
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>One weight a layer, &gt;= 0; null (the default): 1.</summary>
    [Interval("[0, inf)")]
    public ValueList<double>? LayerWeights
    {
        get;
        init => field = Valid(value);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> RequiredInputs => ["predictedFeatures0", "targetFeatures0"];

    /// <inheritdoc/>
    protected internal override LossTerms ComputeTerms(LossCall call)
    {
        var layers = FeatureLayers.Read(this, call);
        return Kind == FeatureMatchingKind.PerSample ? PerSample(layers) : BatchMean(layers);
    }

    private LossTerms PerSample(List<(Tensor Predicted, Tensor Target)> layers)
    {
        Tensor? total = null;
        for (var l = 0; l < layers.Count; l++)
        {
            var (a, b) = layers[l];
            Shapes.Same(this, $"predictedFeatures{l}", a, $"targetFeatures{l}", b);
            var term = FeatureLayers.Weight(this, LayerWeights, l, layers.Count) * ImageArithmetic.MeanOfEach(Distance.Between(a, b));
            total = total is null ? term : total + term;
        }
        return new(total!);
    }

    private LossTerms BatchMean(List<(Tensor Predicted, Tensor Target)> layers)
    {
        var groups = new List<LossTerms>();
        for (var l = 0; l < layers.Count; l++)
        {
            var (a, b) = layers[l];
            if (a.dim() != b.dim() || !a.shape.AsSpan(1).SequenceEqual(b.shape.AsSpan(1)))
                throw new ArgumentException(
                    $"{Name}: predictedFeatures{l} {Shapes.Text(a)} and targetFeatures{l} {Shapes.Text(b)} must have the same shape but for the batch.",
                    $"predictedFeatures{l}"
                );
            var values = FeatureLayers.Weight(this, LayerWeights, l, layers.Count) * Distance.Between(a.mean([0]), b.mean([0]));
            groups.Add(new(values) { ByRow = false });
        }
        return new(groups[0].Values)
        {
            More = groups[1..],
            ByRow = false,
            HasNone = false,
        };
    }
}
