using System.CommandLine;
using System.Text.Json;

namespace MLNetLosses.Benchmarks;

/// <summary>The commands about segmentation.</summary>
internal static class SegmentationCommands
{
    private static readonly Option<string> Data = new("--data")
    {
        Description = "A folder with train/ and val/, each with images/ and masks/.",
        DefaultValueFactory = _ => Path.Combine("..", "shared", "data", "camvid"),
    };
    private static readonly Option<string> Test = new("--test")
    {
        Description = "A folder with images/ and masks/ to test on.",
        DefaultValueFactory = _ => "",
    };
    private static readonly Option<string> Losses = new("--losses")
    {
        Description = "What is compared, by the names of the script: ce, dice, ce+dice, lovasz; several with commas.",
        DefaultValueFactory = _ => "ce,ce+dice",
    };
    private static readonly Option<string> Loss = new("--loss") { DefaultValueFactory = _ => "CrossEntropy()" };
    private static readonly Option<string> Weights = new("--class-weights") { DefaultValueFactory = _ => "" };
    private static readonly Option<string> Size = new("--image-size")
    {
        Description = "Width x height in pixels.",
        DefaultValueFactory = _ => "192x160",
    };
    private static readonly Option<int> Ignored = new("--ignore-index")
    {
        Description = "A class index that does not count; -1: none.",
        DefaultValueFactory = _ => 11,
    };
    private static readonly Option<int> Epochs = new("--epochs") { Description = "Epochs of each run.", DefaultValueFactory = _ => 15 };
    private static readonly Option<int> Batch = new("--batch-size") { Description = "Images a step.", DefaultValueFactory = _ => 8 };
    private static readonly Option<int> Seed = new("--seed") { DefaultValueFactory = _ => 1 };
    private static readonly Option<int> Seeds = new("--seeds")
    {
        Description = "Trainings of each row, seeds 1, 2, ...",
        DefaultValueFactory = _ => 3,
    };
    private static readonly Option<int> Rare = new("--rare")
    {
        Description = "How many of the classes with the fewest pixels are shown.",
        DefaultValueFactory = _ => 3,
    };
    private static readonly Option<string> Names = new("--class-names")
    {
        Description = "What classes are called where the data do not say, with commas; CamVid: the names of its 11 classes.",
        DefaultValueFactory = _ => "",
    };
    private static readonly Option<string> Output = new("--output")
    {
        Description = "The folder of table and plot.",
        DefaultValueFactory = _ => Path.Combine("output", "Benchmarks"),
    };

    /// <summary>Ours against PyTorch.</summary>
    public static Command Comparison(
        IEnumerable<Option> shared,
        Option<int> rounds,
        Option<int> threads,
        Func<ParseResult, PeerScript?> peer
    )
    {
        var command = new Command(
            "segmentation",
            "Training and prediction of a segmentation network, from files: U-Net on ResNet18 with the recipe of segmentation.py."
        )
        {
            Data,
            Test,
            Losses,
            Size,
            Ignored,
            Epochs,
            Batch,
            rounds,
            threads,
        };
        foreach (var option in shared)
            command.Options.Add(option);
        command.SetAction(parsed =>
            SegmentationComparison.Run(
                peer(parsed),
                Setting(parsed, threads),
                parsed.GetValue(Losses)!.Split(',', StringSplitOptions.TrimEntries),
                parsed.GetValue(rounds)
            )
        );
        return command;
    }

    /// <summary>Losses and class weights against few pixels.</summary>
    public static Command RareClassTable(Option<int> threads, Option<string> only)
    {
        var command = new Command(
            "rare-classes",
            "One segmentation network with other losses and class weights: table and plot of rare classes."
        )
        {
            Data,
            Test,
            Size,
            Ignored,
            Epochs,
            Batch,
            Seeds,
            Rare,
            Names,
            threads,
            only,
            Output,
        };
        command.SetAction(parsed =>
            RareClasses.Run(
                Setting(parsed, threads),
                parsed.GetValue(only)!,
                parsed.GetValue(Seeds),
                parsed.GetValue(Rare),
                parsed.GetValue(Names) switch
                {
                    "" or null => null,
                    "CamVid" => [.. MaskFormat.CamVid.ClassNames!],
                    var names => names.Split(',', StringSplitOptions.TrimEntries),
                },
                parsed.GetValue(Output)!
            )
        );
        return command;
    }

    /// <summary>The process that both measure.</summary>
    public static Command OneRun(Option<int> threads)
    {
        var command = new Command(SegmentationRun.Command) { Data, Test, Loss, Weights, Size, Ignored, Epochs, Batch, Seed, threads };
        command.Hidden = true;
        command.SetAction(parsed => Console.WriteLine(JsonSerializer.Serialize(SegmentationRun.Measure(Setting(parsed, threads)))));
        return command;
    }

    private static SegmentationRun.Setting Setting(ParseResult parsed, Option<int> threads)
    {
        var size = parsed.GetValue(Size)!.Split('x');
        return size.Length == 2 && int.TryParse(size[0], out var width) && int.TryParse(size[1], out var height)
            ? new(
                parsed.GetValue(Data)!,
                parsed.GetValue(Test)!,
                parsed.GetValue(Loss) ?? "CrossEntropy()",
                parsed.GetValue(Weights) ?? "",
                width,
                height,
                parsed.GetValue(Ignored),
                parsed.GetValue(Epochs),
                parsed.GetValue(Batch),
                Math.Max(1, parsed.GetValue(Seed)),
                parsed.GetValue(threads)
            )
            : throw new FormatException($"--image-size {parsed.GetValue(Size)}: write 192x160 (width x height).");
    }
}
