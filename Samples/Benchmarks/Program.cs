using System.CommandLine;
using MLNetLosses.Benchmarks;

// Ours against PyTorch, in pairs, in one run on one machine. Every figure is a median; ratios are what to quote.
Option<string?> python = new("--python")
{
    Description = "An interpreter with torch and torchvision; without it only our side is measured.",
};
Option<string> scripts = new("--baselines")
{
    Description = "The folder with the PyTorch scripts.",
    DefaultValueFactory = _ => Path.Combine("..", "shared", "baselines"),
};
Option<string?> peers = new("--peers") { Description = "The folder with checkouts of MONAI, kornia, segmentation_models.pytorch, ..." };
Option<string?> blas = new("--blas") { Description = "A folder whose BLAS PyTorch shall use instead of the reference BLAS." };
Option<int> threads = new("--threads") { Description = "Threads of both sides.", DefaultValueFactory = _ => Environment.ProcessorCount };
Option<int> rounds = new("--rounds") { Description = "How often both sides take their turn.", DefaultValueFactory = _ => 3 };
Option<string> only = new("--only") { Description = "Only rows that contain this text.", DefaultValueFactory = _ => "" };

PeerScript? Peer(ParseResult parsed) =>
    parsed.GetValue(python) is { } interpreter
        ? new(interpreter, parsed.GetValue(scripts)!, parsed.GetValue(peers), parsed.GetValue(blas))
        : null;

var losses = new Command("losses", "Each loss, forward and backward.") { python, scripts, peers, blas, threads, rounds, only };
losses.SetAction(parsed => LossComparison.Run(Peer(parsed), parsed.GetValue(only)!, parsed.GetValue(rounds), parsed.GetValue(threads)));

var growth = new Command("growth", "How the cost of losses grows with pixels, pairs and classes.") { threads };
growth.SetAction(parsed => GrowthTable.Run(parsed.GetValue(threads)));

return new RootCommand("Benchmarks: ours against PyTorch, in pairs, in one run.") { losses, growth }
    .Parse(args)
    .Invoke();
