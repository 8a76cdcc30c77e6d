using System.Globalization;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace MLNetLosses.Benchmarks;

/// <summary>Losses on one or several classes an image.</summary>
internal static class ClassificationFormulas
{
    private const string Size = "[256,1000]";
    private const long Classes = 1000;
    private const int Few = 100; // where a matrix of classes is given

    private static readonly long[] Counts = [.. Enumerable.Range(0, (int)Classes).Select(c => 5000L / (c + 1) + 5)];

    public static IEnumerable<PlainRow> Rows =>
        [
            PlainRow.Torch("CrossEntropy", Size, Indices, x => F.cross_entropy(x["logits"], x["targets"])),
            PlainRow.Torch(
                "CrossEntropy(labelSmoothing: 0.1)",
                Size,
                Indices,
                x => F.cross_entropy(x["logits"], x["targets"], label_smoothing: 0.1)
            ),
            PlainRow.Torch("BinaryCrossEntropy", Size, Labels, x => F.binary_cross_entropy_with_logits(x["logits"], x["targets"])),
            new("BinaryCrossEntropy", Size + ", indices", Indices, x => F.binary_cross_entropy_with_logits(x["logits"], OneHot(x))),
            PlainRow.Torch("Hinge", Size, Indices, x => F.multi_margin_loss(x["logits"], x["targets"])),
            new("Hinge(form: CrammerSinger)", Size, Indices, CrammerSinger),
            new("Focal", Size, Indices, FocalSoftmax),
            new("Focal(alpha: 0.25, activation: Sigmoid)", Size, Labels, FocalSigmoid),
            new("ActivePassive", Size, Indices, ActivePassive),
            new("Asymmetric", Size, Labels, AsymmetricLabels),
            new("Asymmetric", Size + ", indices", Indices, AsymmetricIndices),
            new("AveragePrecision", "[256,100]", Rankings, AveragePrecision),
            new(Corrected("BackwardCorrection", Few), "[256,100]", FewIndices, BackwardCorrection) { Title = "BackwardCorrection" },
            new(Corrected("ForwardCorrection", Few), "[256,100]", FewIndices, ForwardCorrection) { Title = "ForwardCorrection" },
            new("Bootstrapping", Size, Indices, Bootstrapping),
            new("Bootstrapping(beta: 0.8, hard: true)", Size, Indices, HardBootstrapping),
            new("ClassBalanced", Size, Indices, ClassBalanced),
            new("Distillation", Size, Taught, Distillation),
            new("EvidentialClassification", Size, Indices, Evidential),
            new("GeneralizedCrossEntropy", Size, Indices, x => ((1 - Target(Softmax(x), x).pow(0.7)) / 0.7).mean()),
            new("HeteroscedasticClassification", "10 x " + Size, Noisy, Heteroscedastic),
            new("JensenShannon", Size, Indices, JensenShannon),
            new("KullbackLeibler", Size, Distributions, KullbackLeibler) { Peer = "torch" },
            new("LabelDistributionAwareMargin", Size, Cosines, Margins),
            new(
                "LogitAdjusted",
                Size,
                Indices,
                x => F.cross_entropy(x["logits"] + (tensor(Counts).to(PlainState.Number) / Counts.Sum()).log(), x["targets"])
            ),
            new("Poly", Size, Indices, x => Poly(x, gamma: 0)),
            new("Poly(gamma: 2)", Size, Indices, x => Poly(x, gamma: 2)),
            new("ProbabilityMeanAbsoluteError", Size, Indices, x => (1 - (OneHot(x) * Softmax(x)).sum(1)).mean()),
            new("RankSort", "[20000], 100 positive", text => LossWorkload.Ranked(text, 20_000), RankSort),
            new("SymmetricCrossEntropy", Size, Indices, x => 0.1 * F.cross_entropy(x["logits"], x["targets"]) + ReverseCrossEntropy(x)),
        ];

    private static LossContext Context => new() { ClassCount = (int)Classes, ClassCounts = [.. Counts] };

    private static Tensor Draw() => randn(256, Classes);

    private static Tensor DrawTargets(long classes = Classes) => randint(classes, [256], ScalarType.Int64);

    private static LossWorkload Indices(string loss) =>
        LossWorkload.Of(loss, Context, new() { ["logits"] = Draw(), ["targets"] = DrawTargets() }, "logits");

    private static LossWorkload FewIndices(string loss) =>
        LossWorkload.Of(loss, new() { ["logits"] = randn(256, Few), ["targets"] = DrawTargets(Few) }, "logits");

    private static LossWorkload Labels(string loss) =>
        LossWorkload.Of(loss, new() { ["logits"] = Draw(), ["targets"] = rand(256, Classes).lt(0.01).to(PlainState.Number) }, "logits");

    private static LossWorkload Rankings(string loss) =>
        LossWorkload.Of(loss, new() { ["logits"] = randn(256, Few), ["targets"] = rand(256, Few).lt(0.1).to(PlainState.Number) }, "logits");

    private static LossWorkload Distributions(string loss) =>
        LossWorkload.Of(loss, new() { ["logits"] = Draw(), ["targets"] = F.softmax(Draw(), 1) }, "logits");

    private static LossWorkload Cosines(string loss) =>
        LossWorkload.Of(loss, Context, new() { ["logits"] = 0.1 * Draw(), ["targets"] = DrawTargets() }, "logits");

    private static LossWorkload Taught(string loss) =>
        LossWorkload.Of(
            loss,
            new()
            {
                ["logits"] = Draw(),
                ["teacherLogits"] = Draw(),
                ["targets"] = DrawTargets(),
            },
            "logits"
        );

    private static LossWorkload Noisy(string loss) =>
        LossWorkload.Of(
            loss,
            new()
            {
                ["logits"] = Draw(),
                ["logVariances"] = Draw(),
                ["noise"] = randn(10, 256, Classes),
                ["targets"] = DrawTargets(),
            },
            "logits",
            "logVariances"
        );

    /// <summary>The text of a loss that is given how labels of so many classes are confused: each stays with 0.8.</summary>
    public static string Corrected(string name, int classes)
    {
        var other = (0.2 / Math.Max(1, classes - 1)).ToString("r", CultureInfo.InvariantCulture);
        var rows = Enumerable
            .Range(0, classes)
            .Select(i => $"[{string.Join(", ", Enumerable.Range(0, classes).Select(j => i == j ? "0.8" : other))}]");
        return $"{name}(transitionMatrix: [{string.Join(", ", rows)}])";
    }

    private static Tensor Matrix() => eye(Few) * (0.8 - 0.2 / (Few - 1)) + 0.2 / (Few - 1);

    private static Tensor OneHot(PlainState x) => PlainRow.OneHot(x["targets"], x["logits"].shape[1]);

    private static Tensor Softmax(PlainState x) => F.softmax(x["logits"], 1);

    private static Tensor LogSoftmax(PlainState x) => F.log_softmax(x["logits"], 1);

    private static Tensor Target(Tensor values, PlainState x) => values.gather(1, x["targets"].unsqueeze(1)).squeeze(1);

    private static Tensor CrammerSinger(PlainState x)
    {
        var violations = (1 + x["logits"] - x["logits"].gather(1, x["targets"].unsqueeze(1))) * (1 - OneHot(x));
        return violations.amax([1]).clamp(min: 0).mean();
    }

    private static Tensor FocalSoftmax(PlainState x)
    {
        var cost = F.cross_entropy(x["logits"], x["targets"], reduction: nn.Reduction.None);
        return ((1 - (-cost).exp()).pow(2) * cost).mean();
    }

    private static Tensor FocalSigmoid(PlainState x)
    {
        var (p, t) = (x["logits"].sigmoid(), x["targets"]);
        var cost = F.binary_cross_entropy_with_logits(x["logits"], t, reduction: nn.Reduction.None);
        var right = p * t + (1 - p) * (1 - t);
        return ((0.25 * t + 0.75 * (1 - t)) * cost * (1 - right).pow(2)).mean();
    }

    private static Tensor ActivePassive(PlainState x)
    {
        var logs = LogSoftmax(x);
        return ((OneHot(x) * logs).sum(1) / logs.sum(1)).mean() + ReverseCrossEntropy(x);
    }

    private static Tensor ReverseCrossEntropy(PlainState x)
    {
        var p = Softmax(x).clamp(1e-7, 1);
        return -(p * OneHot(x).clamp(1e-4, 1).log()).sum(1).mean();
    }

    private static Tensor AsymmetricLabels(PlainState x)
    {
        var t = x["targets"];
        var p = x["logits"].sigmoid();
        var miss = (1 - p + 0.05).clamp(max: 1);
        var cost = t * p.clamp(min: 1e-8).log() + (1 - t) * miss.clamp(min: 1e-8).log();
        var right = p * t + miss * (1 - t);
        return -(cost * pow(1 - right, t + 4 * (1 - t))).mean();
    }

    private static Tensor AsymmetricIndices(PlainState x)
    {
        var (logs, t) = (LogSoftmax(x), OneHot(x));
        var p = logs.exp();
        var weights = pow(1 - p * t - (1 - p) * (1 - t), t + 4 * (1 - t));
        return -((t * 0.9 + 0.1 / Classes) * logs * weights).sum(1).mean();
    }

    private static Tensor AveragePrecision(PlainState x)
    {
        var (scores, t) = (x["logits"].t(), x["targets"].t()); // a column a ranking
        var above = (scores.unsqueeze(1) - scores.unsqueeze(2)).sigmoid() * (1 - eye(scores.shape[1])); // [C, i, j]: j above i
        var ranks = 1 + above.sum(2);
        var among = 1 + (above * t.unsqueeze(1)).sum(2);
        var precision = (among / ranks * t).sum(1) / t.sum(1).clamp(min: 1);
        var has = t.sum(1).gt(0).to(PlainState.Number);
        return ((1 - precision) * has).sum() / has.sum();
    }

    private static Tensor BackwardCorrection(PlainState x) => -(linalg.inv(Matrix())[x["targets"]] * LogSoftmax(x)).sum(1).mean();

    private static Tensor ForwardCorrection(PlainState x) => -Target(Softmax(x).mm(Matrix()), x).log().mean();

    private static Tensor Bootstrapping(PlainState x) => -((0.95 * OneHot(x) + 0.05 * Softmax(x)) * LogSoftmax(x)).sum(1).mean();

    private static Tensor HardBootstrapping(PlainState x)
    {
        var best = PlainRow.OneHot(x["logits"].argmax(1), Classes);
        return -((0.8 * OneHot(x) + 0.2 * best) * LogSoftmax(x)).sum(1).mean();
    }

    private static Tensor ClassBalanced(PlainState x)
    {
        var weights = 0.001 / (1 - pow(full([Classes], 0.999), tensor(Counts).to(PlainState.Number)));
        return F.cross_entropy(x["logits"], x["targets"], weights / weights.sum() * Classes);
    }

    private static Tensor Distillation(PlainState x)
    {
        const double temperature = 4;
        var soft = F.kl_div(
            F.log_softmax(x["logits"] / temperature, 1),
            F.softmax(x["teacherLogits"] / temperature, 1),
            log_target: false,
            reduction: nn.Reduction.Sum
        );
        return 0.9 * temperature * temperature * soft / 256 + 0.1 * F.cross_entropy(x["logits"], x["targets"]);
    }

    private static Tensor Evidential(PlainState x)
    {
        var (evidence, t) = (F.relu(x["logits"]) + 1, OneHot(x));
        var total = evidence.sum(1, keepdim: true);
        var error = (t - evidence / total).pow(2).sum(1);
        var variance = (evidence * (total - evidence) / (total * total * (total + 1))).sum(1);
        var wrong = (evidence - 1) * (1 - t) + 1;
        var wrongTotal = wrong.sum(1, keepdim: true);
        var divergence =
            lgamma(wrongTotal).squeeze(1)
            - lgamma(wrong).sum(1)
            - lgamma(full([1], (double)Classes))
            + ((wrong - 1) * (digamma(wrong) - digamma(wrongTotal))).sum(1);
        return (error + variance + divergence).mean();
    }

    private static Tensor Heteroscedastic(PlainState x)
    {
        var samples = x["logits"] + (x["logVariances"] / 2).exp() * x["noise"];
        var logs = F.log_softmax(samples, 2).gather(2, x["targets"].view(1, -1, 1).expand(10, -1, 1)).squeeze(2);
        return (Math.Log(10) - logs.logsumexp(0)).mean();
    }

    private static Tensor JensenShannon(PlainState x)
    {
        var (p, t) = (Softmax(x), OneHot(x));
        var middle = (0.5 * (p + t)).clamp(1e-7, 1).log();
        var apart =
            F.kl_div(middle, t, log_target: false, reduction: nn.Reduction.None).sum(1)
            + F.kl_div(middle, p, log_target: false, reduction: nn.Reduction.None).sum(1);
        return (0.5 * apart / (-0.5 * Math.Log(0.5))).mean();
    }

    private static Tensor KullbackLeibler(PlainState x) =>
        F.kl_div(LogSoftmax(x), x["targets"], log_target: false, reduction: nn.Reduction.Sum) / 256;

    private static Tensor Margins(PlainState x)
    {
        var margins = 1 / tensor(Counts).to(PlainState.Number).sqrt().sqrt();
        margins = margins * (0.5 / margins.max());
        var t = OneHot(x);
        var lowered = x["logits"] - t.mv(margins).unsqueeze(1);
        return F.cross_entropy(30 * where(t.gt(0), lowered, x["logits"]), x["targets"]);
    }

    private static Tensor Poly(PlainState x, double gamma)
    {
        var cost = F.cross_entropy(x["logits"], x["targets"], reduction: nn.Reduction.None);
        var miss = 1 - (OneHot(x) * Softmax(x)).sum(1);
        return gamma == 0 ? (cost + miss).mean() : (miss.pow(gamma) * cost + miss.pow(gamma + 1)).mean();
    }

    // A loop over the positives, as the authors have it; the gradient is a rule of its own.
    private static Tensor RankSort(PlainState x)
    {
        const double delta = 0.5;
        var logits = x["logits"];
        using var frozen = no_grad();
        var found = x["targets"].gt(0).nonzero().squeeze(1);
        var gradient = zeros_like(logits);
        var (scores, qualities) = (logits[found], x["targets"][found]);
        var relevant = (x["targets"].eq(0) & logits.ge(scores.min() - delta)).nonzero().squeeze(1);
        var others = logits[relevant];
        var (count, value) = (found.shape[0], zeros(1));
        var otherGradient = zeros_like(others);
        var ownGradient = zeros_like(scores);
        for (var i = 0L; i < count; i++)
        {
            var hits = ((scores - scores[i]) / (2 * delta) + 0.5).clamp(0, 1);
            var misses = ((others - scores[i]) / (2 * delta) + 0.5).clamp(0, 1);
            var (rank, wrong) = (hits.sum(), misses.sum());
            var ranking = wrong / (rank + wrong);
            var sorting = hits * (1 - qualities);
            var better = qualities.ge(qualities[i]).to(PlainState.Number);
            var error = sorting.sum() / rank - (sorting * better).sum() / (hits * better).sum();
            if (wrong.ToDouble() > 0)
            {
                ownGradient[i] = ownGradient[i] - ranking;
                otherGradient = otherGradient + misses * (ranking / wrong);
            }
            var late = hits * (1 - better);
            if (late.sum().ToDouble() > 0)
            {
                ownGradient[i] = ownGradient[i] - error;
                ownGradient = ownGradient + late * (error / late.sum());
            }
            value = value + ranking + error;
        }
        gradient[found] = ownGradient / count;
        gradient[relevant] = otherGradient / count;
        using var enabled = enable_grad();
        var carrier = (gradient * logits).sum();
        return (value / count).squeeze(0) + carrier - carrier.detach();
    }
}
