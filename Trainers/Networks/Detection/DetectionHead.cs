using MLNetLosses.Losses;

namespace MLNetLosses.Networks;

/// <summary>What a detector's head tells of a box besides its class.</summary>
public enum BoxQuality
{
    /// <summary>Nothing: the score is that of the class.</summary>
    None,

    /// <summary>How near the middle of its object it was found from: sqrt(min(l, r) / max(l, r) min(t, b) / max(t, b)). Tian et al. 2019 (FCOS).</summary>
    Centerness,

    /// <summary>Its intersection over union with the object. Wu et al. 2020 (IoU-aware RetinaNet).</summary>
    IoU,
}

/// <summary>
/// The head of a detector on a feature pyramid: two branches of convolutions, shared by all levels, one for classes and one for boxes. Where
/// <see cref="Quality"/> is told, a detection's score is sqrt(class score x quality).
/// </summary>
[DefinitionKind("head", "Head")]
public abstract record DetectionHead : Definition
{
    private protected DetectionHead() { }

    /// <summary>Channels of the pyramid and of the branches: 16 to 1024, a multiple of 16 (of 32 with <see cref="GroupNormalization"/>). Default 256.</summary>
    [Interval("[16, 1024]")]
    public int Channels
    {
        get;
        init => field = Valid(value);
    } = 256;

    /// <summary>3x3 convolutions of each branch before its last: 0 to 8. Default 4.</summary>
    [Interval("[0, 8]")]
    public int Convolutions
    {
        get;
        init => field = Valid(value);
    } = 4;

    /// <summary>Whether each of them is followed by group normalisation (32 groups).</summary>
    public bool GroupNormalization { get; init; }

    /// <summary>The score that every place starts with: the last bias is -ln((1 - p) / p). Above 0, below 1. Default 0.01.</summary>
    [Interval("(0, 1)")]
    public double PriorProbability
    {
        get;
        init => field = Valid(value);
    } = 0.01;

    /// <summary>What is told of a box besides its class.</summary>
    public BoxQuality Quality
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>Reads a head from its text form, such as <c>RetinaNet(channels: 64)</c> or <c>Fcos</c>, or from JSON.</summary>
    /// <param name="text">The text.</param>
    /// <exception cref="FormatException">No such head or option, or a value out of range; the message lists what is allowed.</exception>
    public static DetectionHead Parse(string text)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(text);
        text = text.Trim();
        if (text.StartsWith('{'))
            return (DetectionHead)DefinitionJson.Deserialize(text, typeof(DetectionHead));
        return (DetectionHead)DefinitionText.Parse(text.Contains('(') ? text : text + "()", typeof(DetectionHead));
    }

    /// <summary>How anchors find their objects where the trainer's options do not say.</summary>
    internal abstract AnchorMatching DefaultMatching { get; }

    /// <summary>How the numbers of the box branch become boxes.</summary>
    internal abstract BoxCoder Coder { get; }

    /// <summary>Anchors at each place of a map.</summary>
    internal abstract int AnchorsPerPlace { get; }

    /// <summary>Width and height of the anchors of a level around their places, as x0, y0, x1, y1.</summary>
    internal abstract float[] CellAnchors(int stride);

    /// <inheritdoc/>
    protected internal override void Validate()
    {
        var divisor = GroupNormalization ? 32 : 16;
        if (Channels % divisor != 0)
            throw new ArgumentException($"{Name}: {nameof(Channels)} must be a multiple of {divisor}; it is {Channels}.", nameof(Channels));
    }
}

/// <summary>
/// RetinaNet (Lin et al. 2017): several anchors a place, boxes as offsets from them. Names, first values and anchors are torchvision's: with one difference,
/// there is no output for background.
/// </summary>
public sealed record RetinaNetHead : DetectionHead
{
    /// <summary>The side of the smallest anchor of a level, in strides of its map: above 0, at most 64. Default 4: 32 pixels on the finest map.</summary>
    [Interval("(0, 64]")]
    public double AnchorScale
    {
        get;
        init => field = Valid(value);
    } = 4;

    /// <summary>Sizes of anchors between one level and the next: side 2^(i / n). 1 to 8. Default 3.</summary>
    [Interval("[1, 8]")]
    public int ScalesPerLevel
    {
        get;
        init => field = Valid(value);
    } = 3;

    /// <summary>Height over width of the anchors: above 0, one or more. Default 0.5, 1, 2.</summary>
    [Interval("[0.01, 100]")]
    public ValueList<double> AspectRatios
    {
        get;
        init => field = Valid(value);
    } = [0.5, 1, 2];

    /// <summary>What the offsets of x, y, width and height are multiplied by: four numbers above 0. Default 1, 1, 1, 1.</summary>
    [Interval("(0, inf)")]
    public ValueList<double> BoxWeights
    {
        get;
        init => field = Valid(value);
    } = [1, 1, 1, 1];

    internal override AnchorMatching DefaultMatching => new IoUMatching();

    internal override BoxCoder Coder => new OffsetCoder([.. BoxWeights.Select(weight => (float)weight)]);

    internal override int AnchorsPerPlace => ScalesPerLevel * AspectRatios.Count;

    internal override float[] CellAnchors(int stride)
    {
        var anchors = new List<float>();
        var side = AnchorScale * stride;
        foreach (var ratio in AspectRatios)
        {
            var tall = MathF.Sqrt((float)ratio);
            var wide = 1 / tall;
            for (var i = 0; i < ScalesPerLevel; i++)
            {
                var scale = (float)Math.Max(1, Math.Truncate(side * Math.Pow(2, (double)i / ScalesPerLevel)));
                var (x, y) = (MathF.Round(wide * scale / 2), MathF.Round(tall * scale / 2));
                anchors.AddRange([-x, -y, x, y]);
            }
        }
        return [.. anchors];
    }

    /// <inheritdoc/>
    protected internal override void Validate()
    {
        base.Validate();
        if (AspectRatios.Count == 0)
            throw new ArgumentException($"{Name}: {nameof(AspectRatios)} must hold at least one ratio.", nameof(AspectRatios));
        if (BoxWeights.Count != 4)
            throw new ArgumentException(
                $"{Name}: {nameof(BoxWeights)} must hold four numbers, for x, y, width and height; it holds {BoxWeights.Count}.",
                nameof(BoxWeights)
            );
    }
}

/// <summary>
/// FCOS (Tian et al. 2019): no anchors but the places themselves; a box is told by the distances of its sides from the place, in strides. Names, first values,
/// places and ranges are torchvision's: with one difference, there is no output for background.
/// </summary>
public sealed record FcosHead : DetectionHead
{
    /// <summary>Group normalisation and centre-ness, as published.</summary>
    public FcosHead() => (GroupNormalization, Quality) = (true, BoxQuality.Centerness);

    /// <summary>
    /// Tells the distance of a side as a distribution over so many bins, which stand for 0, 1, 2, ... strides: the distance is its mean, and none is longer than the last
    /// bin's. Li et al. 2020 (generalized focal loss), with 17. 2 to 256. Null (the default): as a number.
    /// </summary>
    [Interval("[2, 256]")]
    public int? DistributionBins
    {
        get;
        init => field = Valid(value);
    }

    internal override AnchorMatching DefaultMatching => new CenterMatching();

    internal override BoxCoder Coder => DistributionBins is { } bins ? new DistributionCoder(bins) : DistanceCoder.Instance;

    internal override int AnchorsPerPlace => 1;

    internal override float[] CellAnchors(int stride)
    {
        var half = MathF.Max(1, MathF.Round(stride / 2f));
        return [-half, -half, half, half];
    }
}
