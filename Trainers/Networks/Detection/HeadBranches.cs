using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>What a head says of all anchors of a batch.</summary>
/// <param name="Logits">[N, A, K], one score a class.</param>
/// <param name="Codes">[N, A, <see cref="BoxCoder.Outputs"/>], what is told of boxes relative to their anchors.</param>
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
        var told = anchors * head.Coder.Outputs;
        boxes = Add(
            "regression_head",
            head.Quality == BoxQuality.None
                ? new Branch(init, head, ("bbox_reg", told))
                : new Branch(init, head, ("bbox_reg", told), ("bbox_ctrness", anchors))
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
        var anchors = head.AnchorsPerPlace;
        var logits = ByAnchor(classes.Compute(levels)[0], anchors);
        var told = boxes.Compute(levels);
        var codes = ByAnchor(told[0], anchors);
        if (head.Coder is DistanceCoder)
            codes = codes.relu_();
        var quality = head.Quality == BoxQuality.None ? null : ByAnchor(told[1], anchors).squeeze(2);
        scope.MoveToOuter(logits);
        scope.MoveToOuter(codes);
        return new(logits, codes, quality is null ? null : scope.MoveToOuter(quality));
    }

    /// <summary>Levels [N, anchors x K, H, W] as [N, sum of H x W x anchors, K].</summary>
    private static Tensor ByAnchor(IReadOnlyList<Tensor> levels, int anchors) =>
        cat([.. levels.Select(map => map.permute(0, 2, 3, 1).reshape(map.shape[0], -1, map.shape[1] / anchors))], 1);

    private sealed class Branch : Composite
    {
        private const int NormalizationGroups = 32;
        private readonly Step[] steps;

        public Branch(Initialization init, DetectionHead head, params (string Name, int Outputs)[] last)
            : base(nameof(Branch))
        {
            // torchvision's FCOS has a bias before a normalisation, which it does not need; its RetinaNet has none there.
            steps =
            [
                .. Enumerable
                    .Range(0, head.Convolutions)
                    .Select(_ => new Step(
                        new(init, head.Channels, head.Channels, 3, bias: head is FcosHead || !head.GroupNormalization),
                        head.GroupNormalization ? new(NormalizationGroups, head.Channels) : null
                    )),
            ];
            Add(
                "conv",
                head is FcosHead
                    ? new Chain([.. steps.SelectMany(step => step.Layers)])
                    : new Chain([.. steps.Select(Layer (step) => new Chain(step.Layers))])
            );
            Last = [.. last.Select(layer => Add(layer.Name, new Convolution(init, head.Channels, layer.Outputs, 3, bias: true)))];
        }

        public Convolution[] Last { get; }

        /// <summary>What each of the last convolutions says of every level.</summary>
        public IReadOnlyList<Tensor>[] Compute(IReadOnlyList<Tensor> levels)
        {
            using var scope = NewDisposeScope();
            var maps = levels;
            foreach (var step in steps)
                maps = step.Compute(maps);
            var results = Last.Select(layer => layer.Compute(maps)).ToArray();
            foreach (var map in results.SelectMany(result => result))
                scope.MoveToOuter(map);
            return results;
        }

        private sealed class Step(Convolution convolution, GroupNorm? normalization)
        {
            /// <summary>As published weights number them.</summary>
            public Layer[] Layers { get; } =
                normalization is null ? [convolution, Function.ReLU()] : [convolution, normalization, Function.ReLU()];

            public Tensor[] Compute(IReadOnlyList<Tensor> maps) =>
                [.. convolution.Compute(maps).Select(map => (normalization?.call(map) ?? map).relu_())];
        }
    }
}
