namespace MLNetLosses.Losses;

/// <summary>How logits become the probability of the target.</summary>
public enum ClassActivation
{
    /// <summary>Softmax for indices with C &gt; 1, else Sigmoid.</summary>
    Auto,

    /// <summary>One class of C: softmax over the classes. Indices only.</summary>
    Softmax,

    /// <summary>C questions of yes or no: a sigmoid each. Labels; indices as one-vs-rest.</summary>
    Sigmoid,
}

/// <summary>A loss that is a curve over the probability of the truth, in a softmax and a sigmoid form.</summary>
public abstract record ActivatedClassificationLoss : WeightedClassificationLoss
{
    /// <summary>Softmax: a value a row [N, ...]; Sigmoid: a value an element [N, C, ...]. Default Auto, by the targets.</summary>
    public ClassActivation Activation
    {
        get;
        init => field = Valid(value);
    }

    /// <inheritdoc/>
    protected internal override TargetForms TargetForms =>
        Activation == ClassActivation.Softmax ? TargetForms.Indices : TargetForms.Indices | TargetForms.Labels;

    internal override bool IsByPixel(LossCall call) => Activation == ClassActivation.Sigmoid || !ClassScores.IsCurveSmall(call);

    private protected bool UsesSoftmax(ClassTargets targets) =>
        Activation == ClassActivation.Softmax || (Activation == ClassActivation.Auto && !targets.AreBinary);
}
