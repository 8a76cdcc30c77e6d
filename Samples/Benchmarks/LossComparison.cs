using TorchSharp;

namespace MLNetLosses.Benchmarks;

/// <summary>Each loss, forward and backward, ours and the peer's in turn: medians and ratios.</summary>
internal static class LossComparison
{
    public static void Run(PeerScript? peers, string only, int rounds, int threads)
    {
        torch.set_num_threads(threads);
        Training.NativeMemory.KeepLargeBlocks(); // as the training loop does
        var rows = LossRow.All.Where(r => $"{r.Loss} {r.Peer}".Contains(only, StringComparison.OrdinalIgnoreCase)).ToArray();
        var ours = rows.ToDictionary(r => r, _ => new List<double>());
        var theirs = rows.ToDictionary(r => r, _ => new List<double>());
        for (var round = 0; round < rounds; round++)
            foreach (var group in rows.GroupBy(r => $"{r.Loss} {r.Peer}"))
            {
                foreach (var row in group)
                {
                    using var work = row.Make();
                    ours[row].Add(Timing.Median(Timing.Milliseconds(work.Step)));
                }
                if (peers is null)
                    continue;
                var times = peers.LossTimes(group.Key, 8);
                foreach (var row in group)
                    if (times.TryGetValue((row.Loss, row.Peer, row.Size), out var time))
                        theirs[row].Add(time);
            }
        Console.WriteLine($"| loss, forward + backward, float32, {threads} threads | size | peer | ours ms | peer ms | peer / ours |");
        Console.WriteLine("| --- | --- | --- | ---: | ---: | ---: |");
        var ratios = new List<double>();
        foreach (var row in rows)
        {
            var (mine, their) = (Timing.Median(ours[row]), Timing.Median(theirs[row]));
            if (double.IsFinite(their))
                ratios.Add(their / mine);
            Console.WriteLine($"| {row.Loss} | {row.Size} | {row.Peer} | {mine:0.00} | {their:0.00} | {their / mine:0.00} |");
        }
        if (ratios.Count > 0)
            Console.WriteLine(
                $"\n{ratios.Count} rows, geometric mean of peer / ours {Timing.GeometricMean(ratios):0.00}, slowest {ratios.Min():0.00}, {ratios.Count(r => r < 1)} rows below 1."
            );
    }
}
