using System.Globalization;
using TorchSharp;

namespace MLNetLosses.Benchmarks;

/// <summary>How the cost grows with what drives it in each family: times at N, 2N, 4N, the fitted exponent and that of the theory.</summary>
internal static class GrowthTable
{
    private const double Slack = 0.25; // of an exponent on a shared machine

    /// <param name="Loss">The loss as text.</param>
    /// <param name="What">What grows.</param>
    /// <param name="Sizes">Three sizes.</param>
    /// <param name="Exponent">The theory's, of what grows; 1.1 stands for n log n.</param>
    /// <param name="Make">Makes the inputs.</param>
    private sealed record Row(string Loss, string What, int[] Sizes, double Exponent, Func<string, int, LossWorkload> Make)
    {
        /// <summary>N: sides are counted as pixels.</summary>
        public long N => What == "pixels" ? (long)Sizes[0] * Sizes[0] : Sizes[0];

        public string Theory => Exponent == 1.1 ? "1, n log n" : Exponent.ToString(CultureInfo.InvariantCulture);
    }

    private static readonly Row[] Rows =
    [
        .. Of("pixels", [128, 181, 256], 1, Masks, "CrossEntropy", "Focal", "Dice", "Tversky"),
        .. Of("pixels", [128, 181, 256], 1.1, Masks, "OnlineHardExampleMiningCrossEntropy", "Lovasz"), // a selection, a sort
        .. Of("pixels", [128, 181, 256], 1, Masks, "HausdorffDistance", "Boundary"), // distance transforms
        .. Of("pixels", [128, 181, 256], 1, Masks, "CenterlineDice"), // pools
        .. Of(
            "pixels",
            [256, 362, 512],
            1,
            (loss, side) => LossWorkload.Images(loss, side),
            "StructuralSimilarity",
            "Edge",
            "TotalVariation"
        ),
        .. Of("pixels", [256, 362, 512], 1.1, (loss, side) => LossWorkload.Images(loss, side), "FocalFrequency"),
        .. Of(
            "rows, pairs of them",
            [256, 512, 1024],
            2,
            (loss, rows) => LossWorkload.Embeddings(loss, rows),
            "Contrastive",
            "MultiSimilarity",
            "Circle",
            "SupervisedContrastive",
            "LiftedStructure",
            "FastAP",
            "Triplet(miner: BatchHard)",
            "Triplet", // all triplets, n^2 log n by sorting
            "Triplet(miner: SemiHard)",
            "Margin",
            "TupletMargin",
            "Angular" // pairs of a class times rows, at a fixed size of a class
        ),
        .. Of(
            "rows, pairs of them",
            [512, 1024, 2048],
            2,
            (loss, rows) => LossWorkload.Views(loss, rows),
            "NTXent",
            "ImageTextContrastive",
            "CrossModalTriplet"
        ),
        .. Of("rows", [512, 1024, 2048], 1, (loss, rows) => LossWorkload.Views(loss, rows), "BarlowTwins", "VICReg"),
        .. Of("width", [512, 1024, 2048], 1, (loss, width) => LossWorkload.Views(loss, 512, width), "BarlowTwins", "VICReg"), // wider than rows
        .. Of("classes", [1000, 2000, 4000], 1, (loss, classes) => LossWorkload.Classes(loss, classes: classes), "CrossEntropy", "Focal"),
        .. Of(
            "classes",
            [2500, 5000, 10_000],
            1,
            (loss, classes) => LossWorkload.Embeddings(loss, classes: classes),
            "ArcFace",
            "ProxyAnchor",
            "SoftTriple"
        ),
        .. Of("rows", [256, 512, 1024], 1, (loss, rows) => LossWorkload.Classes(loss, rows), "CrossEntropy", "Focal"),
        .. Of("boxes", [50_000, 100_000, 200_000], 1, (loss, boxes) => LossWorkload.Boxes(loss, boxes), "GeneralizedIoU", "CompleteIoU"),
        .. Of("places", [10_000, 20_000, 40_000], 1, (loss, places) => LossWorkload.Dense(loss, qualities: false, places), "SigmoidFocal"),
        .. Of(
            "places",
            [10_000, 20_000, 40_000],
            1,
            (loss, places) => LossWorkload.Dense(loss, qualities: true, places),
            "QualityFocal",
            "VariFocal"
        ),
        .. Of("places, with a share positive", [10_000, 20_000, 40_000], 2, LossWorkload.Ranked, "RankSort"),
    ];

    private static LossWorkload Masks(string loss, int side) => LossWorkload.Pixels(loss, side, images: 2, classes: 8);

    private static IEnumerable<Row> Of(
        string what,
        int[] sizes,
        double exponent,
        Func<string, int, LossWorkload> make,
        params string[] losses
    ) => losses.Select(loss => new Row(loss, what, sizes, exponent, make));

    public static void Run(string only, int threads)
    {
        torch.set_num_threads(threads);
        Training.NativeMemory.KeepLargeBlocks(); // as the training loop does
        var rows = Rows.Where(row => $"{row.Loss} {row.What}".Contains(only, StringComparison.OrdinalIgnoreCase)).ToArray();
        // What only the first work of a process costs (threads, pools, kernels that settle) would count for the first size and flatten the first row.
        foreach (var size in Rows[0].Sizes)
        {
            using var work = Rows[0].Make(Rows[0].Loss, size);
            _ = Timing.Milliseconds(work.Step, capSeconds: 1);
        }
        Console.WriteLine("| loss | grows with | N | ms at N | 2N | 4N | exponent | by theory | |");
        Console.WriteLine("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |");
        foreach (var row in rows)
        {
            var times = new List<double>();
            foreach (var size in row.Sizes)
            {
                using var work = row.Make(row.Loss, size);
                times.Add(Timing.Median(Timing.Milliseconds(work.Step, capSeconds: 3)));
            }
            var exponent = Math.Log2(times[2] / times[0]) / 2; // the line of least squares through three points at equal steps
            var mark = exponent > row.Exponent + Slack ? "above" : "";
            Console.WriteLine(
                FormattableString.Invariant(
                    $"| {row.Loss} | {row.What} | {row.N} | {times[0]:0.00} | {times[1]:0.00} | {times[2]:0.00} | {exponent:0.00} | {row.Theory} | {mark} |"
                )
            );
        }
    }
}
