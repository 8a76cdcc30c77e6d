namespace MLNetLosses.Benchmarks;

/// <summary>A row of the comparison: our loss and the peer's row in baselines/losses_speed.py that does the same.</summary>
/// <param name="Loss">The loss's name in that script.</param>
/// <param name="Peer">The peer's name there.</param>
/// <param name="Size">The size there.</param>
/// <param name="Make">Our side.</param>
internal sealed record LossRow(string Loss, string Peer, string Size, Func<LossWorkload> Make)
{
    private const string Classes = "[256,1000]";
    private const string Pixels = "[4,21,256,256]";
    private const string Blobs = "[2,2,128,128]";
    private const string Boxes = "[100000,4]";
    private const string Embeddings = "[256,128]";
    private const string Images = "[4,3,256,256]";

    public static IReadOnlyList<LossRow> All { get; } =
    [
        new("cross entropy", "torch", Classes, () => LossWorkload.Classes("CrossEntropy")),
        new("cross entropy, smoothing 0.1", "torch", Classes, () => LossWorkload.Classes("CrossEntropy(labelSmoothing: 0.1)")),
        new("focal, softmax", "kornia", Classes, () => LossWorkload.Classes("Focal(gamma: 2)")),
        new("focal, sigmoid", "torchvision", Classes, () => LossWorkload.Classes("Focal(gamma: 2, alpha: 0.25, activation: Sigmoid)")),
        new("cross entropy", "torch", Pixels, () => LossWorkload.Pixels("CrossEntropy")),
        new("focal, softmax", "kornia", Pixels, () => LossWorkload.Pixels("Focal(gamma: 2)")),
        new("focal, softmax", "MONAI", Pixels, () => LossWorkload.Pixels("Focal(gamma: 2)")),
        new("focal, sigmoid", "smp", Pixels, () => LossWorkload.Pixels("Focal(gamma: 2, activation: Sigmoid)")),
        new("dice", "MONAI", Pixels, () => LossWorkload.Pixels("Dice")),
        new("dice", "smp", Pixels, () => LossWorkload.Pixels("Dice(perImage: false)")),
        new("dice", "kornia", Pixels, () => LossWorkload.Pixels("Dice")),
        new("dice + cross entropy", "MONAI", Pixels, () => LossWorkload.Pixels("Dice() + CrossEntropy()")),
        new("tversky", "MONAI", Pixels, () => LossWorkload.Pixels("Tversky(alpha: 0.5, beta: 0.5)")),
        new("tversky", "smp", Pixels, () => LossWorkload.Pixels("Tversky(alpha: 0.5, beta: 0.5, perImage: false)")),
        new("lovasz softmax", "smp", Pixels, () => LossWorkload.Pixels("Lovasz")),
        new("lovasz softmax", "kornia", Pixels, () => LossWorkload.Pixels("Lovasz")),
        new("hausdorff, distance transform", "MONAI", Blobs, () => LossWorkload.Blobs("HausdorffDistance")),
        new("boundary, maps made in the step", "this script, scipy", Blobs, () => LossWorkload.Blobs("Boundary")),
        new("giou", "torchvision", Boxes, () => LossWorkload.Boxes("GeneralizedIoU")),
        new("diou", "torchvision", Boxes, () => LossWorkload.Boxes("DistanceIoU")),
        new("ciou", "torchvision", Boxes, () => LossWorkload.Boxes("CompleteIoU")),
        new(
            "triplet, batch-hard",
            "pytorch-metric-learning",
            Embeddings,
            () => LossWorkload.Embeddings("Triplet(margin: 0.2, miner: BatchHard)")
        ),
        new("multi-similarity", "pytorch-metric-learning", Embeddings, () => LossWorkload.Embeddings("MultiSimilarity")),
        new("arcface, 10000 classes", "pytorch-metric-learning", Embeddings, () => LossWorkload.Embeddings("ArcFace", classes: 10_000)),
        new("supcon", "pytorch-metric-learning", Embeddings, () => LossWorkload.Embeddings("SupervisedContrastive")),
        new("ntxent, pairs", "lightly", Embeddings, () => LossWorkload.Views("NTXent(temperature: 0.5)")),
        new("ntxent, pairs", "lightly", "[1024,128]", () => LossWorkload.Views("NTXent(temperature: 0.5)", 1024)),
        new("ssim", "kornia", Images, () => LossWorkload.Images("StructuralSimilarity")),
        new("ssim", "MONAI", Images, () => LossWorkload.Images("StructuralSimilarity")),
    ];
}
