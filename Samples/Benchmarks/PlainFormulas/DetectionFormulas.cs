using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace MLNetLosses.Benchmarks;

/// <summary>Losses on pairs of boxes, and on the scores of dense heads.</summary>
internal static class DetectionFormulas
{
    private const string Boxes = "[100000,4]";
    private const string Dense = "[20000,80]";
    private const double Epsilon = 1e-7;

    public static IEnumerable<PlainRow> Rows =>
        [
            new("IoU", Boxes, Pairs, x => (1 - Overlap.Of(x).Ratio).mean()),
            new("IoU(log: true)", Boxes, Pairs, x => -Overlap.Of(x).Ratio.clamp(min: Epsilon).log().mean()),
            new("GeneralizedIoU", Boxes, Pairs, GeneralizedIoU),
            new("DistanceIoU", Boxes, Pairs, DistanceIoU),
            new("CompleteIoU", Boxes, Pairs, x => CompleteIoU(x, power: 1)),
            new("EfficientIoU", Boxes, Pairs, EfficientIoU),
            new("AlphaIoU", Boxes, Pairs, x => (1 - Overlap.Of(x).Ratio.pow(3)).mean()),
            new("AlphaIoU(variant: CompleteIoU)", Boxes, Pairs, x => CompleteIoU(x, power: 3)),
            new("BalancedL1", Boxes, Offsets, BalancedL1),
            PlainRow.Torch("SmoothL1(beta: 0.1)", Boxes, Offsets, x => F.smooth_l1_loss(x["predictions"], x["targets"], beta: 0.1)),
            new("SigmoidFocal", Dense, Hits, SigmoidFocal),
            new("QualityFocal", Dense, Qualities, QualityFocal),
            new("VariFocal", Dense, Qualities, VariFocal),
            new("DistributionFocal", "[20000,4,17]", Distances, DistributionFocal),
            new("GaussianHeatmapFocal", "[4,80,128,128]", HeatMaps, GaussianHeatmap),
        ];

    // As those against torchvision, but none is inside out: what a loss makes of such boxes is not agreed on.
    private static LossWorkload Pairs(string loss)
    {
        var corner = rand(100_000, 2) * 400;
        var targets = cat([corner, corner + rand(100_000, 2) * 80 + 4], 1);
        var moved = targets + randn_like(targets);
        var (a, b) = (moved.narrow(1, 0, 2), moved.narrow(1, 2, 2));
        return LossWorkload.Of(
            loss,
            new() { ["predictedBoxes"] = cat([minimum(a, b), maximum(a, b)], 1), ["targetBoxes"] = targets },
            "predictedBoxes"
        );
    }

    private static LossWorkload Offsets(string loss) =>
        LossWorkload.Of(loss, new() { ["predictions"] = randn(100_000, 4), ["targets"] = randn(100_000, 4) }, "predictions");

    private static LossWorkload Hits(string loss) => LossWorkload.Dense(loss, qualities: false);

    private static LossWorkload Qualities(string loss) => LossWorkload.Dense(loss, qualities: true);

    private static LossWorkload Distances(string loss) =>
        LossWorkload.Of(loss, new() { ["logits"] = randn(20_000, 4, 17), ["targets"] = rand(20_000, 4) * 15.9 }, "logits");

    private static LossWorkload HeatMaps(string loss)
    {
        var targets = rand(4, 80, 128, 128).pow(8) * 0.99;
        return LossWorkload.Of(
            loss,
            new()
            {
                ["logits"] = randn(4, 80, 128, 128) - 2,
                ["targets"] = where(rand_like(targets).lt(0.001), ones_like(targets), targets),
            },
            "logits"
        );
    }

    /// <summary>What the formulas on pairs share.</summary>
    private sealed record Overlap(Tensor[] P, Tensor[] T, Tensor Union, Tensor Ratio)
    {
        public static Overlap Of(PlainState x)
        {
            var (p, t) = (x["predictedBoxes"].unbind(1), x["targetBoxes"].unbind(1));
            var width = (minimum(p[2], t[2]) - maximum(p[0], t[0])).clamp(min: 0);
            var height = (minimum(p[3], t[3]) - maximum(p[1], t[1])).clamp(min: 0);
            var shared = width * height;
            var union = (p[2] - p[0]) * (p[3] - p[1]) + (t[2] - t[0]) * (t[3] - t[1]) - shared;
            return new(p, t, union, shared / (union + Epsilon));
        }

        public Tensor Width => maximum(P[2], T[2]) - minimum(P[0], T[0]);

        public Tensor Height => maximum(P[3], T[3]) - minimum(P[1], T[1]);

        public Tensor CentreDistance => (((P[0] + P[2]) - (T[0] + T[2])) / 2).pow(2) + (((P[1] + P[3]) - (T[1] + T[3])) / 2).pow(2);
    }

    private static Tensor GeneralizedIoU(PlainState x)
    {
        var o = Overlap.Of(x);
        var hull = o.Width * o.Height;
        return (1 - o.Ratio + (hull - o.Union) / (hull + Epsilon)).mean();
    }

    private static Tensor DistanceIoU(PlainState x)
    {
        var o = Overlap.Of(x);
        return (1 - o.Ratio + o.CentreDistance / (o.Width.pow(2) + o.Height.pow(2) + Epsilon)).mean();
    }

    private static Tensor CompleteIoU(PlainState x, double power)
    {
        var o = Overlap.Of(x);
        var ours = atan((o.P[2] - o.P[0]) / (o.P[3] - o.P[1]));
        var theirs = atan((o.T[2] - o.T[0]) / (o.T[3] - o.T[1]));
        var v = 4 / (Math.PI * Math.PI) * (theirs - ours).pow(2);
        var alpha = (v / (1 - o.Ratio + v + Epsilon)).detach();
        var distance = o.CentreDistance / (o.Width.pow(2) + o.Height.pow(2) + Epsilon);
        return power == 1
            ? (1 - o.Ratio + distance + alpha * v).mean()
            : (1 - o.Ratio.pow(power) + distance.pow(power) + (alpha * v).pow(power)).mean();
    }

    private static Tensor EfficientIoU(PlainState x)
    {
        var o = Overlap.Of(x);
        var (width, height) = (o.Width.pow(2), o.Height.pow(2));
        var wider = ((o.P[2] - o.P[0]) - (o.T[2] - o.T[0])).pow(2) / (width + Epsilon);
        var higher = ((o.P[3] - o.P[1]) - (o.T[3] - o.T[1])).pow(2) / (height + Epsilon);
        return (1 - o.Ratio + o.CentreDistance / (width + height + Epsilon) + wider + higher).mean();
    }

    private static Tensor BalancedL1(PlainState x)
    {
        const double alpha = 0.5;
        const double gamma = 1.5;
        const double beta = 1;
        var b = Math.Exp(gamma / alpha) - 1;
        var d = (x["predictions"] - x["targets"]).abs();
        var near = alpha / b * (b * d + 1) * log(b * d / beta + 1) - alpha * d;
        return where(d.lt(beta), near, gamma * d + gamma / b - alpha * beta).mean();
    }

    private static Tensor SigmoidFocal(PlainState x)
    {
        var t = x["targets"].to(PlainState.Number);
        var p = x["logits"].sigmoid();
        var cost = F.binary_cross_entropy_with_logits(x["logits"], t, reduction: nn.Reduction.None);
        var right = p * t + (1 - p) * (1 - t);
        return ((0.25 * t + 0.75 * (1 - t)) * cost * (1 - right).pow(2)).sum() / t.sum().clamp(min: 1);
    }

    private static Tensor QualityFocal(PlainState x)
    {
        var t = x["targets"];
        var cost = F.binary_cross_entropy_with_logits(x["logits"], t, reduction: nn.Reduction.None);
        return (cost * (t - x["logits"].sigmoid()).abs().pow(2)).sum() / t.gt(0).sum().clamp(min: 1);
    }

    private static Tensor VariFocal(PlainState x)
    {
        var t = x["targets"];
        var positive = t.gt(0).to(PlainState.Number);
        var weights = t * positive + 0.75 * (x["logits"].sigmoid() - t).abs().pow(2) * (1 - positive);
        var cost = F.binary_cross_entropy_with_logits(x["logits"], t, reduction: nn.Reduction.None);
        return (cost * weights).sum() / positive.sum().clamp(min: 1);
    }

    private static Tensor DistributionFocal(PlainState x)
    {
        var (logits, t) = (x["logits"].reshape(-1, 17), x["targets"].reshape(-1));
        var left = t.to(int64);
        var right = left + 1;
        return (
            F.cross_entropy(logits, left, reduction: nn.Reduction.None) * (right - t)
            + F.cross_entropy(logits, right, reduction: nn.Reduction.None) * (t - left)
        ).mean();
    }

    private static Tensor GaussianHeatmap(PlainState x)
    {
        var (p, t) = (x["logits"].sigmoid(), x["targets"]);
        var centres = t.eq(1).to(PlainState.Number);
        var found = -(p + 1e-12).log() * (1 - p).pow(2) * centres;
        var quiet = -(1 - p + 1e-12).log() * p.pow(2) * (1 - t).pow(4);
        return (found + quiet).sum() / centres.sum().clamp(min: 1);
    }
}
