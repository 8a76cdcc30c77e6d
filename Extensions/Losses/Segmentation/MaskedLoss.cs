using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// The inner loss on the pixels inside a mask: pixels outside count nowhere, in no sum, mean or distance map, as if their target were the inner loss's
/// IgnoreIndex. Inputs: those of the inner loss and <c>mask</c> [N, ...] or [N, 1, ...], bool or numbers, nonzero inside. The inner loss, or every term of an inner sum,
/// must have an IgnoreIndex, and one and the same. (MONAI's <c>MaskedDiceLoss</c> masks the logits before the sigmoid instead: pixels outside then count with p = 0.5.)
/// </summary>
[LossGuide(
    "the inner loss over the pixels of a mask",
    Use = "partly annotated images, regions of interest, padding",
    Avoid = "multiplying logits by a mask: they then predict one half",
    Cost = "one pass over the targets",
    Paper = "none: any mean over a part"
)]
[DefinitionExample("Masked(inner: Dice())")]
public sealed record MaskedLoss : SegmentationLoss
{
    /// <summary>The loss inside the mask.</summary>
    public required SegmentationLoss Inner { get; init; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> RequiredInputs => [.. Inner.RequiredInputs, "mask"];

    /// <inheritdoc/>
    public override IReadOnlyList<string> OptionalInputs => Inner.OptionalInputs;

    /// <inheritdoc/>
    protected internal override TargetForms TargetForms => Inner.TargetForms;

    /// <inheritdoc/>
    protected internal override long? IgnoredTarget => Ignored(Inner);

    /// <inheritdoc/>
    protected internal override IEnumerable<(string Name, Loss Loss)> InnerLosses => [("inner", Inner)];

    /// <inheritdoc/>
    protected internal override void Validate()
    {
        Inner.Validate();
        if (Ignored(Inner) is null)
            throw new ArgumentException(
                $"Masked: {Inner.Name} cannot leave pixels out; the inner loss, or every term of an inner sum, needs one and the same IgnoreIndex.",
                nameof(Inner)
            );
    }

    /// <inheritdoc/>
    protected internal override LossTerms ComputeTerms(LossCall call) => Inside(call).Terms();

    internal override LossTerms? ComputeRowSums(LossCall call)
    {
        var inside = Inside(call);
        return inside.RowSums() ?? inside.Terms();
    }

    // The call of the inner loss.
    private LossCall Inside(LossCall call)
    {
        var (targets, mask) = (call["targets"], call["mask"]);
        using var outside = mask.eq(0);
        var places = outside;
        if (outside.dim() == targets.dim() - 1)
            places = outside.unsqueeze(1);
        else if (outside.dim() == targets.dim() + 1 && outside.shape[1] == 1)
            places = outside.squeeze(1);
        if (!Fits(places.shape, targets.shape))
            throw Shapes.Wrong(this, "mask", mask, $"[N, ...] over the pixels of targets {Shapes.Text(targets)}");
        var kept = targets.is_floating_point() ? targets : targets.to(ScalarType.Int64);
        var masked = kept.masked_fill(places, IgnoredTarget!.Value);
        return call.Inner("inner", call.Inputs.With(("targets", masked)));
    }

    private static bool Fits(long[] mask, long[] targets) =>
        mask.Length == targets.Length
        && mask.Zip(targets).Select((size, axis) => size.First == size.Second || (axis == 1 && size.First == 1)).All(fits => fits);

    private static long? Ignored(SegmentationLoss loss)
    {
        if (loss is not ISumLoss sum)
            return loss.IgnoredTarget;
        var all = sum.Terms.Select(term => (term.Loss as SegmentationLoss)?.IgnoredTarget).Distinct().ToArray();
        return all.Length == 1 ? all[0] : null;
    }
}
