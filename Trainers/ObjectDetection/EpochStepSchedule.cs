using MLNetLosses.Losses;
using MLNetLosses.Training;

namespace MLNetLosses;

/// <summary>b 0.1^(count of epochs in <see cref="Steps"/> that are done).</summary>
internal sealed record EpochStepSchedule : LearningRateSchedule
{
    private const double Gamma = 0.1;

    /// <summary>After how many epochs the rate falls.</summary>
    public ValueList<int> Steps { get; init; } = [];

    /// <summary>Epochs of the whole training.</summary>
    public int Epochs { get; init; } = 1;

    private protected override double Rate(double learningRate, long step, long totalSteps) =>
        learningRate * Math.Pow(Gamma, Steps.Count(epoch => step * Epochs >= epoch * totalSteps));
}
