using MLNetLosses.Losses;
using MLNetLosses.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Training;

/// <summary>Three clouds of points in four dimensions, and a network that can tell them apart.</summary>
internal sealed class Toy : IBatchSource, IDisposable
{
    public const int Rows = 60;
    public const int BatchSize = 10;
    private readonly Tensor points;
    private readonly Tensor labels;

    public Toy(long seed = 1, double dropout = 0, ClassificationLoss? loss = null, ScalarType type = ScalarType.Float32)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator((ulong)seed, CPU);
        labels = (arange(Rows, ScalarType.Int64) % 3).DetachFromDisposeScope();
        points = (randn([Rows, 4], ScalarType.Float64, generator: generator) + (labels.unsqueeze(1) * 3 - 3))
            .to(type)
            .DetachFromDisposeScope();
        Network = nn.Sequential(
            ("first", nn.Linear(4, 8)),
            ("norm", nn.BatchNorm1d(8)),
            ("relu", nn.ReLU()),
            ("drop", nn.Dropout(dropout)),
            ("last", nn.Linear(8, 3))
        );
        Network.to(type);
        using var frozen = no_grad();
        foreach (var parameter in Network.parameters().Where(p => p.dim() == 2))
            parameter.copy_(randn(parameter.shape, ScalarType.Float64, generator: generator) * 0.3);
        foreach (var parameter in Network.parameters().Where(p => p.dim() == 1))
            parameter.fill_(parameter.shape[0] == 3 ? 0 : 0.5);
        Loss = (loss ?? new CrossEntropyLoss()).Build(new LossContext { ClassCount = 3, DType = type });
    }

    public TorchSharp.Modules.Sequential Network { get; }
    public LossFunction Loss { get; }
    public int BatchCount { get; init; } = Rows / BatchSize;

    /// <summary>Called before a batch is given out: epoch and index.</summary>
    public Action<int, int>? OnBatch { get; init; }

    /// <summary>Changes a batch's input: epoch, index, points.</summary>
    public Func<int, int, Tensor, Tensor>? Change { get; init; }

    public IEnumerable<TrainingBatch> Read(int epoch, CancellationToken cancellation)
    {
        var order = Enumerable.Range(0, Rows).ToArray();
        new Random(1000 + epoch).Shuffle(order);
        for (var i = 0; i < BatchCount; i++)
        {
            OnBatch?.Invoke(epoch, i);
            var rows = order.AsSpan(i * BatchSize, BatchSize).ToArray().Select(r => (long)r).ToArray();
            yield return Batch(epoch, i, rows);
        }
    }

    private TrainingBatch Batch(int epoch, int index, long[] rows)
    {
        using var scope = NewDisposeScope();
        var chosen = tensor(rows);
        var input = points.index_select(0, chosen);
        input = Change?.Invoke(epoch, index, input) ?? input;
        return new(
            input.DetachFromDisposeScope(),
            new LossInputs { ["targets"] = labels.index_select(0, chosen).DetachFromDisposeScope() },
            rows
        );
    }

    public LossInputs Forward(TrainingBatch batch) => batch.Targets.With(("logits", Network.call(batch.Input)));

    public ValidationMetrics Validate(CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        var logits = Network.call(points);
        var accuracy = logits.argmax(1).eq(labels).to(ScalarType.Float64).mean().item<double>();
        var loss = nn.functional.cross_entropy(logits, labels).to(ScalarType.Float64).item<double>();
        return new(new Dictionary<string, double> { ["accuracy"] = accuracy, ["loss"] = loss }, "loss", HigherIsBetter: false);
    }

    public TrainingJob Job(TrainingOptions options, bool validate = true) =>
        new()
        {
            Network = Network,
            Loss = Loss,
            Batches = this,
            Forward = Forward,
            Validate = validate ? Validate : null,
            Options = options,
        };

    /// <summary>All parameters and buffers of network and loss, as bytes.</summary>
    public byte[] Weights() => WeightsOf(Network, Loss);

    /// <summary>All parameters and buffers of a network and a loss, as bytes.</summary>
    public static byte[] WeightsOf(nn.Module network, LossFunction loss) =>
        [
            .. network
                .state_dict()
                .Concat(loss.state_dict())
                .OrderBy(p => p.Key, StringComparer.Ordinal)
                .SelectMany(p =>
                {
                    using var contiguous = p.Value.detach().clone();
                    return contiguous.bytes.ToArray();
                }),
        ];

    public void Dispose()
    {
        points.Dispose();
        labels.Dispose();
        Network.Dispose();
        Loss.Dispose();
    }
}

/// <summary>Keeps what it is told.</summary>
internal sealed class Recorder(Action<TrainingProgress>? also = null) : IProgress<TrainingProgress>
{
    public List<TrainingProgress> Reports { get; } = [];

    public void Report(TrainingProgress value)
    {
        Reports.Add(value);
        also?.Invoke(value);
    }
}
