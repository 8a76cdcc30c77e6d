using System.CommandLine;

namespace MLNetLosses.Benchmarks;

/// <summary>The command that compares losses.</summary>
internal static class LossCommands
{
    private static readonly Option<string> Against = new Option<string>("--against")
    {
        Description =
            "peers: their own code, by --python; plain: the formulas written out in torch; all: both, the peers where --python is given.",
        DefaultValueFactory = _ => "all",
    }.AcceptOnlyFromAmong("peers", "plain", "all");

    private static readonly Option<double> Seconds = new("--seconds")
    {
        Description =
            "For how long a row against the plain formula is measured; 0: only check that both give the same value and gradients.",
        DefaultValueFactory = _ => 2,
    };

    public static Command Comparison(
        IEnumerable<Option> shared,
        Option<int> threads,
        Option<int> rounds,
        Option<string> only,
        Func<ParseResult, PeerScript?> peer
    )
    {
        var command = new Command(
            "losses",
            "Each loss, forward and backward: against the peers' own code in turns (--python, --peers), then against the plain formula in this process."
        )
        {
            threads,
            rounds,
            only,
            Against,
            Seconds,
        };
        foreach (var option in shared)
            command.Add(option);
        command.SetAction(parsed =>
        {
            var against = parsed.GetValue(Against);
            var (word, count) = (parsed.GetValue(only)!, parsed.GetValue(threads));
            if (against != "plain" && peer(parsed) is { } script)
                LossComparison.Run(script, word, parsed.GetValue(rounds), count);
            else if (against == "peers")
                throw new ArgumentException(
                    "--against peers needs --python: an interpreter with torch, and --peers: the folder of their checkouts."
                );
            if (against == "peers")
                return 0;
            var agree = PlainComparison.Run(word, parsed.GetValue(Seconds), count);
            MissingLosses.Print();
            return agree ? 0 : 1;
        });
        return command;
    }
}
