namespace MLNetLosses.Losses;

/// <summary>
/// A loss for making images: what compares images (<see cref="ImageLoss"/>), and what judges a generator, a critic, a diffusion model or a latent space by
/// inputs of its own, which each type names. A sum may mix them: <c>new AdversarialLoss { Side = AdversarialSide.Generator } + 100 * new ReconstructionLoss()</c>
/// reads the inputs of both.
/// </summary>
[LossFamily("Generation")]
[SumType(typeof(GenerationSumLoss))]
public abstract record GenerationLoss : Loss
{
    /// <summary>Adds two losses; a sum's terms stay flat and named.</summary>
    /// <param name="left">A loss or sum.</param>
    /// <param name="right">A loss or sum.</param>
    public static GenerationLoss operator +(GenerationLoss left, GenerationLoss right) =>
        new GenerationSumLoss { Terms = SumComposition.Add(left, right) };

    /// <summary>Weighs a loss; a sum's terms are weighed one by one.</summary>
    /// <param name="weight">At least 0.</param>
    /// <param name="loss">A loss or sum.</param>
    public static GenerationLoss operator *(double weight, GenerationLoss loss) =>
        new GenerationSumLoss { Terms = SumComposition.Scale(weight, loss) };

    /// <summary>A loss whose weight follows the ramp.</summary>
    /// <param name="ramp">The ramp.</param>
    /// <param name="loss">The loss.</param>
    public static GenerationLoss operator *(WeightRamp ramp, GenerationLoss loss) =>
        new GenerationSumLoss { Terms = SumComposition.Scale(ramp, loss) };

    /// <summary>Names the loss as a term of a sum: <c>penalty.Named("gradients") + other</c>.</summary>
    /// <param name="name">A word of letters, digits and underscores.</param>
    public GenerationLoss Named(string name) => new GenerationSumLoss { Terms = SumComposition.Rename(name, this) };
}
