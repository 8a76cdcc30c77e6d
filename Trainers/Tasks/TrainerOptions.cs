using Microsoft.ML;
using MLNetLosses.Data;
using MLNetLosses.Losses;
using MLNetLosses.Networks;
using MLNetLosses.Training;

namespace MLNetLosses;

/// <summary>
/// What the trainers of this library have in common. A trainer takes a copy when it is made, checks all of it at once, and never writes to
/// it: one object may serve many trainers.
/// </summary>
public abstract class TrainerOptions
{
    private protected TrainerOptions() { }

    /// <summary>The task's loss, whatever its type.</summary>
    internal abstract Loss? TrainedLoss { get; }

    /// <summary>The same, as it was asked for.</summary>
    internal virtual LossDescription AskedLoss => LossDescription.Of(TrainedLoss!);

    /// <summary>
    /// The column of what is to be learned: for a classifier a key, as <c>MapValueToKey</c> makes it. Default <c>Label</c>.
    /// </summary>
    public string LabelColumnName { get; set; } = "Label";

    /// <summary>
    /// The column of images: <see cref="Microsoft.ML.Data.MLImage"/>, the bytes of a file (what <c>LoadRawImageBytes</c> gives), or the
    /// path of a file. Default <c>Image</c>. Another name of <see cref="ImageColumnName"/>.
    /// </summary>
    public string FeatureColumnName { get; set; } = "Image";

    /// <summary>The column of images; another name of <see cref="FeatureColumnName"/>.</summary>
    public string ImageColumnName
    {
        get => FeatureColumnName;
        set => FeatureColumnName = value;
    }

    /// <summary>
    /// Data that the network does not learn from, measured after each epoch: transformed like the training data, with the same keys.
    /// Null (the default): none, unless <see cref="ValidationSetFraction"/> is set.
    /// </summary>
    public IDataView? ValidationSet { get; set; }

    /// <summary>
    /// The share of the training data that is held back as validation set, for a classifier of every class alike: above 0, below 1. Null
    /// (the default): none.
    /// </summary>
    public double? ValidationSetFraction { get; set; }

    /// <summary>
    /// How the terms of a sum become one loss while training: learned weights, weights by progress, rules on gradients. Needs a loss of two terms
    /// or more. Null (the default): their weighted sum. The cost of a step beside one backward pass: nothing for weights that are learned or follow the values of the
    /// terms (<see cref="HomoscedasticUncertaintyLoss"/>, <see cref="RevisedUncertaintyLoss"/>, <see cref="DynamicWeightAverageLoss"/>,
    /// <see cref="CoefficientOfVariationLoss"/>, <see cref="GeometricMeanLoss"/>, <see cref="RandomWeightingLoss"/>, <see cref="FixedWeightsLoss"/>);
    /// <see cref="GradNormLoss"/>: for each term one backward pass down to one shared layer. Rules on gradients (<see cref="ProjectConflictingGradientsLoss"/>,
    /// <see cref="ConflictAverseGradientLoss"/>, <see cref="MultipleGradientDescentLoss"/>) need each term's gradient in all trained parameters: for T terms T whole backward
    /// passes instead of one, T + 1 copies of the gradient in memory, and T x T numbers read to the host.
    /// </summary>
    public LossWeighting? LossWeighting { get; set; }

    /// <summary>The network. Default <see cref="Backbone.ResNet18"/>.</summary>
    public Backbone Backbone { get; set; } = Backbone.ResNet18;

    /// <summary>
    /// A file of weights to start from: safetensors, or what PyTorch saves (.pth, .pt, .th), in which nothing is executed. A head for
    /// another number of classes is replaced, and the log says so. Null (the default): random weights.
    /// </summary>
    public string? Weights { get; set; }

    /// <summary>
    /// How many of the network's groups of layers, from the image on, stay as they are: 0 (the default) none; the number of
    /// <see cref="BackboneNetwork.LayerGroups"/> less one leaves the head only.
    /// </summary>
    public int FrozenLayerGroups { get; set; }

    /// <summary>
    /// The learning rate of each group of layers is that of the group behind it times this: above 0, at most 1. Default 1: all alike.
    /// Below 1, layers near the image change less, as suits weights that were trained on other images.
    /// </summary>
    public double LayerLearningRateDecay { get; set; } = 1;

    /// <summary>
    /// How often the data are gone through: 0 (only validate) or more. Default 10. Another name of <see cref="MaxEpoch"/>.
    /// </summary>
    public int Epoch { get; set; } = 10;

    /// <summary>How often the data are gone through; another name of <see cref="Epoch"/>.</summary>
    public int MaxEpoch
    {
        get => Epoch;
        set => Epoch = value;
    }

    /// <summary>Images a batch, 1 or more. Default 32.</summary>
    public int BatchSize { get; set; } = 32;

    /// <summary>How many batches make one step, 1 or more. Default 1.</summary>
    public int AccumulateBatches { get; set; } = 1;

    /// <summary>Whether an incomplete last batch of an epoch is left out, unless it is the only one. Default true.</summary>
    public bool DropLastBatch { get; set; } = true;

    /// <summary>How gradients change weights. Default <see cref="AdamW"/>.</summary>
    public Optimizer Optimizer { get; set; } = new AdamW();

    /// <summary>The learning rate, 0 or more. Null (the default): the optimizer's own.</summary>
    public double? LearningRate { get; set; }

    /// <summary>How the learning rate changes. Default <see cref="CosineSchedule"/> with a short warm-up.</summary>
    public LearningRateSchedule Schedule { get; set; } = new CosineSchedule();

    /// <summary>Multiplies the learning rate of what the loss itself learns, 0 or more. Default 1.</summary>
    public double LossLearningRateFactor { get; set; } = 1;

    /// <summary>Validates and keeps a moving average of the weights (EMA) instead of them. Null (the default): not.</summary>
    public WeightAveraging? WeightAveraging { get; set; }

    /// <summary>
    /// The longest gradient, as the Euclidean norm over all weights; longer ones are shortened. Above 0. Null (the default): any.
    /// Excludes <see cref="GradientClipValue"/>.
    /// </summary>
    public double? GradientClipNorm { get; set; }

    /// <summary>The largest number in a gradient; larger ones are cut. Above 0. Null (the default): any.</summary>
    public double? GradientClipValue { get; set; }

    /// <summary>When to stop before the last epoch. Needs a validation set. Null (the default): never.</summary>
    public EarlyStopping? EarlyStoppingCriteria { get; set; }

    /// <summary>Whether the model has the weights of the best validated epoch (the default) or those of the last.</summary>
    public bool RestoreBest { get; set; } = true;

    /// <summary>
    /// Where to compute: <c>cpu</c>, <c>cuda</c> or <c>cuda:N</c>. Null (the default): what <see cref="MLContext.GpuDeviceId"/> says,
    /// else the first CUDA device where there is one, else the CPU. The log says what was chosen and why.
    /// </summary>
    public string? Device { get; set; }

    /// <summary>
    /// From which everything random is drawn. Null (the default): the seed of the <see cref="MLContext"/>, or where it has none another
    /// one each time, which the log names; <see cref="Resume"/> goes on with that of the checkpoint. The same seed, data and options give the same model bit for bit on the CPU of the same
    /// machine.
    /// </summary>
    public int? Seed { get; set; }

    /// <summary>Threads that compute, 1 or more. Null (the default): one a core. Holds for the whole process.</summary>
    public int? Threads { get; set; }

    /// <summary>
    /// Threads that read and decode images ahead of the network, 1 or more. Null (the default): half the cores, at most 4.
    /// </summary>
    public int? ReaderThreads { get; set; }

    /// <summary>
    /// How many bytes of decoded images are kept in memory, 0 or more; the others are decoded again in every epoch. Default 1 GiB.
    /// </summary>
    public long ImageCacheBytes { get; set; } = ImageStore.DefaultMemoryBudget;

    /// <summary>
    /// Whether rows whose image cannot be read are left out of the training, and counted, and get no scores from the model, instead of
    /// being an error that names row and file. Default false.
    /// </summary>
    public bool SkipUndecodableImages { get; set; }

    /// <summary>
    /// A folder for a checkpoint that is written after each epoch; made where it is missing. Null (the default): none.
    /// </summary>
    public string? CheckpointFolder { get; set; }

    /// <summary>After how many epochs the checkpoint is written, 1 or more; the last epoch's always is. Default 1.</summary>
    public int CheckpointEveryEpochs { get; set; } = 1;

    /// <summary>
    /// Whether to go on from the checkpoint, if there is one, to the same result as without the interruption. Default false: start
    /// anew.
    /// </summary>
    public bool Resume { get; set; }

    /// <summary>Stops within one step: <c>Fit</c> gives the best model so far, and its summary says so.</summary>
    public CancellationToken CancellationToken { get; set; }

    /// <summary>
    /// The channel in which the context's log is told what <see cref="Progress"/> is told: epochs, findings, and as details every interval of steps. The
    /// <see cref="Microsoft.ML.LoggingEventArgs.Source"/> of such a message ends with it.
    /// </summary>
    public const string ProgressChannel = "Progress";

    /// <summary>Told, on the training's own thread, at an interval of steps and after each epoch.</summary>
    public IProgress<TrainingProgress>? Progress { get; set; }

    /// <summary>Every how many steps <see cref="Progress"/> is told, 1 or more. Default 10.</summary>
    public int ProgressInterval { get; set; } = 10;

    /// <summary>
    /// Whether the training is watched for what may be wrong with it: gradients of the terms and sizes of updates, measured now and then, losses of rows, and what the diagnosis
    /// finds in them (<see cref="TrainingProgress.Findings"/>). It changes no weight. Default true.
    /// </summary>
    public bool Diagnosis { get; set; } = true;

    /// <summary>
    /// A file for the log of the training, such as <c>output/training.jsonl</c>: losses, gradients, metrics, hardest rows, findings, one JSON object a line, whole
    /// lines also when the process is killed. Null (the default): none.
    /// </summary>
    public string? TrainingLogFile { get; set; }

    /// <summary>A folder for TensorBoard (<c>tensorboard --logdir FOLDER</c>). Null (the default): none.</summary>
    public string? TensorBoardFolder { get; set; }

    /// <summary>
    /// A file for the report, such as <c>output/report.html</c>: one page with curves, metrics, hardest rows with their pictures, findings, and all that is needed to
    /// repeat the run. Written after epochs, now and then, and at the end. Null (the default): none.
    /// </summary>
    public string? ReportFile { get; set; }

    private protected TOptions Copy<TOptions>()
        where TOptions : TrainerOptions => (TOptions)MemberwiseClone();
}
