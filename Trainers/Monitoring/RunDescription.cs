using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace MLNetLosses.Training;

/// <summary>What a run is: settings, data and environment, enough to repeat it.</summary>
internal static class RunDescription
{
    public static RunRecord Of(TrainingJob job, TrainingState state)
    {
        var settings = job.Monitoring.Settings.Count > 0 ? job.Monitoring.Settings : job.Facts;
        var loss = job.Monitoring.Loss ?? LossDescription.Of(job.Loss.Definition);
        return new()
        {
            ResumedAfterEpoch = state.Epoch,
            ResumedAfterStep = state.Step,
            Task = job.Monitoring.Task,
            Loss = loss.Text,
            LossJson = loss.Json,
            Options = job.Options.ToJsonNode(),
            EpochCount = job.Options.Epochs,
            StepCount = state.StepCount,
            Settings = settings,
            Data = job.Monitoring.Data,
            Classes = job.Monitoring.Classes,
            Environment = Environment(state),
        };
    }

    private static Dictionary<string, string> Environment(TrainingState state) =>
        new()
        {
            ["MLNetLosses"] = $"{typeof(RunDescription).Assembly.GetName().Version}",
            ["libtorch"] = __version__,
            ["TorchSharp"] = $"{typeof(Tensor).Assembly.GetName().Version}",
            [".NET"] = RuntimeInformation.FrameworkDescription,
            ["operating system"] = RuntimeInformation.OSDescription,
            ["processors"] = $"{System.Environment.ProcessorCount}",
            ["threads"] = $"{get_num_threads()}",
            ["device"] = $"{state.Arena.Weights.device}",
            ["type of the weights"] = $"{state.Arena.Weights.dtype}",
            ["trained numbers"] = $"{state.Arena.Parameters.Sum(s => s.Count)}",
        };
}
