using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>A segmentation loss that measures distances between pixels, in one, two or three spatial axes or more.</summary>
public abstract record DistanceLoss : WeightedMaskLoss
{
    private protected DistanceLoss() { }

    /// <summary>The distance of neighbouring pixels along each spatial axis, such as [3, 1, 1] for thick slices [D, H, W]. Null (default): 1, distances in pixels.</summary>
    [Interval("(0, inf)")]
    public ValueList<double>? Spacing
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>The name of the input that holds the maps of this loss, for sums whose losses read different ones: of the usual name, and what the maps depend on.</summary>
    internal abstract string MapName { get; }

    /// <summary>The maps that the loss makes of the targets.</summary>
    internal abstract Tensor MapsOf(Tensor targets, int classCount, bool labels);

    /// <summary>Maps that were made before.</summary>
    private protected Tensor? GivenMaps(LossCall call) => call.Optional(MapName) ?? call.Optional(OptionalInputs[0]);

    private protected string NameOf(string input, params ReadOnlySpan<object> options) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{input}.{Name}({string.Join(", ", options)}, {IgnoreIndex}, [{string.Join(", ", Spacing ?? [])}])"
        );

    private protected void CheckSpacing(Tensor logits)
    {
        var axes = (int)logits.dim() - 2;
        if (axes < 1)
            throw Shapes.Wrong(this, "logits", logits, "[N, C, ...] with at least one spatial axis");
        if (Spacing is not null && Spacing.Count != axes)
            throw new ArgumentException(
                $"{Name}: Spacing has {Spacing.Count} entries; the logits have {axes} spatial axes.",
                nameof(Spacing)
            );
    }
}

/// <summary>A loss a pixel and class [N, C', ...] that is made of distances to the borders of the true classes.</summary>
public abstract record BorderDistanceLoss : DistanceLoss
{
    private protected BorderDistanceLoss() { }

    /// <summary>True keeps class 0 of a softmax. Default false: foreground only.</summary>
    public bool IncludeBackground { get; init; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> OptionalInputs => ["distanceMaps"];

    /// <summary>
    /// The maps that the loss makes of the targets at every step; a data pipeline may make them once an image and give them as the input <c>distanceMaps</c>.
    /// </summary>
    /// <param name="targets">int64 [N, ...] or, with <paramref name="labels"/>, [N, C, ...] of 0/1.</param>
    /// <param name="classCount">C, the number of the network's outputs.</param>
    /// <param name="labels">Whether the targets are labels.</param>
    /// <returns>[N, C', ...] of Float32, C' = C, or C - 1 where the background is left out.</returns>
    /// <exception cref="ArgumentException">The targets do not fit.</exception>
    public Tensor DistanceMaps(Tensor targets, int classCount, bool labels = false)
    {
        ArgumentNullException.ThrowIfNull(targets);
        ArgumentOutOfRangeException.ThrowIfLessThan(classCount, 1);
        using var scope = NewDisposeScope();
        long[] shape = [targets.shape[0], classCount, .. targets.shape.AsSpan(labels ? 2 : 1)];
        var logits = zeros(1, device: targets.device).expand(shape);
        using var function = Build();
        var call = new LossCall(function, new LossInputs { ["logits"] = logits, ["targets"] = targets });
        CheckSpacing(logits);
        var read = ClassTargets.Read(this, call);
        return MapsOf(Losses.DistanceMaps.Masks(read, First(read)), ScalarType.Float32).MoveToOuterDisposeScope();
    }

    internal override string MapName => NameOf("distanceMaps", IncludeBackground);

    internal override Tensor MapsOf(Tensor targets, int classCount, bool labels) => DistanceMaps(targets, classCount, labels);

    private protected abstract Tensor MapsOf(Tensor masks, ScalarType dtype);

    /// <summary>What the penalty is multiplied by, without gradient; it may overwrite the maps.</summary>
    private protected abstract Tensor Field(Tensor probabilities, ClassTargets targets, Tensor maps, int first);

    /// <summary>The part of the formula that has a gradient.</summary>
    private protected abstract Tensor Penalty(Tensor probabilities, ClassTargets targets, int first);

    private int First(ClassTargets targets) => !IncludeBackground && PixelScores.HaveBackground(targets) ? 1 : 0;

    private protected Tensor Cut(Tensor values, int first) => first == 0 ? values : values.narrow(1, first, values.shape[1] - first);

    /// <summary>The power of the distances of a formula with (p - y)^2 that knows the predicted borders too; null: with p and the signed distance.</summary>
    private protected abstract double? Power { get; }

    internal override LossTerms? ComputeRowSums(LossCall call)
    {
        var (logits, given) = (call["logits"], call["targets"]);
        if (logits.device_type != DeviceType.CPU)
            return null;
        var targets = ClassTargets.Read(this, call);
        CheckSpacing(logits);
        _ = Weights(targets.ClassCount, logits, call); // their number is checked
        var first = First(targets);
        var (images, classes, pixels) = (logits.shape[0], logits.shape[1], PixelScores.PixelCount(logits));
        var maps = GivenMaps(call, logits, first)?.detach().to(logits.dtype, logits.device).reshape(images, classes - first, pixels);
        var shape = logits.shape.AsSpan(2).ToArray().Select(size => checked((int)size)).ToArray();
        var steps = DistanceTransform.Steps(Spacing, shape.Length, nameof(Spacing));
        var options = new BorderField.Options(this, IgnoredTarget, first, shape, steps, Power, maps, ClassWeights);
        if (targets.AreIndices)
        {
            var sums = BorderField.Of(logits, targets.Raw.reshape(images, pixels), options);
            var valid = targets.WeightsIfIgnoring(logits)?.reshape(images, pixels).sum(1) ?? full_like(sums, pixels).detach();
            return new(sums, valid * (ClassWeights?.Skip(first).Sum() ?? classes - first)) { Weighted = true };
        }
        // Labels: each channel is a binary image.
        var channels = (
            given.is_floating_point() && Power is not null
                ? OfSoftLabels(logits, targets, maps)
                : BorderField.Of(
                    logits,
                    given.reshape(images * classes, pixels),
                    options with
                    {
                        Maps = maps?.reshape(images * classes, 1, pixels),
                        ClassWeights = null,
                    }
                )
        ).reshape(images, classes);
        var counted = targets.WeightsIfIgnoring(logits)?.reshape(images, classes, pixels).sum(2) ?? full_like(channels, pixels).detach();
        if (Weights(targets.ClassCount, logits, call) is { } weights)
            (channels, counted) = (channels * weights, counted * weights);
        return new(channels.sum(1), counted.sum(1)) { Weighted = true };
    }

    // The sum of each channel [N C]: the field is made channel by channel and kept, what depends on the logits is made again for the gradient.
    private Tensor OfSoftLabels(Tensor logits, ClassTargets targets, Tensor? maps)
    {
        long[] shape = [logits.shape[0] * logits.shape[1], 1, .. logits.shape.AsSpan(2)];
        var (planes, labels) = (logits.reshape(shape), targets.Raw.reshape(shape));
        var length = PartByPart.Length(planes);
        var field = empty(shape, logits.dtype);
        using (no_grad())
            for (var from = 0L; from < shape[0]; from += length)
            {
                using var scope = NewDisposeScope();
                Tensor Part(Tensor of) => of.narrow(0, from, Math.Min(length, shape[0] - from));
                var part = targets.Part(Part(labels));
                var known = maps is null ? MapsOf(Losses.DistanceMaps.Masks(part, 0), logits.dtype) : Part(maps.reshape(shape)).clone();
                var of = Field(Part(planes).detach().sigmoid(), part, known, 0);
                if (part.WeightsIfIgnoring(of) is { } valid)
                    of.mul_(valid);
                Part(field).copy_(of);
            }
        return PartByPart.Of(
            planes,
            length,
            (part, others) => (Penalty(part.sigmoid(), targets.Part(others[0]), 0) * others[1]).flatten(1).sum(1),
            labels,
            field
        );
    }

    private Tensor? GivenMaps(LossCall call, Tensor logits, int first)
    {
        long[] shape = [logits.shape[0], logits.shape[1] - first, .. logits.shape.AsSpan(2)];
        var maps = GivenMaps(call);
        if (maps is not null && !maps.shape.AsSpan().SequenceEqual(shape))
            throw Shapes.Wrong(this, "distanceMaps", maps, $"[{string.Join(", ", shape)}], as DistanceMaps makes them");
        return maps;
    }

    /// <inheritdoc/>
    protected override LossTerms Score(Tensor logits, ClassTargets targets, LossCall call)
    {
        CheckSpacing(logits);
        var classWeights = Weights(targets.ClassCount, logits, call);
        var first = First(targets);
        var maps =
            GivenMaps(call, logits, first)?.detach().to(logits.dtype, logits.device, copy: true)
            ?? MapsOf(Losses.DistanceMaps.Masks(targets, first), logits.dtype);
        var valid = PixelScores.ValidByChannel(logits, targets);
        var weights = targets.AreIndices ? valid : Cut(valid, first);
        if (classWeights is not null)
            weights = weights * ClassScores.AlongClasses(classWeights.narrow(0, first, classWeights.shape[0] - first), logits);
        var probabilities = PixelScores.Probabilities(logits, targets);
        var field = Field(probabilities.detach(), targets, maps, first).mul_(weights);
        return new(Penalty(probabilities, targets, first) * field, weights) { Weighted = true };
    }
}
