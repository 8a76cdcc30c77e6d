using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace MLNetLosses.Benchmarks;

/// <summary>Losses on pixels: softmax, one-hot targets, sums over the pixels of each class.</summary>
internal static class SegmentationFormulas
{
    private const string Size = "[4,21,256,256]";
    private const string BinarySize = "[4,1,512,512]";
    private const long Classes = 21;

    public static IEnumerable<PlainRow> Rows =>
        [
            PlainRow.Torch("CrossEntropy", Size, Pixels, x => F.cross_entropy(x["logits"], x["targets"])),
            new("Focal", Size, Pixels, Focal),
            new("Focal(activation: Sigmoid)", Size, Pixels, FocalSigmoid),
            new("Dice", Size, Pixels, x => (1 - DiceScores(x, 1e-5)).mean()),
            new("Dice(perImage: false)", Size, Pixels, x => (1 - DiceScores(x, 1e-5, Batch)).mean()),
            new(
                "Dice() + CrossEntropy()",
                Size,
                Pixels,
                x => (1 - DiceScores(x, 1e-5)).mean() + F.cross_entropy(x["logits"], x["targets"])
            ),
            new("GeneralizedDice", Size, Pixels, GeneralizedDice),
            new("Jaccard", Size, Pixels, Jaccard),
            new("Tversky", Size, Pixels, x => (1 - TverskyScores(x, 0.3, 0.7, 1e-5)).mean()),
            new("FocalTversky", Size, Pixels, x => (1 - TverskyScores(x, 0.3, 0.7, 1e-5)).pow(0.75).mean()),
            new("LogCoshDice", Size, Pixels, x => (1 - DiceScores(x, 1e-5)).cosh().log().mean()),
            new("Lovasz", Size, Pixels, Lovasz),
            new("Boundary", Size + ", maps given", Mapped, x => (Softmax(x).narrow(1, 1, Classes - 1) * x["distanceMaps"]).mean()),
            new("BoundaryWeightedCrossEntropy", Size + ", map given", Bordered, BoundaryWeighted),
            new("OnlineHardExampleMiningCrossEntropy", Size, Pixels, HardExamples),
            new("CenterlineDice", Size, Pixels, CenterlineDice),
            new("MatthewsCorrelation", Size, Pixels, Matthews),
            new("SensitivitySpecificity", Size, Pixels, SensitivitySpecificity),
            new("UnifiedFocal", Size, Pixels, UnifiedFocal),
            new("ExponentialLogarithmic", Size, Pixels, ExponentialLogarithmic),
            new("Masked(inner: CrossEntropy(ignoreIndex: -100))", Size, Masked, MaskedCrossEntropy),
            new("DeepSupervision(inner: Dice())", Size + " and its 1/2, 1/4", Scales, DeepSupervision),
            PlainRow.Torch("BinaryCrossEntropy", BinarySize, Binary, x => F.binary_cross_entropy_with_logits(x["logits"], Mask(x))),
            new("Focal", BinarySize, Binary, x => FocalSigmoid(x, Mask(x))),
            new("Dice", BinarySize, Binary, x => (1 - BinaryDiceScores(x)).mean()),
            new(
                "Dice() + BinaryCrossEntropy()",
                BinarySize,
                Binary,
                x => (1 - BinaryDiceScores(x)).mean() + F.binary_cross_entropy_with_logits(x["logits"], Mask(x))
            ),
        ];

    private static readonly long[] Image = [2, 3];
    private static readonly long[] Batch = [0, 2, 3];

    private static LossWorkload Pixels(string loss) => LossWorkload.Pixels(loss);

    private static LossWorkload Binary(string loss) => LossWorkload.Pixels(loss, PixelForm.Binary, [4, 1, 512, 512]);

    private static LossInputs Draw() =>
        new() { ["logits"] = randn(4, Classes, 256, 256), ["targets"] = randint(Classes, [4, 256, 256], ScalarType.Int64) };

    private static LossWorkload Mapped(string loss) =>
        LossWorkload.Of(loss, Draw().With(("distanceMaps", randn(4, Classes - 1, 256, 256) * 20)), "logits");

    private static LossWorkload Bordered(string loss) => LossWorkload.Of(loss, Draw().With(("borderMap", rand(4, 256, 256))), "logits");

    private static LossWorkload Masked(string loss) => LossWorkload.Of(loss, Draw().With(("mask", rand(4, 256, 256).lt(0.7))), "logits");

    private static LossWorkload Scales(string loss) =>
        LossWorkload.Of(
            loss,
            new()
            {
                ["logits0"] = randn(4, Classes, 256, 256),
                ["logits1"] = randn(4, Classes, 128, 128),
                ["logits2"] = randn(4, Classes, 64, 64),
                ["targets"] = randint(Classes, [4, 256, 256], ScalarType.Int64),
            },
            "logits0",
            "logits1",
            "logits2"
        );

    private static Tensor Softmax(PlainState x) => F.softmax(x["logits"], 1);

    private static Tensor OneHot(PlainState x) => PlainRow.OneHot(x["targets"], Classes);

    private static Tensor Focal(PlainState x)
    {
        var cost = F.cross_entropy(x["logits"], x["targets"], reduction: nn.Reduction.None);
        return ((1 - (-cost).exp()).pow(2) * cost).mean();
    }

    private static Tensor FocalSigmoid(PlainState x) => FocalSigmoid(x, OneHot(x));

    private static Tensor FocalSigmoid(PlainState x, Tensor t)
    {
        var p = x["logits"].sigmoid();
        var cost = F.binary_cross_entropy_with_logits(x["logits"], t, reduction: nn.Reduction.None);
        return (cost * (1 - p * t - (1 - p) * (1 - t)).pow(2)).mean();
    }

    private static Tensor Mask(PlainState x) => x["targets"].unsqueeze(1).to(PlainState.Number);

    private static Tensor BinaryDiceScores(PlainState x) => DiceScores(x["logits"].sigmoid(), Mask(x), 1e-5, Image);

    private static Tensor DiceScores(PlainState x, double smooth, long[]? over = null) =>
        DiceScores(Softmax(x), OneHot(x), smooth, over ?? Image);

    private static Tensor DiceScores(Tensor p, Tensor y, double smooth, long[] over) =>
        (2 * (p * y).sum(over) + smooth) / (p.sum(over) + y.sum(over) + smooth);

    private static Tensor GeneralizedDice(PlainState x)
    {
        var (p, y) = (Softmax(x), OneHot(x));
        var weights = 1 / y.sum(Image).pow(2);
        var overlap = (weights * (p * y).sum(Image)).sum(1);
        var all = (weights * (p.sum(Image) + y.sum(Image))).sum(1);
        return (1 - (2 * overlap + 1e-5) / (all + 1e-5)).mean();
    }

    private static Tensor Jaccard(PlainState x)
    {
        var (p, y) = (Softmax(x), OneHot(x));
        var overlap = (p * y).sum(Image);
        return (1 - (overlap + 1e-5) / (p.sum(Image) + y.sum(Image) - overlap + 1e-5)).mean();
    }

    private static Tensor TverskyScores(PlainState x, double alpha, double beta, double smooth)
    {
        var (p, y) = (Softmax(x), OneHot(x));
        var overlap = (p * y).sum(Image);
        var (extra, missed) = ((p * (1 - y)).sum(Image), ((1 - p) * y).sum(Image));
        return (overlap + smooth) / (overlap + alpha * extra + beta * missed + smooth);
    }

    // A loop over the classes, as the authors have it.
    private static Tensor Lovasz(PlainState x)
    {
        var p = Softmax(x).permute(0, 2, 3, 1).reshape(-1, Classes);
        var targets = x["targets"].reshape(-1);
        var losses = new List<Tensor>();
        for (var c = 0L; c < Classes; c++)
        {
            var y = targets.eq(c).to(PlainState.Number);
            if (y.sum().ToDouble() == 0)
                continue;
            var (errors, order) = sort((y - p.select(1, c)).abs(), 0, descending: true);
            var sorted = y[order];
            var all = sorted.sum();
            var jaccard = 1 - (all - sorted.cumsum(0)) / (all + (1 - sorted).cumsum(0));
            var steps = cat([
                jaccard.narrow(0, 0, 1),
                jaccard.narrow(0, 1, jaccard.shape[0] - 1) - jaccard.narrow(0, 0, jaccard.shape[0] - 1),
            ]);
            losses.Add((errors * steps).sum());
        }
        return stack(losses).mean();
    }

    private static Tensor BoundaryWeighted(PlainState x)
    {
        var weights = 1 + 10 * x["borderMap"];
        return (F.cross_entropy(x["logits"], x["targets"], reduction: nn.Reduction.None) * weights).sum() / weights.sum();
    }

    private static Tensor HardExamples(PlainState x)
    {
        var costs = F.cross_entropy(x["logits"], x["targets"], reduction: nn.Reduction.None).view(-1);
        var p = Softmax(x).gather(1, x["targets"].unsqueeze(1)).view(-1);
        var sorted = sort(p).values;
        var threshold = Math.Max(0.7, sorted[Math.Min(100_000, sorted.shape[0] - 1)].ToDouble());
        return costs[p.lt(threshold)].mean();
    }

    private static Tensor CenterlineDice(PlainState x)
    {
        var (p, y) = (Softmax(x).narrow(1, 1, Classes - 1), OneHot(x).narrow(1, 1, Classes - 1));
        var (thinP, thinY) = (Skeleton(p), Skeleton(y));
        var precision = ((thinP * y).sum(Batch) + 1) / (thinP.sum(Batch) + 1);
        var sensitivity = ((thinY * p).sum(Batch) + 1) / (thinY.sum(Batch) + 1);
        return (1 - 2 * precision * sensitivity / (precision + sensitivity)).mean();

        static Tensor Erode(Tensor a) =>
            minimum(-F.max_pool2d(-a, [3L, 1L], [1L, 1L], [1L, 0L]), -F.max_pool2d(-a, [1L, 3L], [1L, 1L], [0L, 1L]));

        static Tensor Open(Tensor a) => F.max_pool2d(Erode(a), [3L, 3L], [1L, 1L], [1L, 1L]);

        static Tensor Skeleton(Tensor a)
        {
            var skeleton = F.relu(a - Open(a));
            for (var i = 0; i < 3; i++)
            {
                a = Erode(a);
                var more = F.relu(a - Open(a));
                skeleton = skeleton + F.relu(more - skeleton * more);
            }
            return skeleton;
        }
    }

    private static Tensor Matthews(PlainState x)
    {
        const double smooth = 1e-5;
        var (p, y) = (Softmax(x), OneHot(x));
        var (hits, rejects) = ((p * y).sum(Batch) + smooth, ((1 - p) * (1 - y)).sum(Batch) + smooth);
        var (extra, missed) = ((p * (1 - y)).sum(Batch) + smooth, ((1 - p) * y).sum(Batch) + smooth);
        var scale = (hits + extra).sqrt() * (hits + missed).sqrt() * (rejects + extra).sqrt() * (rejects + missed).sqrt();
        return (1 - (hits * rejects - extra * missed) / scale).mean();
    }

    private static Tensor SensitivitySpecificity(PlainState x)
    {
        var (p, y) = (Softmax(x), OneHot(x));
        var error = (y - p).pow(2);
        return (
            0.05 * (error * y).sum(Image) / y.sum(Image).clamp(min: 1)
            + 0.95 * (error * (1 - y)).sum(Image) / (1 - y).sum(Image).clamp(min: 1)
        ).mean();
    }

    private static Tensor UnifiedFocal(PlainState x)
    {
        const double delta = 0.6;
        const double gamma = 0.5;
        var (p, y) = (Softmax(x), OneHot(x));
        var costs = -y * F.log_softmax(x["logits"], 1);
        var background = (1 - delta) * (1 - p.narrow(1, 0, 1)).pow(gamma) * costs.narrow(1, 0, 1);
        var focal = cat([background, delta * costs.narrow(1, 1, Classes - 1)], 1).sum(1).mean([1, 2]);
        var misses = 1 - TverskyScores(x, 1 - delta, delta, 1e-7);
        var regions = cat([misses.narrow(1, 0, 1), misses.narrow(1, 1, Classes - 1).pow(1 - gamma)], 1).mean([1]);
        return (0.5 * focal + 0.5 * regions).mean();
    }

    private static Tensor ExponentialLogarithmic(PlainState x)
    {
        var dice = (-DiceScores(x, 1).log()).pow(0.3).mean();
        return 0.8 * dice + 0.2 * F.cross_entropy(x["logits"], x["targets"], reduction: nn.Reduction.None).pow(0.3).mean();
    }

    private static Tensor MaskedCrossEntropy(PlainState x) =>
        F.cross_entropy(x["logits"], x["targets"].masked_fill(x["mask"].logical_not(), -100), ignore_index: -100);

    private static Tensor DeepSupervision(PlainState x)
    {
        var total = zeros([]);
        for (var scale = 0; scale < 3; scale++)
        {
            var logits = x[$"logits{scale}"];
            var step = 1L << scale;
            var targets = x["targets"].slice(1, step / 2, 256, step).slice(2, step / 2, 256, step);
            var scores = DiceScores(F.softmax(logits, 1), PlainRow.OneHot(targets, Classes), 1e-5, Image);
            total = total + Math.Pow(0.5, scale) * (1 - scores).mean();
        }
        return total;
    }
}
