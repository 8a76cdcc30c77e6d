using TorchSharp;

namespace MLNetLosses.Benchmarks;

/// <summary>Each loss, forward and backward, ours and the peers' own code in turn, each in its process: medians and ratios.</summary>
internal static class LossComparison
{
    public static void Run(PeerScript peers, string only, int rounds, int threads)
    {
        torch.set_num_threads(threads);
        Training.NativeMemory.KeepLargeBlocks(); // as the training loop does
        var rows = LossRow.All.Where(r => $"{r.Loss} {r.Peer}".Contains(only, StringComparison.OrdinalIgnoreCase)).ToArray();
        var ours = rows.ToDictionary(r => r, _ => new List<double>());
        var theirs = rows.ToDictionary(r => r, _ => new List<double>());
        var failures = new Dictionary<LossRow, string>(); // such as more memory than the machine shall lose
        for (var round = 0; round < rounds; round++)
            foreach (var group in rows.GroupBy(r => $"{r.Loss} {r.Peer}"))
            {
                foreach (var row in group)
                {
                    using var work = row.Make(row.Ours);
                    ours[row].Add(Timing.Median(Timing.Milliseconds(work.Step)));
                }
                var times = peers.LossTimes(group.Key, 8);
                foreach (var row in group)
                    if (times.TryGetValue((row.Loss, row.Peer, row.Size), out var time))
                    {
                        if (time.Failure is null)
                            theirs[row].Add(time.Median);
                        else
                            failures[row] = time.Failure;
                    }
            }
        LossTable.Head(threads);
        var ratios = new List<double>();
        foreach (var row in rows)
        {
            var (mine, their) = (Timing.Median(ours[row]), Timing.Median(theirs[row]));
            if (double.IsFinite(their))
                ratios.Add(their / mine);
            LossTable.Row(row.Loss, row.Size, row.Peer, mine, their, failures.GetValueOrDefault(row));
        }
        LossTable.Summary(ratios);
        Console.WriteLine("\nRows of the script without a counterpart:");
        foreach (var other in LossRow.Different)
            Console.WriteLine($"- {other}");
        Console.WriteLine();
    }
}
