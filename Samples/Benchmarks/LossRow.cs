namespace MLNetLosses.Benchmarks;

/// <summary>A row of the comparison: our loss and the peer's row in baselines/losses_speed.py that does the same.</summary>
/// <param name="Loss">The loss's name in that script.</param>
/// <param name="Peer">The peer's name there.</param>
/// <param name="Size">The size there.</param>
/// <param name="Ours">Our loss as text.</param>
/// <param name="Make">Our side.</param>
internal sealed record LossRow(string Loss, string Peer, string Size, string Ours, Func<string, LossWorkload> Make)
{
    /// <summary>Rows of the script that have no row here, and why: a ratio shall never be of two different things.</summary>
    public static IReadOnlyList<string> Different { get; } =
    [
        "hausdorff, erosion (kornia): the paper's form by repeated erosion, another value than that of distance transforms, which is ours",
        "ms-ssim + l1 (kornia): five windows at one scale, mixed with L1 and times 200, another value than that of Wang's pyramid, which is ours",
    ];

    private const string Classes = "[256,1000]";
    private const string Pixels = "[4,21,256,256]";
    private const string Blobs = "[2,2,128,128]";
    private const string Boxes = "[100000,4]";
    private const string Embeddings = "[256,128]";
    private const string Images = "[4,3,256,256]";

    public static IReadOnlyList<LossRow> All { get; } =
    [
        new("cross entropy", "torch", Classes, "CrossEntropy", text => LossWorkload.Classes(text)),
        new("cross entropy, smoothing 0.1", "torch", Classes, "CrossEntropy(labelSmoothing: 0.1)", text => LossWorkload.Classes(text)),
        new("focal, softmax", "kornia", Classes, "Focal(gamma: 2)", text => LossWorkload.Classes(text)),
        new(
            "focal, sigmoid",
            "torchvision",
            Classes,
            "Focal(gamma: 2, alpha: 0.25, activation: Sigmoid)",
            text => LossWorkload.Classes(text)
        ),
        new("cross entropy", "torch", Pixels, "CrossEntropy", text => LossWorkload.Pixels(text)),
        new("focal, softmax", "kornia", Pixels, "Focal(gamma: 2)", text => LossWorkload.Pixels(text)),
        new("focal, softmax", "MONAI", Pixels, "Focal(gamma: 2)", text => LossWorkload.Pixels(text)),
        new("focal, sigmoid", "smp", Pixels, "Focal(gamma: 2, activation: Sigmoid)", text => LossWorkload.Pixels(text)),
        new("dice", "MONAI", Pixels, "Dice", text => LossWorkload.Pixels(text)),
        new("dice", "smp", Pixels, "Dice(perImage: false)", text => LossWorkload.Pixels(text)),
        new("dice", "kornia", Pixels, "Dice", text => LossWorkload.Pixels(text)),
        new("dice + cross entropy", "MONAI", Pixels, "Dice() + CrossEntropy()", text => LossWorkload.Pixels(text)),
        new("tversky", "MONAI", Pixels, "Tversky(alpha: 0.5, beta: 0.5)", text => LossWorkload.Pixels(text)),
        new("tversky", "smp", Pixels, "Tversky(alpha: 0.5, beta: 0.5, perImage: false)", text => LossWorkload.Pixels(text)),
        new("lovasz softmax", "smp", Pixels, "Lovasz", text => LossWorkload.Pixels(text)),
        new("lovasz softmax", "kornia", Pixels, "Lovasz", text => LossWorkload.Pixels(text)),
        new("hausdorff, distance transform", "MONAI", Blobs, "HausdorffDistance", text => LossWorkload.Blobs(text)),
        new("boundary, maps made in the step", "this script, scipy", Blobs, "Boundary", text => LossWorkload.Blobs(text)),
        new("giou", "torchvision", Boxes, "GeneralizedIoU", text => LossWorkload.Boxes(text)),
        new("diou", "torchvision", Boxes, "DistanceIoU", text => LossWorkload.Boxes(text)),
        new("ciou", "torchvision", Boxes, "CompleteIoU", text => LossWorkload.Boxes(text)),
        new(
            "triplet, batch-hard",
            "pytorch-metric-learning",
            Embeddings,
            "Triplet(margin: 0.2, miner: BatchHard)",
            text => LossWorkload.Embeddings(text)
        ),
        new("multi-similarity", "pytorch-metric-learning", Embeddings, "MultiSimilarity", text => LossWorkload.Embeddings(text)),
        new(
            "arcface, 10000 classes",
            "pytorch-metric-learning",
            Embeddings,
            "ArcFace",
            text => LossWorkload.Embeddings(text, classes: 10_000)
        ),
        new("supcon", "pytorch-metric-learning", Embeddings, "SupervisedContrastive", text => LossWorkload.Embeddings(text)),
        new("ntxent, pairs", "lightly", Embeddings, "NTXent(temperature: 0.5)", text => LossWorkload.Views(text)),
        new("ntxent, pairs", "lightly", "[1024,128]", "NTXent(temperature: 0.5)", text => LossWorkload.Views(text, 1024)),
        new("ntxent, pairs", "pytorch-metric-learning", Embeddings, "NTXent(temperature: 0.5)", text => LossWorkload.Views(text)),
        new("ntxent, pairs", "pytorch-metric-learning", "[1024,128]", "NTXent(temperature: 0.5)", text => LossWorkload.Views(text, 1024)),
        new("ssim", "kornia", Images, "StructuralSimilarity", text => LossWorkload.Images(text)),
        new("ssim", "MONAI", Images, "StructuralSimilarity", text => LossWorkload.Images(text)),
    ];
}
