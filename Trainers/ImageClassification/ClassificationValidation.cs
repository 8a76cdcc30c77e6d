using MLNetLosses.Data;
using MLNetLosses.Networks;
using MLNetLosses.Training;
using static TorchSharp.torch;

namespace MLNetLosses;

/// <summary>Measures a network on images that it does not learn from.</summary>
internal sealed class ClassificationValidation(
    BackboneNetwork network,
    ImageLoader images,
    IReadOnlyList<string> classes,
    int hardestRows,
    ClassificationMetric monitored,
    Action check
)
{
    public const string Accuracy = "accuracy";
    public const string MacroAccuracy = "macroAccuracy";
    public const string LogLoss = "logLoss";

    /// <summary>One pass over the images; the network is in evaluation mode.</summary>
    public ValidationMetrics Measure(CancellationToken cancellation)
    {
        var (right, seen) = (new long[network.ClassCount], new long[network.ClassCount]);
        var logLoss = 0.0;
        var evidence = new ClassificationEvidence(classes, hardestRows);
        foreach (var batch in images.Epoch(0, cancellation: cancellation))
        {
            using var scope = NewDisposeScope();
            using (batch)
            {
                check();
                var logProbabilities = nn.functional.log_softmax(network.call(batch.Pixels).to(ScalarType.Float32), 1);
                var losses = logProbabilities.gather(1, batch.Targets.unsqueeze(1)).squeeze(1).to(ScalarType.Float64).neg();
                logLoss += losses.sum().item<double>();
                var (highest, best) = logProbabilities.max(1);
                var predicted = best.cpu().data<long>().ToArray();
                var targets = batch.Targets.cpu().data<long>().ToArray();
                var (rowLosses, confidences) = (losses.cpu().data<double>().ToArray(), highest.exp().cpu().data<float>().ToArray());
                var scores = evidence.WantsScores ? logProbabilities.cpu().contiguous().data<float>().ToArray() : [];
                for (var i = 0; i < targets.Length; i++)
                {
                    var label = (int)targets[i];
                    seen[label]++;
                    if (predicted[i] == label)
                        right[label]++;
                    evidence.Add(batch.Rows[i], label, (int)predicted[i], confidences[i], rowLosses[i]);
                    if (evidence.WantsScores)
                        evidence.AddScores(label, scores.AsSpan(i * network.ClassCount, network.ClassCount));
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
            ClassificationMetric.LogLoss => new(values, LogLoss, HigherIsBetter: false) { Details = evidence.Finish() },
            ClassificationMetric.MacroAccuracy => new(values, MacroAccuracy) { Details = evidence.Finish() },
            _ => new(values, Accuracy) { Details = evidence.Finish() },
        };
    }
}
