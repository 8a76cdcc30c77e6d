using System.Diagnostics;
using MLNetLosses.Losses;
using TorchSharp;

namespace MLNetLosses.Benchmarks;

/// <summary>
/// Each loss, forward and backward, ours and the plain formula in turn, in one process, after both were found to give the same value and gradients. The
/// formula's temporary tensors live until its step ends, in Python until they are no longer named: a little to its harm where tensors are large.
/// </summary>
internal static class PlainComparison
{
    /// <summary>Prints the table.</summary>
    /// <param name="only">Only rows that contain this.</param>
    /// <param name="seconds">For how long a row is measured; 0: it is only checked.</param>
    /// <param name="threads">Threads.</param>
    /// <returns>Whether every formula agreed with our loss.</returns>
    public static bool Run(string only, double seconds, int threads)
    {
        torch.set_num_threads(threads);
        Training.NativeMemory.KeepLargeBlocks(); // as the training loop does
        LossTable.Head(threads);
        var ratios = new List<double>();
        var agree = true;
        foreach (var row in PlainRow.All)
        {
            if (!$"{row.Title} {row.Peer} {row.Size}".Contains(only, StringComparison.OrdinalIgnoreCase))
                continue;
            using var scope = torch.NewDisposeScope();
            torch.random.manual_seed(1);
            using var work = row.Make(row.Loss);
            if (work.Disagreement(row.Formula) is { } difference)
            {
                agree = false;
                Console.WriteLine($"| {row.Title} | {row.Size} | {row.Peer} | error: {difference} | | |");
                continue;
            }
            if (seconds <= 0)
            {
                Console.WriteLine($"| {row.Title} | {row.Size} | {row.Peer} | agrees | | |");
                continue;
            }
            var (ours, theirs) = Timing.InTurn(work.Step, () => work.Step(row.Formula), seconds);
            ratios.Add(theirs / ours);
            LossTable.Row(row.Title, row.Size, row.Peer, ours, theirs);
        }
        LossTable.Summary(ratios);
        return agree;
    }
}
