using MLNetLosses.Losses;

namespace MLNetLosses.Benchmarks;

/// <summary>The losses of the catalog that no row compares, so that nothing is hidden.</summary>
internal static class MissingLosses
{
    private const string ByNetwork = "with a network inside, the cost is the network's; compared on given features where it takes them";

    private static readonly Dictionary<string, string> Reasons = new()
    {
        ["GradientPenalty"] = "the cost is the second backward pass through the critic",
        ["Super"] = "its optimum needs Lambert's W, which torch lacks",
        ["SuperClassification"] = "its optimum needs Lambert's W, which torch lacks",
        ["AutomatedFocal"] = "as Focal",
    };

    public static void Print()
    {
        var compared = PlainRow.All.Select(row => row.Loss).Concat(LossRow.All.Select(row => row.Ours)).SelectMany(Names).ToHashSet();
        Console.WriteLine(
            $"\nLosses of the catalog without a row ({LossCatalog.All.Count(loss => !compared.Contains(loss.Name))} of {LossCatalog.All.Count}):"
        );
        foreach (var loss in LossCatalog.All.Where(loss => !compared.Contains(loss.Name)))
            Console.WriteLine($"- {loss.Name}: {Reason(loss)}");
        Console.WriteLine($"\nLosses on features (Perceptual, Content, Style): {ByNetwork}.");
    }

    private static IEnumerable<string> Names(string text) =>
        Loss.Parse(text) is var loss && loss is ISumLoss sum ? sum.Terms.Select(term => term.Loss.Name) : [loss.Name];

    private static string Reason(LossInfo loss) =>
        Reasons.GetValueOrDefault(loss.Name)
        ?? (loss.Is<LossWeighting>() ? "a few numbers a step, or whole networks' gradients" : "no row yet");
}
