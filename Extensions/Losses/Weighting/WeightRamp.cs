namespace MLNetLosses.Losses;

/// <summary>The shape of a <see cref="WeightRamp"/>.</summary>
public enum RampKind
{
    /// <summary>f(p) = p.</summary>
    Linear,

    /// <summary>f(p) = (1 - cos(pi p)) / 2.</summary>
    Cosine,

    /// <summary>f(p) = exp(-5 (1 - p)^2), and 0 at p = 0 (Laine and Aila 2017).</summary>
    Sigmoid,
}

/// <summary>What the <see cref="WeightRamp.Begin"/> and <see cref="WeightRamp.End"/> of a ramp count.</summary>
public enum RampUnit
{
    /// <summary>Optimizer steps.</summary>
    Step,

    /// <summary>Epochs, with fractions.</summary>
    Epoch,
}

/// <summary>
/// A schedule for a term's weight: From + (To - From) f(p), p = clamp((time - Begin) / (End - Begin), 0, 1); held before and after.
/// <c>new WeightRamp { To = 0.1, End = 500 } * new BoundaryLoss()</c>. Computed on the host from the step, no tensor.
/// </summary>
[DefinitionKind("schedule")]
public sealed record WeightRamp : Definition
{
    /// <summary>The shape between <see cref="Begin"/> and <see cref="End"/>. Default Linear.</summary>
    public RampKind Kind
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>The weight up to <see cref="Begin"/>. Default 0.</summary>
    [Interval("(-inf, inf)")]
    public double From
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>The weight from <see cref="End"/> on. Default 1.</summary>
    [Interval("(-inf, inf)")]
    public double To
    {
        get;
        init => field = Valid(value);
    } = 1;

    /// <summary>When the ramp begins, in <see cref="Unit"/>s. Default 0.</summary>
    [Interval("[0, inf)")]
    public double Begin
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>When the ramp ends, in <see cref="Unit"/>s; equal to <see cref="Begin"/>: a jump there. Default 100.</summary>
    [Interval("[0, inf)")]
    public double End
    {
        get;
        init => field = Valid(value);
    } = 100;

    /// <summary>What Begin and End count. Default Step.</summary>
    public RampUnit Unit
    {
        get;
        init => field = Valid(value);
    }

    /// <inheritdoc/>
    protected internal override void Validate()
    {
        if (Begin > End)
            throw new ArgumentException($"WeightRamp: Begin ({Begin}) must not lie after End ({End}).", nameof(Begin));
    }

    /// <summary>The weight at a time of training.</summary>
    /// <param name="clock">Where training stands.</param>
    public double At(LossClock clock) => At(Unit == RampUnit.Step ? clock.Step : clock.Epoch);

    /// <summary>The weight at a time.</summary>
    /// <param name="time">In <see cref="Unit"/>s.</param>
    public double At(double time)
    {
        var p =
            End > Begin ? Math.Clamp((time - Begin) / (End - Begin), 0, 1)
            : time >= Begin ? 1
            : 0;
        var f = Kind switch
        {
            RampKind.Cosine => (1 - Math.Cos(Math.PI * p)) / 2,
            RampKind.Sigmoid => p == 0 ? 0 : Math.Exp(-5 * (1 - p) * (1 - p)),
            _ => p,
        };
        return From + (To - From) * f;
    }

    /// <summary>A classification loss whose weight follows the ramp.</summary>
    /// <param name="ramp">The ramp.</param>
    /// <param name="loss">The loss.</param>
    public static ClassificationLoss operator *(WeightRamp ramp, ClassificationLoss loss) =>
        new ClassificationSumLoss { Terms = SumComposition.Scale(ramp, loss) };

    /// <summary>A segmentation loss whose weight follows the ramp.</summary>
    /// <param name="ramp">The ramp.</param>
    /// <param name="loss">The loss.</param>
    public static SegmentationLoss operator *(WeightRamp ramp, SegmentationLoss loss) =>
        new SegmentationSumLoss { Terms = SumComposition.Scale(ramp, loss) };

    /// <summary>An image loss whose weight follows the ramp.</summary>
    /// <param name="ramp">The ramp.</param>
    /// <param name="loss">The loss.</param>
    public static ImageLoss operator *(WeightRamp ramp, ImageLoss loss) => new ImageSumLoss { Terms = SumComposition.Scale(ramp, loss) };

    /// <summary>A regression loss whose weight follows the ramp.</summary>
    /// <param name="ramp">The ramp.</param>
    /// <param name="loss">The loss.</param>
    public static RegressionLoss operator *(WeightRamp ramp, RegressionLoss loss) =>
        new RegressionSumLoss { Terms = SumComposition.Scale(ramp, loss) };

    /// <summary>A box loss whose weight follows the ramp.</summary>
    /// <param name="ramp">The ramp.</param>
    /// <param name="loss">The loss.</param>
    public static BoxLoss operator *(WeightRamp ramp, BoxLoss loss) => new BoxSumLoss { Terms = SumComposition.Scale(ramp, loss) };

    /// <summary>A dense detection loss whose weight follows the ramp.</summary>
    /// <param name="ramp">The ramp.</param>
    /// <param name="loss">The loss.</param>
    public static DenseDetectionLoss operator *(WeightRamp ramp, DenseDetectionLoss loss) =>
        new DenseDetectionSumLoss { Terms = SumComposition.Scale(ramp, loss) };
}
