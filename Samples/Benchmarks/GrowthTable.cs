using TorchSharp;

namespace MLNetLosses.Benchmarks;

/// <summary>How the cost grows with pixels, pairs and classes: times at N, 2N, 4N and the fitted exponent.</summary>
internal static class GrowthTable
{
    private static readonly (string Loss, string What, int[] Sizes, Func<string, int, LossWorkload> Make)[] Rows =
    [
        .. new[] { "CrossEntropy", "Focal", "Dice", "Tversky", "Lovasz", "HausdorffDistance", "Boundary", "CenterlineDice" }.Select(loss =>
            (
                loss,
                "pixels",
                new[] { 128, 181, 256 },
                (Func<string, int, LossWorkload>)((l, side) => LossWorkload.Pixels(l, side, images: 2, classes: 8))
            )
        ),
        .. new[] { "Triplet", "Triplet(miner: BatchHard)", "MultiSimilarity", "SupervisedContrastive", "Contrastive", "Circle" }.Select(
            loss =>
                (loss, "rows", new[] { 128, 256, 512 }, (Func<string, int, LossWorkload>)((l, rows) => LossWorkload.Embeddings(l, rows)))
        ),
        .. new[] { "NTXent", "BarlowTwins" }.Select(loss =>
            (loss, "rows", new[] { 256, 512, 1024 }, (Func<string, int, LossWorkload>)((l, rows) => LossWorkload.Views(l, rows)))
        ),
        .. new[] { "CrossEntropy", "Focal" }.Select(loss =>
            (
                loss,
                "classes",
                new[] { 1000, 2000, 4000 },
                (Func<string, int, LossWorkload>)((l, classes) => LossWorkload.Classes(l, classes: classes))
            )
        ),
        ("ArcFace", "classes", [2500, 5000, 10_000], (l, classes) => LossWorkload.Embeddings(l, classes: classes)),
        .. new[] { "GeneralizedIoU", "CompleteIoU" }.Select(loss =>
            (
                loss,
                "boxes",
                new[] { 50_000, 100_000, 200_000 },
                (Func<string, int, LossWorkload>)((l, boxes) => LossWorkload.Boxes(l, boxes))
            )
        ),
    ];

    public static void Run(int threads)
    {
        torch.set_num_threads(threads);
        Training.NativeMemory.KeepLargeBlocks(); // as the training loop does
        // What only the first work of a process costs (threads, pools, kernels that settle) would count for the first size and flatten the first row.
        foreach (var size in Rows[0].Sizes)
        {
            using var work = Rows[0].Make(Rows[0].Loss, size);
            _ = Timing.Milliseconds(work.Step, capSeconds: 1);
        }
        Console.WriteLine("| loss | grows with | N | ms at N | 2N | 4N | exponent |");
        Console.WriteLine("| --- | --- | ---: | ---: | ---: | ---: | ---: |");
        foreach (var (loss, what, sizes, make) in Rows)
        {
            var times = new List<double>();
            foreach (var size in sizes)
            {
                using var work = make(loss, size);
                times.Add(Timing.Median(Timing.Milliseconds(work.Step, capSeconds: 3)));
            }
            var n = what == "pixels" ? sizes[0] * sizes[0] : sizes[0];
            Console.WriteLine(
                $"| {loss} | {what} | {n} | {times[0]:0.00} | {times[1]:0.00} | {times[2]:0.00} | {Math.Log2(times[2] / times[0]) / 2:0.00} |"
            );
        }
    }
}
