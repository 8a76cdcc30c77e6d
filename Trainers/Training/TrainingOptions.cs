using MLNetLosses.Losses;

namespace MLNetLosses.Training;

/// <summary>
/// What decides the result of a training besides network, loss and data: an immutable record with text and JSON forms. A checkpoint keeps
/// it, and resuming with other options is refused.
/// </summary>
[DefinitionKind("training", "Options")]
public sealed record TrainingOptions : Definition
{
    /// <summary>How often the data are gone through. Default 10; 0: only validate.</summary>
    [Interval("[0, inf)")]
    public int Epochs
    {
        get;
        init => field = Valid(value);
    } = 10;

    /// <summary>How gradients change weights. Default <see cref="AdamW"/>.</summary>
    public Optimizer Optimizer { get; init; } = new AdamW();

    /// <summary>How the learning rate changes. Default <see cref="CosineSchedule"/>, with a short warm-up.</summary>
    public LearningRateSchedule Schedule { get; init; } = new CosineSchedule();

    /// <summary>Validate and keep an average of the weights; null (the default): the weights themselves.</summary>
    public WeightAveraging? Averaging { get; init; }

    /// <summary>
    /// How the terms of a sum become the gradient; null (the default): their weighted sum. The weights of the sum multiply the terms first. What it learns is trained at
    /// <see cref="LossLearningRateFactor"/> and kept in checkpoints. Weightings on values cost nothing; <see cref="GradNormLoss"/> costs a backward pass a term down to one
    /// layer; a <see cref="GradientRule"/> a whole backward pass and a copy of the gradient a term.
    /// </summary>
    public LossWeighting? LossWeighting { get; init; }

    /// <summary>
    /// Clips the gradient of all weights together: g &lt;- g min(1, ClipNorm / (|g| + 1e-6)), |g| its Euclidean norm. Null (the default):
    /// not.
    /// </summary>
    [Interval("(0, inf)")]
    public double? ClipNorm
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>Clamps every number of the gradient to +- ClipValue. Null (the default): not.</summary>
    [Interval("(0, inf)")]
    public double? ClipValue
    {
        get;
        init => field = Valid(value);
    }

    /// <summary>How many batches make one step: the gradient is their mean. Default 1. At an epoch's end fewer may be left.</summary>
    [Interval("[1, inf)")]
    public int AccumulateBatches
    {
        get;
        init => field = Valid(value);
    } = 1;

    /// <summary>Multiplies the learning rate of what the loss learns. Default 1. It is never decayed.</summary>
    [Interval("[0, inf)")]
    public double LossLearningRateFactor
    {
        get;
        init => field = Valid(value);
    } = 1;

    /// <summary>When to stop before the last epoch; null (the default): never.</summary>
    public EarlyStopping? EarlyStopping { get; init; }

    /// <summary>
    /// Whether the network holds the weights of the best validated epoch in the end (the default), or those of the last. Without validation
    /// the last are kept.
    /// </summary>
    public bool RestoreBest { get; init; } = true;

    /// <summary>From which everything random in the loop is drawn. Default 0.</summary>
    public long Seed { get; init; }

    /// <summary>Reads options from text such as <c>Training(epochs: 3, optimizer: Sgd(learningRate: 0.05))</c> or from JSON.</summary>
    /// <param name="text">The text form, or JSON when it starts with a brace.</param>
    /// <exception cref="FormatException">The text is not options; the message says where and what is allowed.</exception>
    public static TrainingOptions Parse(string text) => Definitions.Parse<TrainingOptions>(text);

    /// <inheritdoc/>
    protected internal override void Validate()
    {
        ArgumentNullException.ThrowIfNull(Optimizer);
        ArgumentNullException.ThrowIfNull(Schedule);
        Optimizer.Validate();
        LossWeighting?.Validate();
        Schedule.Validate();
        if (ClipNorm is not null && ClipValue is not null)
            throw new ArgumentException("Training: ClipNorm and ClipValue exclude each other; set one of them.", nameof(ClipValue));
    }
}
