using System.Text.Json;
using System.Text.Json.Serialization;

namespace MLNetLosses.Training;

/// <summary>Where a training stands, apart from tensors.</summary>
internal sealed record CheckpointCounters
{
    public static readonly JsonSerializerOptions Json = new()
    {
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
    };

    public required int Epoch { get; init; }
    public required long Step { get; init; }
    public required double Seconds { get; init; }
    public required IReadOnlyList<TrainingEpoch> History { get; init; }
    public required int? BestEpoch { get; init; }
    public required ValidationMetrics? BestMetrics { get; init; }
    public required double? Best { get; init; }
    public required double? StopperBest { get; init; }
    public required int StopperSince { get; init; }
    public required double? PlateauBest { get; init; }
    public required int PlateauSince { get; init; }
    public required int Reductions { get; init; }
    public required long AverageUpdates { get; init; }

    public static CheckpointCounters Of(TrainingState state) =>
        new()
        {
            Epoch = state.Epoch,
            Step = state.Step,
            Seconds = state.Seconds,
            History = state.History,
            BestEpoch = state.BestEpoch,
            BestMetrics = state.BestMetrics,
            Best = state.BestCounter.Best,
            StopperBest = state.Stopper.Best,
            StopperSince = state.Stopper.Since,
            PlateauBest = state.PlateauCounter.Best,
            PlateauSince = state.PlateauCounter.Since,
            Reductions = state.Reductions,
            AverageUpdates = state.Average?.Updates ?? 0,
        };

    public void Restore(TrainingState state)
    {
        (state.Epoch, state.Step, state.Seconds) = (Epoch, Step, Seconds);
        state.History.Clear();
        state.History.AddRange(History);
        (state.BestEpoch, state.BestMetrics, state.BestCounter.Best) = (BestEpoch, BestMetrics, Best);
        (state.Stopper.Best, state.Stopper.Since) = (StopperBest, StopperSince);
        (state.PlateauCounter.Best, state.PlateauCounter.Since, state.Reductions) = (PlateauBest, PlateauSince, Reductions);
        if (state.Average is { } average)
            average.Updates = AverageUpdates;
    }
}
