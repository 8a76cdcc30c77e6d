using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>A classification loss that needs to know how many samples each class has. Class indices only.</summary>
public abstract record CountedClassificationLoss : IndexedClassificationLoss
{
    /// <summary>
    /// [C]: samples per class; 0 counts as 1. Null (default): those of the training data, which a trainer states in
    /// <see cref="LossContext.ClassCounts"/>; they are never written into the definition.
    /// </summary>
    [Interval("[0, inf)")]
    public ValueList<long>? ClassCounts
    {
        get;
        init => field = Valid(value);
    }

    /// <inheritdoc/>
    protected internal override TargetForms TargetForms => TargetForms.Indices;
}

/// <summary>Numbers a class that follow from how many samples each class has.</summary>
internal static class ClassFrequencies
{
    /// <summary>A function of the counts as a tensor [C], made once a built loss.</summary>
    /// <exception cref="ArgumentException">No counts are known, or not as many as classes.</exception>
    public static Tensor Derive(
        ClassificationLoss loss,
        ValueList<long>? option,
        string name,
        Tensor logits,
        LossCall call,
        Func<double[], double[]> numbers
    )
    {
        ClassScores.AtLeastTwo(loss, logits);
        var counts =
            option
            ?? call.Context.ClassCounts
            ?? throw new ArgumentException(
                $"{loss.Name}: ClassCounts is not known: set the option, or build the loss with LossContext.ClassCounts (trainers do).",
                nameof(LossContext.ClassCounts)
            );
        if (counts.Count != logits.shape[1])
            throw new ArgumentException(
                $"{loss.Name}: ClassCounts has {counts.Count} entries; the logits {Shapes.Text(logits)} have {logits.shape[1]} classes.",
                nameof(LossContext.ClassCounts)
            );
        return call.Constant(name, logits, () => numbers([.. counts.Select(n => (double)Math.Max(n, 1))]));
    }

    /// <summary>(1 - beta) / (1 - beta^n), scaled to sum to C: the inverse of the effective number of samples, Cui et al. 2019.</summary>
    public static double[] EffectiveNumberWeights(double[] counts, double beta)
    {
        var weights = counts.Select(n => (beta - 1) / ExpMinus1(n * Math.Log(beta))).ToArray();
        var scale = weights.Length / weights.Sum();
        return [.. weights.Select(w => w * scale)];
    }

    // exp(x) - 1 with all its digits (Kahan); the runtime's subtracts.
    private static double ExpMinus1(double x)
    {
        var power = Math.Exp(x);
        return power == 1 ? x
            : power - 1 == -1 ? -1
            : (power - 1) * x / Math.Log(power);
    }
}
