using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace MLNetLosses.Benchmarks;

/// <summary>A row of the comparison with the plain formula: our loss, and the same as it is written in PyTorch, one tensor operation after another.</summary>
/// <param name="Loss">Our loss as text.</param>
/// <param name="Size">The size of its inputs in words.</param>
/// <param name="Make">Makes the inputs.</param>
/// <param name="Formula">The same value from the same inputs.</param>
internal sealed record PlainRow(string Loss, string Size, Func<string, LossWorkload> Make, Func<PlainState, Tensor> Formula)
{
    /// <summary>What ours is compared with: torch's own function where it has one, which is what one would call.</summary>
    public string Peer { get; init; } = "plain formula";

    /// <summary>How the table calls the loss, where its text is long.</summary>
    public string Title { get; init; } = Loss;

    public static IReadOnlyList<PlainRow> All { get; } =
    [
        .. RegressionFormulas.Rows,
        .. ClassificationFormulas.Rows,
        .. SegmentationFormulas.Rows,
        .. DetectionFormulas.Rows,
        .. MetricLearningFormulas.Rows,
        .. SelfSupervisedFormulas.Rows,
        .. GenerationFormulas.Rows,
    ];

    /// <summary>A row against torch's own function.</summary>
    public static PlainRow Torch(string loss, string size, Func<string, LossWorkload> make, Func<PlainState, Tensor> formula) =>
        new(loss, size, make, formula) { Peer = "torch" };

    /// <summary>Class indices [N, ...] as a one-hot tensor [N, C, ...] of numbers, as the formulas of papers have it.</summary>
    public static Tensor OneHot(Tensor indices, long classes)
    {
        var last = F.one_hot(indices, classes);
        return last.movedim([last.dim() - 1], [1]).to(PlainState.Number);
    }
}
