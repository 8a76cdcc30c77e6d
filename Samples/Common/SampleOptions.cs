using System.CommandLine;

namespace MLNetLosses.Samples;

/// <summary>The options that all samples share.</summary>
/// <param name="Train">The folder to train on; null: a set is drawn.</param>
/// <param name="Validation">A folder to validate on; null: none.</param>
/// <param name="Test">A folder to evaluate on; null: the drawn test set, or none.</param>
/// <param name="Loss">The loss as text or JSON; a file's name stands for its content.</param>
/// <param name="Backbone">The network's name; null: the sample's.</param>
/// <param name="Weights">A file of weights to start from.</param>
/// <param name="Epochs">How often to go through the data; 0: only evaluate.</param>
/// <param name="ImageSize">Width and height that images are resized to; null: the sample's.</param>
/// <param name="BatchSize">Images a step.</param>
/// <param name="LearningRate">The peak of the learning rate; null: the sample's.</param>
/// <param name="Seed">Same seed and data, same model.</param>
/// <param name="Device">cpu, cuda or cuda:1; null: the best there is.</param>
/// <param name="Output">The folder for the model and the reports.</param>
/// <param name="Resume">Whether to go on from the checkpoint in the output folder.</param>
public sealed record SampleOptions(
    string? Train,
    string? Validation,
    string? Test,
    string? Loss,
    string? Backbone,
    string? Weights,
    int? Epochs,
    (int Width, int Height)? ImageSize,
    int? BatchSize,
    double? LearningRate,
    int Seed,
    string? Device,
    string Output,
    bool Resume
)
{
    /// <summary>Reads the command line and runs the sample; errors are printed in a line, with exit code 1.</summary>
    /// <param name="args">The command line.</param>
    /// <param name="description">What the sample does.</param>
    /// <param name="name">The sample's name, for its default output folder.</param>
    /// <param name="extra">Options that only this sample has.</param>
    /// <param name="run">The sample. Its token is cancelled by Ctrl+C.</param>
    /// <returns>The exit code.</returns>
    public static int Run(
        string[] args,
        string description,
        string name,
        IReadOnlyList<Option> extra,
        Action<SampleOptions, ParseResult, CancellationToken> run
    )
    {
        Option<string?> train = new("--train") { Description = "Folder to train on. Default: a set that the sample draws." };
        Option<string?> validation = new("--validation")
        {
            Description = "Folder to validate on after each epoch. Default: none, or that of the drawn set.",
        };
        Option<string?> test = new("--test") { Description = "Folder to evaluate on. Default: the drawn test set." };
        Option<string?> loss = new("--loss")
        {
            Description = "The loss: text such as \"CrossEntropy() + 0.5 * Focal(gamma: 3)\", JSON, or a file that holds either.",
        };
        Option<string?> backbone = new("--backbone") { Description = "The network, such as ResNet18." };
        Option<string?> weights = new("--weights") { Description = "Weights to start from: .safetensors, .pth, .pt or .th." };
        Option<int?> epochs = new("--epochs") { Description = "Passes over the training set; 0: only evaluate." };
        Option<string?> size = new("--image-size") { Description = "Pixels, as 64 or 192x160 (width x height)." };
        Option<int?> batch = new("--batch-size") { Description = "Images a step." };
        Option<double?> rate = new("--learning-rate") { Description = "The peak of the learning rate." };
        Option<int> seed = new("--seed") { Description = "Same seed and data, same model.", DefaultValueFactory = _ => 1 };
        Option<string?> device = new("--device") { Description = "cpu, cuda or cuda:1. Default: a GPU if there is one." };
        Option<string> output = new("--output")
        {
            Description = "Folder for the model and the reports.",
            DefaultValueFactory = _ => Path.Combine("output", name),
        };
        Option<bool> resume = new("--resume") { Description = "Go on from the checkpoint in the output folder." };
        var command = new RootCommand(description)
        {
            train,
            validation,
            test,
            loss,
            backbone,
            weights,
            epochs,
            size,
            batch,
            rate,
            seed,
            device,
            output,
            resume,
        };
        Option<string[]> compare = new("--compare")
        {
            Description = "Train nothing: compare the trainings in these output folders in a page, comparison.html in the output folder.",
            AllowMultipleArgumentsPerToken = true,
        };
        command.Options.Add(compare);
        foreach (var option in extra)
            command.Options.Add(option);
        command.SetAction(
            (parsed, cancellation) =>
            {
                if (parsed.GetValue(compare) is { Length: > 0 } folders)
                    return Task.FromResult(Guarded(() => Compare(folders, parsed.GetValue(output)!)));
                return Task.FromResult(
                    Guarded(() =>
                    {
                        var options = new SampleOptions(
                            parsed.GetValue(train),
                            parsed.GetValue(validation),
                            parsed.GetValue(test),
                            TextOrFile(parsed.GetValue(loss)),
                            parsed.GetValue(backbone),
                            parsed.GetValue(weights),
                            parsed.GetValue(epochs),
                            Size(parsed.GetValue(size)),
                            parsed.GetValue(batch),
                            parsed.GetValue(rate),
                            parsed.GetValue(seed),
                            parsed.GetValue(device),
                            parsed.GetValue(output)!,
                            parsed.GetValue(resume)
                        );
                        options.CheckFolders();
                        run(options, parsed, cancellation);
                    })
                );
            }
        );
        return command.Parse(args).Invoke();
    }

    /// <summary>The value that an option names.</summary>
    /// <typeparam name="T">The enumeration.</typeparam>
    /// <param name="option">The option, for the message.</param>
    /// <param name="text">What was given.</param>
    /// <exception cref="ArgumentException">The enumeration has no such value; the message lists those that it has.</exception>
    public static T Named<T>(string option, string text)
        where T : struct, Enum =>
        Enum.TryParse<T>(text, ignoreCase: true, out var value) && Enum.IsDefined(value)
            ? value
            : throw new ArgumentException($"{option} {text}: allowed are {string.Join(", ", Enum.GetNames<T>())}.");

    /// <summary>What an option's text stands for.</summary>
    /// <typeparam name="T">What it is.</typeparam>
    /// <param name="option">The option, for the message.</param>
    /// <param name="text">What was given.</param>
    /// <param name="read">Reads it.</param>
    /// <exception cref="FormatException">It cannot be read; the message names the option.</exception>
    public static T Read<T>(string option, string text, Func<string, T> read)
    {
        try
        {
            return read(text);
        }
        catch (Exception error) when (error is FormatException or ArgumentException)
        {
            throw new FormatException($"{option} {text}: {error.Message}", error);
        }
    }

    // A missing test set is better said before the training than after it.
    private void CheckFolders()
    {
        foreach (var (option, path) in new[] { ("--train", Train), ("--validation", Validation), ("--test", Test) })
            if (path is not null && !Directory.Exists(path) && !File.Exists(path))
                throw new DirectoryNotFoundException($"{option}: there is no folder '{path}'.");
    }

    private static void Compare(string[] folders, string output)
    {
        var page = Path.Combine(output, "comparison.html");
        Training.TrainingReport.Compare(folders, page);
        Console.WriteLine($"Comparison: {page}");
    }

    // What a user can mend is said in a line; what only we can mend keeps its stack.
    private static int Guarded(Action run)
    {
        try
        {
            run();
            return 0;
        }
        catch (Exception error)
            when (error
                    is ArgumentException
                        or FormatException
                        or IOException
                        or InvalidDataException
                        or UnauthorizedAccessException
                        or InvalidOperationException
                        or Training.TrainingDivergedException
            )
        {
            Console.Error.WriteLine($"Error: {error.Message}");
            return 1;
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine("Canceled. Use --resume to go on from the last checkpoint.");
            return 130;
        }
    }

    private static string? TextOrFile(string? loss) => loss is not null && File.Exists(loss) ? File.ReadAllText(loss).Trim() : loss;

    private static (int Width, int Height)? Size(string? text)
    {
        if (text is null)
            return null;
        var parts = text.Split('x');
        if (
            parts.Length is 1 or 2
            && int.TryParse(parts[0], out var width)
            && int.TryParse(parts[^1], out var height)
            && width > 0
            && height > 0
        )
            return (width, height);
        throw new FormatException($"--image-size {text}: write 64 or 192x160 (width x height).");
    }
}
