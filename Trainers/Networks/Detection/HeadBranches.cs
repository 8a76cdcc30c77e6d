using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>What a head says of all anchors of a batch.</summary>
/// <param name="Logits">[N, A, K], one score a class.</param>
/// <param name="Codes">[N, A, 4], boxes relative to their anchors.</param>
/// <param name="Quality">[N, A], logits of the quality; null where it is not told.</param>
internal readonly record struct HeadOutput(Tensor Logits, Tensor Codes, Tensor? Quality);

/// <summary>The two branches of a head, run over every level of a pyramid. Names are torchvision's.</summary>
internal sealed class HeadBranches : Composite
{
    private readonly DetectionHead head;
    private readonly Branch classes;
    private readonly Branch boxes;

    public HeadBranches(Initialization init, DetectionHead head, int outputs, bool hasBackground)
        : base(nameof(HeadBranches))
    {
        this.head = head;
        var anchors = head.AnchorsPerPlace;
        classes = Add("classification_head", new Branch(init, head, ("cls_logits", anchors * outputs)));
        boxes = Add(
            "regression_head",
            head.Quality == BoxQuality.None
                ? new Branch(init, head, ("bbox_reg", 4 * anchors))
                : new Branch(init, head, ("bbox_reg", 4 * anchors), ("bbox_ctrness", anchors))
        );
        using var frozen = no_grad();
        using var scope = NewDisposeScope();
        var bias = classes.Last[0].state_dict()["bias"];
        var prior = Math.Log((1 - head.PriorProbability) / head.PriorProbability);
        if (hasBackground)
            bias.view(anchors, outputs).narrow(1, outputs - 1, 1).fill_(prior + Math.Log(outputs - 1));
        else
            bias.fill_(-prior);
    }

    public HeadOutput Compute(IReadOnlyList<Tensor> levels)
    {
        using var scope = NewDisposeScope();
        var parts = levels.Select(level => (Classes: classes.Compute(level)[0], Boxes: boxes.Compute(level))).ToArray();
        var anchors = head.AnchorsPerPlace;
        var logits = cat([.. parts.Select(part => ByAnchor(part.Classes, anchors))], 1);
        var codes = cat([.. parts.Select(part => ByAnchor(part.Boxes[0], anchors))], 1);
        if (head.Coder is DistanceCoder)
            codes = codes.relu_();
        var quality =
            head.Quality == BoxQuality.None ? null : cat([.. parts.Select(part => ByAnchor(part.Boxes[1], anchors))], 1).squeeze(2);
        scope.MoveToOuter(logits);
        scope.MoveToOuter(codes);
        return new(logits, codes, quality is null ? null : scope.MoveToOuter(quality));
    }

    /// <summary>[N, anchors x K, H, W] as [N, H x W x anchors, K].</summary>
    private static Tensor ByAnchor(Tensor map, int anchors)
    {
        var (n, channels) = (map.shape[0], map.shape[1]);
        return map.permute(0, 2, 3, 1).reshape(n, -1, channels / anchors);
    }

    private sealed class Branch : Composite
    {
        private const int NormalizationGroups = 32;
        private readonly Chain conv;

        public Branch(Initialization init, DetectionHead head, params (string Name, int Outputs)[] last)
            : base(nameof(Branch))
        {
            conv = Add(
                "conv",
                head is FcosHead ? new Chain([.. Steps(init, head, bias: true).SelectMany(step => step)]) : Nested(init, head)
            );
            Last = [.. last.Select(layer => Add(layer.Name, new Convolution(init, head.Channels, layer.Outputs, 3, bias: true)))];
        }

        public Convolution[] Last { get; }

        public Tensor[] Compute(Tensor level)
        {
            using var scope = NewDisposeScope();
            var features = conv.call(level);
            return [.. Last.Select(layer => scope.MoveToOuter(layer.call(features)))];
        }

        private static Chain Nested(Initialization init, DetectionHead head) =>
            new([.. Steps(init, head, bias: !head.GroupNormalization).Select(Layer (step) => new Chain(step))]);

        private static IEnumerable<Layer[]> Steps(Initialization init, DetectionHead head, bool bias)
        {
            for (var i = 0; i < head.Convolutions; i++)
            {
                var convolution = new Convolution(init, head.Channels, head.Channels, 3, bias: bias);
                yield return head.GroupNormalization
                    ? [convolution, new GroupNorm(NormalizationGroups, head.Channels), Function.ReLU()]
                    : [convolution, Function.ReLU()];
            }
        }
    }
}
