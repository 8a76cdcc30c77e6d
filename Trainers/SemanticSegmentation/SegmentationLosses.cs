using MLNetLosses.Data;
using MLNetLosses.Losses;
using static TorchSharp.torch;

namespace MLNetLosses;

/// <summary>The loss of a segmentation trainer, made to fit its data: what is ignored, class weights, and the inputs that are made of masks.</summary>
internal static class SegmentationLosses
{
    private const int UsualSideHeads = 2;

    /// <summary>What losses ignore unless they are told otherwise.</summary>
    private const long Usual = -100;

    /// <summary>The inputs that the trainer gives; further ones are maps of the targets.</summary>
    private static readonly string[] Given = ["logits", "targets", "logits0"];

    /// <summary>The terms of a sum, or the loss itself.</summary>
    public static IEnumerable<Loss> TermsOf(Loss loss) => loss is ISumLoss sum ? sum.Terms.Select(term => term.Loss) : [loss];

    /// <summary>The losses that hold no other, in sums and within other losses.</summary>
    private static IEnumerable<Loss> Leaves(Loss loss) =>
        loss.InnerLosses.Any() ? loss.InnerLosses.SelectMany(inner => Leaves(inner.Loss)) : [loss];

    /// <summary>Whether a loss compares outputs at several scales.</summary>
    public static bool IsSupervisedDeeply(Loss loss) => loss.RequiredInputs.Contains("logits0");

    /// <summary>At how many scales beside the finest outputs are wanted: as many as weights say, else the usual number.</summary>
    public static int SideHeads(Loss loss) =>
        IsSupervisedDeeply(loss) ? Deep(loss).Select(deep => WeighedSides(deep) ?? UsualSideHeads).DefaultIfEmpty(UsualSideHeads).Max() : 0;

    /// <summary>A deep supervision whose weights name a scale that the network has no output at; null: there is none.</summary>
    /// <param name="loss">The loss.</param>
    /// <param name="most">At how many coarser scales the network can have outputs.</param>
    public static DeepSupervisionLoss? TooDeep(Loss loss, int most) => Deep(loss).FirstOrDefault(deep => WeighedSides(deep) > most);

    private static IEnumerable<DeepSupervisionLoss> Deep(Loss loss) =>
        loss is DeepSupervisionLoss deep ? [deep] : loss.InnerLosses.SelectMany(inner => Deep(inner.Loss));

    /// <summary>The last scale with a weight; null without weights.</summary>
    private static int? WeighedSides(DeepSupervisionLoss deep) =>
        deep.Weights is { } weights ? Math.Max(0, weights.ToList().FindLastIndex(weight => weight > 0)) : null;

    /// <summary>What the trainer cannot give the loss; null: nothing.</summary>
    public static string? Missing(Loss loss)
    {
        foreach (var term in TermsOf(loss))
            if (term.RequiredInputs.Except(Given).FirstOrDefault() is { } input)
                return $"{term.Name} needs the input '{input}', which a segmentation trainer does not make.";
        const TargetForms masks = TargetForms.Indices | TargetForms.Labels;
        return Leaves(loss).OfType<SegmentationLoss>().FirstOrDefault(leaf => (leaf.TargetForms & masks) == 0) is { } other
            ? $"{other.Name} takes probabilities as targets, which masks are not."
            : null;
    }

    /// <summary>The loss with <see cref="SegmentationMask.Ignored"/> as ignored target in every part that has one.</summary>
    /// <param name="loss">The loss.</param>
    /// <param name="ignoreIndex">What the trainer was told to ignore.</param>
    /// <exception cref="ArgumentException">A part was told to ignore another target than the trainer.</exception>
    public static SegmentationLoss Ignoring(SegmentationLoss loss, int? ignoreIndex)
    {
        return (SegmentationLoss)Change(
            loss,
            part =>
                part switch
                {
                    MaskLoss mask => mask with { IgnoreIndex = Checked(mask, mask.IgnoreIndex) },
                    IndexedClassificationLoss indexed => indexed with { IgnoreIndex = Checked(indexed, indexed.IgnoreIndex) },
                    _ => part,
                }
        );

        long Checked(Loss part, long own) =>
            own is Usual or SegmentationMask.Ignored || own == ignoreIndex
                ? SegmentationMask.Ignored
                : throw new ArgumentException(
                    $"{part.Name} ignores {own}, the trainer {(ignoreIndex is { } told ? $"{told} and " : "")}{SegmentationMask.Ignored}: set IgnoreIndex of the trainer to {own}, and leave that of the loss."
                );
    }

    /// <summary>The loss with a weight of 0 for each scale that a deep supervision with weights does not name.</summary>
    public static SegmentationLoss WeighingScales(SegmentationLoss loss, int scales) =>
        (SegmentationLoss)Change(
            loss,
            part =>
                part is DeepSupervisionLoss { Weights: { } weights } deep && weights.Count < scales
                    ? deep with
                    {
                        Weights = [.. weights, .. Enumerable.Repeat(0.0, scales - weights.Count)],
                    }
                    : part
        );

    /// <summary>Whether every part can leave pixels out.</summary>
    public static string? CannotIgnore(Loss loss) =>
        TermsOf(loss).FirstOrDefault(term => term is SegmentationLoss { IgnoredTarget: null })?.Name;

    /// <summary>The loss with class weights in every part that takes them and has none.</summary>
    /// <param name="loss">The loss.</param>
    /// <param name="weights">One a class.</param>
    /// <param name="outputs">How many the network gives; one tells two classes apart, and is one region then, whose classes cannot be weighed.</param>
    /// <param name="weighed">The names of the parts that were weighed.</param>
    public static SegmentationLoss Weighing(
        SegmentationLoss loss,
        IReadOnlyList<double> weights,
        int outputs,
        out IReadOnlyList<string> weighed
    )
    {
        var names = new List<string>();
        var result = Change(
            loss,
            part =>
            {
                Loss changed = part switch
                {
                    RegionLoss { PoolClasses: true } => part,
                    RegionLoss or BorderDistanceLoss when outputs == 1 => part,
                    WeightedMaskLoss { ClassWeights: null } mask => mask with { ClassWeights = [.. weights] },
                    WeightedClassificationLoss { ClassWeights: null } weighted => weighted with { ClassWeights = [.. weights] },
                    _ => part,
                };
                if (!ReferenceEquals(changed, part))
                    names.Add(part.Name);
                return changed;
            },
            withinBalanced: false // it weighs its inner loss itself
        );
        weighed = names;
        return (SegmentationLoss)result;
    }

    /// <summary>The maps that losses read where they are given, so that readers make them ahead of the steps; of each kind one.</summary>
    public static IReadOnlyList<TargetMap> Maps(SegmentationLoss loss, int outputs, bool labels) =>
        [
            .. Leaves(loss)
                .OfType<DistanceLoss>()
                .DistinctBy(reader => reader.MapName)
                .Select(reader => new TargetMap(reader.MapName, targets => reader.MapsOf(targets, outputs, labels))),
        ];

    /// <summary>The parts that take no targets of a form: <see cref="TargetForms.Labels"/> where classes overlap, else <see cref="TargetForms.Indices"/>.</summary>
    public static IReadOnlyList<string> NotTaking(Loss loss, TargetForms form)
    {
        var names = new List<string>();
        Change(
            loss,
            part =>
            {
                if (part is SegmentationLoss { InnerLosses: var inner } leaf && !inner.Any() && !leaf.TargetForms.HasFlag(form))
                    names.Add(part.Name);
                return part;
            }
        );
        return names;
    }

    /// <param name="loss">The loss.</param>
    /// <param name="change">What to make of each part; inner parts come first.</param>
    /// <param name="withinBalanced">Whether the loss inside a ClassBalanced is changed, too.</param>
    private static Loss Change(Loss loss, Func<Loss, Loss> change, bool withinBalanced = true)
    {
        return change(
            loss switch
            {
                SegmentationSumLoss sum => sum with { Terms = Terms(sum.Terms) },
                ClassificationSumLoss sum => sum with { Terms = Terms(sum.Terms) },
                DeepSupervisionLoss deep => deep with { Inner = Inner(deep.Inner) },
                MaskedLoss masked => masked with { Inner = Inner(masked.Inner) },
                SuperClassificationLoss super => super with { Inner = Inner(super.Inner) },
                ClassBalancedLoss balanced when withinBalanced => balanced with { Inner = Inner(balanced.Inner) },
                _ => loss,
            }
        );

        TLoss Inner<TLoss>(TLoss inner)
            where TLoss : Loss => (TLoss)Change(inner, change, withinBalanced);

        ValueList<WeightedLoss> Terms(ValueList<WeightedLoss> terms) => [.. terms.Select(term => term with { Loss = Inner(term.Loss) })];
    }
}
