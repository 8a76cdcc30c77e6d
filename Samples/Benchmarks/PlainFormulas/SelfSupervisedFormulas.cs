using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace MLNetLosses.Benchmarks;

/// <summary>Losses on two or more views of the same images.</summary>
internal static class SelfSupervisedFormulas
{
    private const string Size = "2 x [256,128]";
    private const int Rows256 = 256;
    private const int Prototypes = 1000;

    public static IEnumerable<PlainRow> Rows =>
        [
            new("NTXent", Size, Views, NTXent),
            new("InfoNCE", Size, Views, x => Classify(Cosines(x) / 0.07)),
            new("InfoNCE", Size + ", queue of 4096", Queued, QueuedInfoNCE),
            new("NegativeCosine", Size, Views, x => -Cosine(x["viewA"], x["viewB"]).mean()),
            new("BootstrapYourOwnLatent", Size, Predicted, x => (4 - 2 * Cross(x)).mean()),
            new("SimSiam", Size, Predicted, x => -0.5 * Cross(x).mean()),
            new("BarlowTwins", Size, Views, BarlowTwins),
            new("BarlowTwins", "2 x [256,2048]", Wide, BarlowTwins),
            new("VICReg", Size, Views, VICReg),
            new("VICReg", "2 x [256,2048]", Wide, VICReg),
            new("DINO", "8 x [32,4096]", Crops, DINO),
            new("SwAV", Size + ", 1000 prototypes", Clustered, SwAV),
            new("MaskedReconstruction", "[16,196,768]", Patches, MaskedReconstruction),
            new("DecoupledContrastive", Size, Views, Decoupled),
            new("ImageTextContrastive", Size, Views, ImageText),
            new("SigmoidImageText", Size, Views, SigmoidImageText),
            new("CrossModalTriplet", Size, Views, x => CrossModal(x, hardest: true)),
            new("CrossModalTriplet(hardestOnly: false)", Size, Views, x => CrossModal(x, hardest: false)),
        ];

    private static LossWorkload Views(string loss) => LossWorkload.Views(loss, 2 * Rows256);

    private static LossWorkload Wide(string loss) => LossWorkload.Views(loss, 2 * Rows256, 2048);

    private static LossWorkload Queued(string loss) =>
        LossWorkload.Of(
            loss,
            new()
            {
                ["viewA"] = randn(Rows256, 128),
                ["viewB"] = randn(Rows256, 128),
                ["queue"] = F.normalize(randn(4096, 128)),
            },
            "viewA"
        );

    private static LossWorkload Predicted(string loss) =>
        LossWorkload.Of(
            loss,
            new()
            {
                ["viewA"] = randn(Rows256, 128),
                ["viewB"] = randn(Rows256, 128),
                ["targetA"] = randn(Rows256, 128),
                ["targetB"] = randn(Rows256, 128),
            },
            "viewA",
            "viewB"
        );

    private static LossWorkload Crops(string loss) =>
        LossWorkload.Of(
            loss,
            new LossContext { EmbeddingSize = 4096 },
            new() { ["student"] = randn(8, 32, 4096), ["teacher"] = randn(2, 32, 4096) },
            "student"
        );

    private static LossWorkload Clustered(string loss) =>
        LossWorkload.Of(
            loss,
            new LossContext { ClassCount = Prototypes, EmbeddingSize = 128 },
            new() { ["views"] = randn(2, Rows256, 128) },
            "views"
        );

    private static LossWorkload Patches(string loss) =>
        LossWorkload.Of(
            loss,
            new()
            {
                ["predictions"] = randn(16, 196, 768),
                ["targets"] = rand(16, 3, 224, 224),
                ["mask"] = rand(16, 196).lt(0.75),
            },
            "predictions"
        );

    private static Tensor Cosines(PlainState x) => F.normalize(x["viewA"]).mm(F.normalize(x["viewB"]).t());

    private static Tensor Classify(Tensor logits) => F.cross_entropy(logits, arange(logits.shape[0], ScalarType.Int64));

    private static Tensor Cosine(Tensor a, Tensor b) => F.cosine_similarity(a, b, dim: 1);

    private static Tensor Cross(PlainState x) => Cosine(x["viewA"], x["targetB"].detach()) + Cosine(x["viewB"], x["targetA"].detach());

    private static Tensor NTXent(PlainState x)
    {
        var z = F.normalize(cat([x["viewA"], x["viewB"]]));
        var rows = z.shape[0];
        var logits = (z.mm(z.t()) / 0.5).masked_fill(eye(rows, dtype: ScalarType.Bool), double.NegativeInfinity);
        return F.cross_entropy(logits, (arange(rows, ScalarType.Int64) + rows / 2).remainder(rows));
    }

    private static Tensor QueuedInfoNCE(PlainState x)
    {
        var (a, b) = (F.normalize(x["viewA"]), F.normalize(x["viewB"]));
        var logits = cat([(a * b).sum(1, keepdim: true), a.mm(F.normalize(x["queue"]).t())], 1) / 0.07;
        return F.cross_entropy(logits, zeros(Rows256, dtype: ScalarType.Int64));
    }

    private static Tensor BarlowTwins(PlainState x)
    {
        var product = Standard(x["viewA"]).t().mm(Standard(x["viewB"])) / Rows256;
        var on = (product.diagonal() - 1).pow(2).sum();
        return on + 0.005 * OffDiagonal(product).pow(2).sum();

        static Tensor Standard(Tensor z) => (z - z.mean([0])) / (z.var(0, unbiased: false) + 1e-5).sqrt();
    }

    // The authors' trick: without its last element, the flattened matrix has the diagonal in its first column.
    private static Tensor OffDiagonal(Tensor square)
    {
        var n = square.shape[0];
        return square.flatten().narrow(0, 0, n * n - 1).view(n - 1, n + 1).narrow(1, 1, n).flatten();
    }

    private static Tensor VICReg(PlainState x)
    {
        var (a, b) = (x["viewA"], x["viewB"]);
        return 25 * F.mse_loss(a, b) + 12.5 * (Variance(a) + Variance(b)) + Covariance(a) + Covariance(b);

        static Tensor Variance(Tensor z) => F.relu(1 - (z.var(0) + 1e-4).sqrt()).mean();

        static Tensor Covariance(Tensor z)
        {
            var centred = z - z.mean([0]);
            return OffDiagonal(centred.t().mm(centred) / (Rows256 - 1)).pow(2).sum() / z.shape[1];
        }
    }

    private static Tensor DINO(PlainState x)
    {
        var students = (x["student"] / 0.1).unbind(0);
        var teachers = F.softmax((x["teacher"] - x["center"]) / 0.04, -1).detach().unbind(0);
        var total = zeros([]);
        var terms = 0;
        for (var t = 0; t < teachers.Length; t++)
        for (var s = 0; s < students.Length; s++)
            if (t != s)
            {
                total = total + -(teachers[t] * F.log_softmax(students[s], -1)).sum(-1).mean();
                terms++;
            }
        x.Remember("center", 0.9 * x["center"] + 0.1 * x["teacher"].mean([0, 1]));
        return total / terms;
    }

    private static Tensor SwAV(PlainState x)
    {
        var prototypes = F.normalize(x["prototypes"]);
        var scores = x["views"].unbind(0).Select(view => F.normalize(view).mm(prototypes.t())).ToArray();
        var total = zeros([]);
        for (var i = 0; i < 2; i++)
            total = total + -(Codes(scores[i]) * F.log_softmax(scores[1 - i] / 0.1, 1)).sum(1).mean();
        return total / 2;

        static Tensor Codes(Tensor scores)
        {
            using var frozen = no_grad();
            var codes = (scores.detach() / 0.05).exp();
            for (var i = 0; i < 3; i++)
            {
                codes = codes / codes.sum(0, keepdim: true);
                codes = codes / codes.sum(1, keepdim: true);
            }
            return codes;
        }
    }

    private static Tensor MaskedReconstruction(PlainState x)
    {
        var targets = x["targets"].reshape(16, 3, 14, 16, 14, 16).permute(0, 2, 4, 3, 5, 1).reshape(16, 196, 768);
        targets = (targets - targets.mean([2], keepdim: true)) / (targets.var(2, keepdim: true) + 1e-6).sqrt();
        var mask = x["mask"].to(PlainState.Number);
        return ((x["predictions"] - targets).pow(2).mean([2]) * mask).sum() / mask.sum();
    }

    private static Tensor Decoupled(PlainState x)
    {
        var (a, b) = (F.normalize(x["viewA"]), F.normalize(x["viewB"]));
        return 0.5 * (One(a, b) + One(b, a));

        static Tensor One(Tensor a, Tensor b)
        {
            var (own, cross) = (a.mm(a.t()) / 0.1, a.mm(b.t()) / 0.1);
            var self = eye(a.shape[0], dtype: ScalarType.Bool).repeat(1, 2);
            var negatives = cat([own, cross], 1).masked_fill(self, double.NegativeInfinity);
            return (-cross.diagonal() + negatives.logsumexp(1)).mean();
        }
    }

    private static Tensor ImageText(PlainState x)
    {
        var logits = x["logitScale"].exp() * Cosines(x);
        return 0.5 * (Classify(logits) + Classify(logits.t()));
    }

    private static Tensor SigmoidImageText(PlainState x)
    {
        var logits = x["logitScale"].exp() * Cosines(x) + x["logitBias"];
        var signs = 2 * eye(Rows256) - 1;
        return -F.logsigmoid(signs * logits).sum() / Rows256;
    }

    private static Tensor CrossModal(PlainState x, bool hardest)
    {
        var scores = Cosines(x);
        var own = scores.diagonal().unsqueeze(1);
        var self = eye(Rows256, dtype: ScalarType.Bool);
        var texts = (0.2 + scores - own).clamp(min: 0).masked_fill(self, 0);
        var images = (0.2 + scores - own.t()).clamp(min: 0).masked_fill(self, 0);
        return hardest ? (texts.amax([1]) + images.amax([0])).mean() : (texts.sum(1) + images.sum([0])).mean();
    }
}
