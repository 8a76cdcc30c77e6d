using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetLosses.Losses;
using MLNetLosses.Networks;
using MLNetLosses.Samples;
using MLNetLosses.Training;

namespace MLNetLosses.Benchmarks;

/// <summary>
/// Gives a share of the training images a wrong class and looks whether the loss of a row finds them: as the area under the ROC curve, the probability that a
/// mislabelled row has a higher loss than a rightly labelled one. Each row is scored by a model that has not learnt from it (two halves) and by one that has.
/// </summary>
internal static class LabelNoise
{
    public static void Run(
        string data,
        Backbone backbone,
        int size,
        int epochs,
        int batch,
        int seed,
        double share,
        int threads,
        string? output
    )
    {
        var random = new Random(seed);
        var images = ImageFolder.Read(Path.Combine(data, "train"));
        var classes = images.Select(i => i.Class).Distinct().Order(StringComparer.Ordinal).ToArray();
        var rows = images.Select(i => (i.Path, Label: i.Class, IsWrong: false)).ToArray();
        var order = Enumerable.Range(0, rows.Length).ToArray();
        random.Shuffle(order);
        foreach (var row in order.Take((int)Math.Round(share * rows.Length)))
            rows[row] = (rows[row].Path, classes.Where(c => c != rows[row].Label).ElementAt(random.Next(classes.Length - 1)), true);
        random.Shuffle(order);
        var mlContext = new MLContext(seed);
        var losses = new float[rows.Length];
        for (var half = 0; half < 2; half++)
        {
            var held = order.Where((_, i) => i % 2 == half).ToArray();
            var scored = Losses(order.Where((_, i) => i % 2 != half).ToArray(), held, null);
            for (var i = 0; i < held.Length; i++)
                losses[held[i]] = scored[i];
        }
        var wrong = rows.Select(r => r.IsWrong).ToArray();
        Console.WriteLine($"{rows.Count(r => r.IsWrong)} of {rows.Length} labels are wrong; {backbone}, {epochs} epochs, seed {seed}.");
        Console.WriteLine(
            FormattableString.Invariant($"AUC of the loss under a model that has not learnt the row: {Auc(losses, wrong):0.0000}")
        );
        var all = Enumerable.Range(0, rows.Length).ToArray();
        output ??= Directory.CreateTempSubdirectory("labelnoise").FullName;
        Console.WriteLine(
            FormattableString.Invariant($"AUC of the loss under a model that has: {Auc(Losses(all, all, output), wrong):0.0000}")
        );
        var worst = all.OrderByDescending(row => losses[row]).Take(wrong.Count(w => w)).Count(row => wrong[row]);
        Console.WriteLine(
            FormattableString.Invariant($"Of as many rows with the highest losses {(double)worst / wrong.Count(w => w):P1} are wrong.")
        );
        Console.WriteLine($"Report: {Path.Combine(output, "report.html")}");

        float[] Losses(int[] learnt, int[] held, string? folder)
        {
            var known = mlContext.Data.LoadFromEnumerable(classes.Select(c => new ImageClassifierData.Row { Label = c }));
            var keys = mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(known);
            var options = new ImageClassificationTrainer.Options
            {
                FeatureColumnName = nameof(ImageClassifierData.Row.ImagePath),
                Backbone = backbone,
                ImageSize = size,
                BatchSize = batch,
                Epoch = epochs,
                Optimizer = new Sgd
                {
                    LearningRate = 0.05,
                    Nesterov = true,
                    WeightDecay = 5e-4,
                },
                Threads = threads,
                TrainingLogFile = folder is null ? null : Path.Combine(folder, "training.jsonl"),
                ReportFile = folder is null ? null : Path.Combine(folder, "report.html"),
            };
            using var model = mlContext.MulticlassClassification.Trainers.ImageClassification(options).Fit(keys.Transform(Data(learnt)));
            var scored = model.Transform(keys.Transform(Data(held)));
            return [.. mlContext.Transforms.ScoreLoss().Fit(scored).Transform(scored).GetColumn<float>("Loss")];
        }

        IDataView Data(int[] chosen) =>
            mlContext.Data.LoadFromEnumerable(
                chosen.Select(row => new ImageClassifierData.Row { ImagePath = rows[row].Path, Label = rows[row].Label }).ToArray()
            );
    }

    private static double Auc(float[] losses, bool[] isPositive)
    {
        var sorted = Enumerable.Range(0, losses.Length).OrderBy(i => losses[i]).ToArray();
        var positives = isPositive.Count(p => p);
        // Sum of the ranks of the positives; equal losses are too rare to count.
        var ranks = sorted.Select((row, rank) => isPositive[row] ? rank + 1.0 : 0).Sum();
        return (ranks - positives * (positives + 1.0) / 2) / ((double)positives * (losses.Length - positives));
    }
}
