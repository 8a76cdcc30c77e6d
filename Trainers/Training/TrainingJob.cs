using MLNetLosses.Losses;
using static TorchSharp.torch;

namespace MLNetLosses.Training;

/// <summary>What a task plugs into <see cref="TrainingLoop"/>: its network, batches, loss and metric, and how to report.</summary>
public sealed class TrainingJob
{
    /// <summary>
    /// The network, already on its device. The caller's: the loop changes its weights and its mode (training, evaluation), and moves its
    /// parameters into common storage, which does not show from outside. Do not move it to another device or type while it is trained.
    /// </summary>
    public required nn.Module Network { get; init; }

    /// <summary>The loss, built for these data and this device. The caller's.</summary>
    public required LossFunction Loss { get; init; }

    /// <summary>The batches to learn from.</summary>
    public required IBatchSource Batches { get; init; }

    /// <summary>
    /// Runs the network on a batch and gives the loss its inputs by name, for a classifier
    /// <c>batch => batch.Targets.With(("logits", network.call(batch.Input)))</c>. Called in a dispose scope that ends with the step.
    /// </summary>
    public required Func<TrainingBatch, LossInputs> Forward { get; init; }

    /// <summary>
    /// Measures the network on data that it does not learn from; called after each epoch, in evaluation mode and without gradients, with
    /// averaged weights where the options ask for them. Null: no validation. It should throw when the token is cancelled.
    /// </summary>
    public Func<CancellationToken, ValidationMetrics>? Validate { get; init; }

    /// <summary>Epochs, optimizer, schedule, ...</summary>
    public TrainingOptions Options { get; init; } = new();

    /// <summary>Which parameters learn at which pace; every one that requires a gradient must be in one. Null: all alike.</summary>
    public IReadOnlyList<ParameterGroup>? Groups { get; init; }

    /// <summary>Where to keep the training after each epoch; null: nowhere.</summary>
    public CheckpointOptions? Checkpoint { get; init; }

    /// <summary>
    /// What else must be the same when a training is resumed, by name, in words for messages: number of classes, backbone, image size, ...
    /// </summary>
    public IReadOnlyDictionary<string, string> Facts { get; init; } = new Dictionary<string, string>();

    /// <summary>Generators whose state a checkpoint keeps, by name. Those of the loss are kept anyway.</summary>
    public IReadOnlyDictionary<string, Generator> Generators { get; init; } = new Dictionary<string, Generator>();

    /// <summary>
    /// Whether the network draws from torch's process-wide generator. Then the loop seeds it at the start of each epoch, from the options'
    /// seed and the epoch, and puts its state back in the end; two such trainings at once disturb each other. Null: if it holds a dropout
    /// layer of torch.
    /// </summary>
    public bool? UsesGlobalRandom { get; init; }

    /// <summary>Told at an interval of steps and at the end of each epoch; on the loop's own thread.</summary>
    public IProgress<TrainingProgress>? Progress { get; init; }

    /// <summary>Every how many steps to report. Default 10. Off the CPU, values are read from the device only then.</summary>
    public int ProgressInterval { get; init; } = 10;

    /// <summary>Told in a line what was chosen and why: device, threads, resumption, ...</summary>
    public Action<string>? Log { get; init; }

    /// <summary>How many threads torch computes with, for the whole process; null: as the process has it, by default one a core.</summary>
    public int? Threads { get; init; }

    /// <summary>What the training leaves behind for those who look at it: a log, TensorBoard files, a report. By default findings only.</summary>
    public MonitoringOptions Monitoring { get; init; } = new();

    /// <summary>Tells how far each row of a batch is from its label, for the hardest rows; null: rows are not followed. Called without gradients.</summary>
    internal Func<TrainingBatch, LossInputs, TrainedRows?>? DescribeRows { get; init; }

    /// <summary>How the terms become the gradient; null: their weighted sum.</summary>
    internal ITermCombiner? Combiner { get; init; }

    internal void Check()
    {
        ArgumentNullException.ThrowIfNull(Network);
        ArgumentNullException.ThrowIfNull(Loss);
        ArgumentNullException.ThrowIfNull(Batches);
        ArgumentNullException.ThrowIfNull(Forward);
        ArgumentNullException.ThrowIfNull(Options);
        Options.Validate();
        ArgumentOutOfRangeException.ThrowIfLessThan(ProgressInterval, 1);
        if (Threads is { } threads)
            ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1, nameof(Threads));
        if (Batches.BatchCount < 1 && Options.Epochs > 0)
            throw new ArgumentException("The source of batches is empty: there is nothing to learn from.", nameof(Batches));
        if (Options.EarlyStopping is not null && Validate is null)
            throw new ArgumentException(
                "EarlyStopping watches a validation metric: give a validation, or set it to null.",
                nameof(Options)
            );
        Checkpoint?.Check();
        ArgumentNullException.ThrowIfNull(Monitoring);
        Monitoring.Check();
    }
}
