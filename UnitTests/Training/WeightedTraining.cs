using MLNetLosses.Losses;
using MLNetLosses.Training;

namespace MLNetLosses.UnitTests.Training;

/// <summary>What every trainer with a weighting of its terms does.</summary>
internal static class WeightedTraining
{
    /// <summary>
    /// Two epochs of two steps: the weighting changes the training, the weights of the terms are reported, logged and move, and a run that was stopped after an
    /// epoch ends with the same bytes.
    /// </summary>
    /// <param name="weighting">Its text.</param>
    /// <param name="terms">The names of the terms of a sum with weights 1 and 0.5.</param>
    /// <param name="train">Trains two epochs with these options changed, and gives the model's bytes.</param>
    /// <param name="moves">Whether its weights are others than those of the sum at every step; those of a rule for conflicts are where there is one.</param>
    public static void Check(
        string weighting,
        bool moves,
        string[] terms,
        Func<Action<TrainerOptions>, (byte[] Weights, TrainingResult Summary)> train
    )
    {
        var folder = Directory.CreateTempSubdirectory("weighting").FullName;
        try
        {
            var (rule, log) = (Loss.Parse<LossWeighting>(weighting), Path.Combine(folder, "training.jsonl"));
            var recorder = new Recorder();
            var whole = train(o => (o.LossWeighting, o.TrainingLogFile, o.Progress, o.ProgressInterval) = (rule, log, recorder, 1));
            Assert.IsFalse(whole.Weights.SequenceEqual(train(_ => { }).Weights), "It changes what is learned.");

            double[][] weights = [.. recorder.Reports.Select(report => report.Terms.Select(term => term.Weight).ToArray())];
            Assert.IsGreaterThanOrEqualTo(4, weights.Length);
            CollectionAssert.AreEqual(terms, recorder.Reports[0].Terms.Select(term => term.Name).ToArray());
            Assert.IsTrue(weights.All(w => w.All(weight => double.IsFinite(weight) && weight >= 0)));
            if (moves)
            {
                Assert.IsTrue(weights.Any(w => w[0] != 1 || w[1] != 0.5), "They are not those of the sum.");
                CollectionAssert.AreNotEqual(weights[0], weights[^1], "They move.");
            }

            var history = TrainingHistory.Read(log);
            StringAssert.Contains(string.Join(", ", history.Run.Settings.Values), weighting);
            foreach (var term in terms)
                Assert.IsTrue(history.Epochs.All(epoch => double.IsFinite(epoch.Train.Terms[term].Weight)), term);

            using var source = new CancellationTokenSource();
            var stop = new Recorder(progress =>
            {
                if (progress is { Epoch: 1, Finished: not null })
                    source.Cancel();
            });
            var checkpoints = Path.Combine(folder, "run");
            train(o => (o.LossWeighting, o.CheckpointFolder, o.CancellationToken, o.Progress) = (rule, checkpoints, source.Token, stop));
            var resumed = train(o => (o.LossWeighting, o.CheckpointFolder, o.Resume) = (rule, checkpoints, true));
            Assert.AreEqual(1, resumed.Summary.ResumedFrom);
            Assert.IsTrue(whole.Weights.SequenceEqual(resumed.Weights), "A resumed training ends like a whole one.");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
