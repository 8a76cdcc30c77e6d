using MLNetLosses.Data;
using MLNetLosses.Networks;
using MLNetLosses.Training;
using static TorchSharp.torch;

namespace MLNetLosses;

/// <summary>Measures a network on images that it does not learn from.</summary>
internal sealed class ClassificationValidation(BackboneNetwork network, ImageLoader images, ClassificationMetric monitored, Action check)
{
    public const string Accuracy = "accuracy";
    public const string MacroAccuracy = "macroAccuracy";
    public const string LogLoss = "logLoss";

    /// <summary>One pass over the images; the network is in evaluation mode.</summary>
    public ValidationMetrics Measure(CancellationToken cancellation)
    {
        var (right, seen) = (new long[network.ClassCount], new long[network.ClassCount]);
        var logLoss = 0.0;
        foreach (var batch in images.Epoch(0, cancellation: cancellation))
        {
            using var scope = NewDisposeScope();
            using (batch)
            {
                check();
                var logProbabilities = nn.functional.log_softmax(network.call(batch.Pixels).to(ScalarType.Float32), 1);
                logLoss -= logProbabilities.gather(1, batch.Targets.unsqueeze(1)).to(ScalarType.Float64).sum().item<double>();
                var predicted = logProbabilities.argmax(1).cpu().data<long>().ToArray();
                var targets = batch.Targets.cpu().data<long>().ToArray();
                for (var i = 0; i < targets.Length; i++)
                {
                    seen[targets[i]]++;
                    if (predicted[i] == targets[i])
                        right[targets[i]]++;
                }
            }
        }
        var values = new Dictionary<string, double>
        {
            [Accuracy] = (double)right.Sum() / seen.Sum(),
            [MacroAccuracy] = right.Zip(seen).Where(pair => pair.Second > 0).Average(pair => (double)pair.First / pair.Second),
            [LogLoss] = logLoss / seen.Sum(),
        };
        return monitored switch
        {
            ClassificationMetric.LogLoss => new(values, LogLoss, HigherIsBetter: false),
            ClassificationMetric.MacroAccuracy => new(values, MacroAccuracy),
            _ => new(values, Accuracy),
        };
    }
}
