namespace MLNetLosses.Losses;

/// <summary>
/// A loss that needs no labels: it compares views (augmentations, modalities, crops) of the same things, or what was hidden with what was
/// reconstructed. Most take two views (<see cref="TwoViewLoss"/>); the others say their inputs. Losses that use cosines normalise inside: pass raw
/// projections. Values of other batch sizes or temperatures cannot be compared.
/// </summary>
[LossFamily("SelfSupervised")]
[SumType(typeof(SelfSupervisedSumLoss))]
public abstract record SelfSupervisedLoss : Loss
{
    /// <summary>Adds two self-supervised losses; a sum's terms stay flat and named.</summary>
    /// <param name="left">A loss or sum.</param>
    /// <param name="right">A loss or sum.</param>
    public static SelfSupervisedLoss operator +(SelfSupervisedLoss left, SelfSupervisedLoss right) =>
        new SelfSupervisedSumLoss { Terms = SumComposition.Add(left, right) };

    /// <summary>Weighs a loss; a sum's terms are weighed one by one.</summary>
    /// <param name="weight">At least 0.</param>
    /// <param name="loss">A loss or sum.</param>
    public static SelfSupervisedLoss operator *(double weight, SelfSupervisedLoss loss) =>
        new SelfSupervisedSumLoss { Terms = SumComposition.Scale(weight, loss) };

    /// <summary>A loss whose weight follows the ramp.</summary>
    /// <param name="ramp">The ramp.</param>
    /// <param name="loss">The loss.</param>
    public static SelfSupervisedLoss operator *(WeightRamp ramp, SelfSupervisedLoss loss) =>
        new SelfSupervisedSumLoss { Terms = SumComposition.Scale(ramp, loss) };

    /// <summary>Names the loss as a term of a sum: <c>contrast.Named("global") + other</c>.</summary>
    /// <param name="name">A word of letters, digits and underscores.</param>
    public SelfSupervisedLoss Named(string name) => new SelfSupervisedSumLoss { Terms = SumComposition.Rename(name, this) };
}
