using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// sum_i Weights[i] inner(logits_i, targets resized to logits_i), for networks with outputs at several scales. Inputs <c>logits0</c> (the finest), <c>logits1</c>, ... each
/// [N, C, ...]; <c>targets</c> (and <c>mask</c>, where the inner loss reads one) at the finest size. Targets are resized by picking pixel
/// floor((i + 0.5) H / h), torch's <c>nearest-exact</c>, so that labels and the ignore index survive; maps of
/// the targets (<c>distanceMaps</c>, <c>borderMap</c>) serve outputs of the finest size, the inner loss makes its own for the others. One value; reduction None gives it too.
/// Follows MONAI's <c>DeepSupervisionLoss</c>; nnU-Net's weights are 2^-i normalised to 1 with 0 for the coarsest.
/// </summary>
[LossGuide(
    "Σ wᵢ inner(logitsᵢ, targets at scale i)",
    Use = "U-Nets with outputs at several depths",
    Avoid = "losses on absolute distances (Boundary): their scale changes with the size",
    Cost = "the inner loss at each scale",
    Paper = "Lee et al. 2015"
)]
[DefinitionExample("DeepSupervision(inner: Dice())")]
public sealed record DeepSupervisionLoss : SegmentationLoss
{
    private const int MostScales = 10;
    private static readonly string[] MapInputs = ["distanceMaps", "borderMap"];

    /// <summary>The loss at each scale.</summary>
    public required SegmentationLoss Inner { get; init; }

    /// <summary>The weight of each scale from the finest on, at least as many as scales; not normalised. Null (default): max(0.5^i, 0.0625).</summary>
    [Interval("[0, inf)")]
    public ValueList<double>? Weights
    {
        get;
        init => field = Valid(value);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> RequiredInputs => ["logits0", .. Inner.RequiredInputs.Where(name => name != "logits")];

    /// <inheritdoc/>
    public override IReadOnlyList<string> OptionalInputs => [.. Enumerable.Range(1, MostScales - 1).Select(i => $"logits{i}")];

    /// <inheritdoc/>
    protected internal override TargetForms TargetForms => Inner.TargetForms;

    /// <inheritdoc/>
    protected internal override long? IgnoredTarget => Inner.IgnoredTarget;

    /// <inheritdoc/>
    protected internal override IEnumerable<(string Name, Loss Loss)> InnerLosses => [("inner", Inner)];

    /// <inheritdoc/>
    protected internal override void Validate()
    {
        Inner.Validate();
        if (Inner.RequiredInputs.Contains("logits0"))
            throw new ArgumentException(
                "DeepSupervision: Inner compares outputs at several scales itself, but is shown one scale at a time. Add the losses instead: a + DeepSupervision(inner: b).",
                nameof(Inner)
            );
    }

    /// <inheritdoc/>
    protected internal override LossTerms ComputeTerms(LossCall call)
    {
        var scales = new List<Tensor> { call["logits0"] };
        while (call.Optional($"logits{scales.Count}") is { } next)
            scales.Add(next);
        if (Weights is not null && Weights.Count < scales.Count)
            throw new ArgumentException(
                $"DeepSupervision: Weights has {Weights.Count} entries for {scales.Count} scales; give one a scale or null.",
                nameof(Weights)
            );
        Tensor? total = null;
        for (var i = 0; i < scales.Count; i++)
        {
            var weight = Weights?[i] ?? Math.Max(Math.Pow(0.5, i), 0.0625);
            var value = call.Inner("inner", At(call, scales[i], scales[0])).Evaluate() * weight;
            total = total is null ? value : total + value;
        }
        return LossTerms.Single(total!);
    }

    private LossInputs At(LossCall call, Tensor logits, Tensor finest)
    {
        if (logits.dim() != finest.dim() || !logits.shape.AsSpan(0, 2).SequenceEqual(finest.shape.AsSpan(0, 2)))
            throw new ArgumentException(
                $"DeepSupervision: every scale must be [N, C, ...] with the same N and C; logits0 is {Shapes.Text(finest)}, another {Shapes.Text(logits)}.",
                "logits"
            );
        var inputs = new LossInputs { ["logits"] = logits };
        foreach (var (name, tensor) in call.Inputs)
            if (name is "targets" or "mask")
                inputs[name] = Resize(tensor, logits.shape.AsSpan(2));
            else if (MapInputs.Contains(name.Split('.')[0]) && !logits.shape.AsSpan(2).SequenceEqual(finest.shape.AsSpan(2)))
                continue; // distances of another size
            else if (!name.StartsWith("logits", StringComparison.Ordinal))
                inputs[name] = tensor;
        return inputs;
    }

    // The last axes are spatial, for indices [N, ...] as for labels [N, C, ...].
    private static Tensor Resize(Tensor input, ReadOnlySpan<long> sizes)
    {
        if (input.dim() <= sizes.Length)
            return input; // of a wrong rank: the inner loss says so
        for (var k = 1; k <= sizes.Length; k++)
        {
            var (axis, size) = (input.dim() - k, sizes[^k]);
            var full = input.shape[axis];
            if (size == full || full == 0)
                continue;
            var picked = Enumerable.Range(0, (int)size).Select(i => (2L * i + 1) * full / (2 * size)).ToArray();
            input = input.index_select(axis, tensor(picked, device: input.device));
        }
        return input;
    }
}
