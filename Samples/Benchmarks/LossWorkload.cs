using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Benchmarks;

/// <summary>A loss at a size: what one forward and backward works on. The inputs are those of baselines/losses_speed.py.</summary>
internal sealed class LossWorkload : IDisposable
{
    private readonly LossFunction function;
    private readonly LossInputs inputs;
    private readonly Tensor[] leaves;

    private LossWorkload(string loss, LossInputs inputs, LossContext context, string[] differentiated)
    {
        this.inputs = inputs;
        function = Loss.Parse(loss).Build(context);
        function.CheckValues = false; // as in a training loop after its first step
        foreach (var name in differentiated)
            inputs[name].requires_grad_();
        leaves = [.. differentiated.Select(name => inputs[name]), .. function.parameters()];
    }

    public static LossWorkload Classes(string loss, int rows = 256, int classes = 1000) =>
        new(
            loss,
            new() { ["logits"] = randn(rows, classes), ["targets"] = randint(classes, [rows], ScalarType.Int64) },
            new() { ClassCount = classes },
            ["logits"]
        );

    public static LossWorkload Pixels(string loss, int side = 256, int images = 4, int classes = 21) =>
        new(
            loss,
            new()
            {
                ["logits"] = randn(images, classes, side, side),
                ["targets"] = randint(classes, [images, side, side], ScalarType.Int64),
            },
            new() { ClassCount = classes },
            ["logits"]
        );

    public static LossWorkload Blobs(string loss, int side = 128)
    {
        using var noise = randn(2, 1, side, side);
        using var smooth = nn.functional.avg_pool2d(noise, 31, 1, 15);
        var targets = smooth.gt(smooth.mean()).to(ScalarType.Int64).squeeze(1);
        return new(loss, new() { ["logits"] = randn(2, 2, side, side), ["targets"] = targets }, new() { ClassCount = 2 }, ["logits"]);
    }

    public static LossWorkload Boxes(string loss, int boxes = 100_000)
    {
        var corner = rand(boxes, 2) * 400;
        var targets = cat([corner, corner + rand(boxes, 2) * 80 + 4], 1);
        return new(
            loss,
            new() { ["predictedBoxes"] = targets + randn_like(targets), ["targetBoxes"] = targets },
            new(),
            ["predictedBoxes"]
        );
    }

    public static LossWorkload Embeddings(string loss, int rows = 256, int perClass = 8, int classes = 0, int width = 128)
    {
        var labels =
            classes > 0
                ? randint(classes, [rows], ScalarType.Int64)
                : arange(rows / perClass, ScalarType.Int64).repeat_interleave(perClass);
        return new(
            loss,
            new() { ["embeddings"] = randn(rows, width), ["labels"] = labels },
            new() { ClassCount = classes > 0 ? classes : rows / perClass, EmbeddingSize = width },
            ["embeddings"]
        );
    }

    public static LossWorkload Views(string loss, int rows = 256, int width = 128) =>
        new(
            loss,
            new() { ["viewA"] = randn(rows / 2, width), ["viewB"] = randn(rows / 2, width) },
            new() { EmbeddingSize = width },
            ["viewA", "viewB"]
        );

    public static LossWorkload Images(string loss, int side = 256)
    {
        var targets = rand(4, 3, side, side);
        return new(
            loss,
            new() { ["predictions"] = (targets + 0.1 * randn_like(targets)).clamp(0, 1), ["targets"] = targets },
            new(),
            ["predictions"]
        );
    }

    /// <summary>One forward and backward.</summary>
    public void Step()
    {
        using var scope = NewDisposeScope();
        foreach (var leaf in leaves)
            leaf.grad = null;
        function.Evaluate(inputs).backward();
    }

    public void Dispose()
    {
        foreach (var (_, tensor) in inputs)
            tensor.Dispose();
        function.Dispose();
    }
}
