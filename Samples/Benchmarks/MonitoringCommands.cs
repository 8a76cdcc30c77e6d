using System.CommandLine;
using MLNetLosses.Networks;
using MLNetLosses.Samples;

namespace MLNetLosses.Benchmarks;

/// <summary>The command about what monitoring costs.</summary>
internal static class MonitoringCommands
{
    private static readonly Option<string> Task = new Option<string>("--task")
    {
        Description = "classification, segmentation or detection.",
        DefaultValueFactory = _ => "classification",
    }.AcceptOnlyFromAmong("classification", "segmentation", "detection");

    private static readonly Option<string?> Data = new("--data")
    {
        Description =
            "classification: a folder with train/ and val/, each with a folder a class (CIFAR-10 where none is given); segmentation: train/ and val/ with images/ and masks/; "
            + "detection: annotated images with a part to validate on (both: drawn where none is given).",
    };

    private static readonly Option<int?> Size = new("--image-size")
    {
        Description = "Pixels; 32 for classification, the width of 128 for segmentation, the shorter side of 192 for detection.",
    };

    private static readonly Option<int?> Batch = new("--batch-size") { Description = "Images a step; 64, 8 or 4." };

    public static Command Overhead(
        Option<int> epochs,
        Option<int> rounds,
        Option<int> threads,
        Option<string> model,
        Func<ParseResult, Backbone> backbone
    )
    {
        var command = new Command(
            "monitoring",
            "What log, report and TensorBoard files cost: the same training with and without, in pairs."
        )
        {
            Task,
            Data,
            model,
            Size,
            epochs,
            Batch,
            rounds,
            threads,
        };
        command.SetAction(parsed =>
        {
            var drawn = Directory.CreateTempSubdirectory("drawn").FullName;
            try
            {
                MonitoringOverhead.Run(
                    Training(
                        parsed.GetValue(Task)!,
                        parsed.GetValue(Data),
                        drawn,
                        backbone(parsed),
                        parsed.GetValue(Size),
                        parsed.GetValue(Batch),
                        parsed.GetValue(threads)
                    ),
                    parsed.GetValue(epochs),
                    parsed.GetValue(rounds)
                );
            }
            finally
            {
                Directory.Delete(drawn, recursive: true);
            }
        });
        return command;
    }

    private static MonitoredTraining Training(
        string task,
        string? data,
        string drawn,
        Backbone backbone,
        int? size,
        int? batch,
        int threads
    )
    {
        switch (task)
        {
            case "segmentation":
                if (data is not null)
                    return Segmentation(Path.Combine(data, "train"), Path.Combine(data, "val"));
                var parts = DrawnMasks.Draw(drawn);
                return Segmentation(parts.Train, parts.Validation);
            case "detection":
                return MonitoredTraining.Detector(data ?? DrawnSmears.Draw(drawn), size ?? 192, batch ?? 4, threads);
            default:
                var images = data ?? Path.Combine("..", "shared", "data", "cifar10");
                return MonitoredTraining.Classifier(images, backbone, size ?? 32, batch ?? 64, threads);
        }

        MonitoredTraining Segmentation(string train, string validation) =>
            MonitoredTraining.Segmentation(train, validation, size ?? 128, batch ?? 8, threads);
    }
}
