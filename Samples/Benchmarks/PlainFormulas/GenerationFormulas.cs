using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace MLNetLosses.Benchmarks;

/// <summary>Losses on images, on features that are given, on logits of a discriminator, on noise and latents.</summary>
internal static class GenerationFormulas
{
    private const string Size = "[4,3,256,256]";
    private const string Features = "[4,64,64,64] and [4,128,32,32]";
    private const string Maps = "[16,1,62,62]";

    public static IEnumerable<PlainRow> Rows =>
        [
            PlainRow.Torch("Reconstruction", Size, Pictures, x => F.l1_loss(x["predictions"], x["targets"])),
            new("Reconstruction(distance: Charbonnier)", Size, Pictures, x => (Difference(x).pow(2) + 1e-6).sqrt().mean()),
            PlainRow.Torch(
                "Reconstruction(distance: BinaryCrossEntropy)",
                Size,
                Probabilities,
                x => F.binary_cross_entropy(x["predictions"], x["targets"])
            ),
            new("CycleConsistency", "2 x " + Size, Cycles, CycleConsistency),
            new("StructuralSimilarity", Size, Pictures, x => 1 - Similarity(x["predictions"], x["targets"]).All.mean()),
            new("MultiScaleStructuralSimilarity", Size, Pictures, MultiScale),
            new("PeakSignalToNoiseRatio", Size, Pictures, x => (10 * Difference(x).pow(2).mean([1, 2, 3]).log10()).mean()),
            new("TotalVariation", Size, Pictures, TotalVariation),
            new("GradientDifference", Size, Pictures, GradientDifference),
            new("Edge", Size, Pictures, Edge),
            new("FocalFrequency", Size, Pictures, FocalFrequency),
            new("FeatureMatching", Features, Layers, x => Layered(x, F.l1_loss)),
            new("Content", Features + ", given", Layers, x => Layered(x, F.mse_loss)),
            new("Style", Features + ", given", Layers, x => Layered(x, (p, t, reduction) => F.mse_loss(Gram(p), Gram(t), reduction))),
            new("Perceptual(distance: L2, normalizeChannels: true)", Features + ", given", Layers, Perceptual),
            new("Adversarial(side: Discriminator)", Maps, Judged, x => Judge(x["realLogits"], 1) + Judge(x["fakeLogits"], 0)),
            new("Adversarial(side: Generator)", Maps, Fakes, x => Judge(x["fakeLogits"], 1)),
            new("Adversarial(kind: LeastSquares, side: Discriminator)", Maps, Judged, LeastSquares),
            new("Adversarial(kind: Hinge, side: Discriminator)", Maps, Judged, Hinge),
            new("Adversarial(kind: RelativisticAverage, side: Discriminator)", Maps, Judged, Relativistic),
            new("DenoisingDiffusion", Size, Noised, x => F.mse_loss(x["predictions"], x["noise"])),
            new("DenoisingDiffusion(predictionType: Velocity, weighting: MinSnr)", Size, Noised, Velocity),
            new("DenoisingScoreMatching", Size, Scored, ScoreMatching),
            new("KullbackLeiblerGaussian", "[256,1024]", Latents, LatentDivergence),
        ];

    private static LossWorkload Pictures(string loss) => LossWorkload.Images(loss);

    private static LossInputs Pairs() => new() { ["predictions"] = rand(4, 3, 256, 256), ["targets"] = rand(4, 3, 256, 256) };

    private static LossWorkload Probabilities(string loss)
    {
        var targets = rand(4, 3, 256, 256);
        return LossWorkload.Of(
            loss,
            new() { ["predictions"] = (targets + 0.1 * randn_like(targets)).clamp(0.01, 0.99), ["targets"] = targets },
            "predictions"
        );
    }

    private static LossWorkload Cycles(string loss) =>
        LossWorkload.Of(
            loss,
            Pairs().With(("predictionsB", rand(4, 3, 256, 256)), ("targetsB", rand(4, 3, 256, 256))),
            "predictions",
            "predictionsB"
        );

    private static LossWorkload Layers(string loss) =>
        LossWorkload.Of(
            loss,
            new()
            {
                ["predictedFeatures0"] = randn(4, 64, 64, 64),
                ["predictedFeatures1"] = randn(4, 128, 32, 32),
                ["targetFeatures0"] = randn(4, 64, 64, 64),
                ["targetFeatures1"] = randn(4, 128, 32, 32),
            },
            "predictedFeatures0",
            "predictedFeatures1"
        );

    private static LossWorkload Judged(string loss) =>
        LossWorkload.Of(
            loss,
            new() { ["realLogits"] = randn(16, 1, 62, 62), ["fakeLogits"] = randn(16, 1, 62, 62) },
            "realLogits",
            "fakeLogits"
        );

    private static LossWorkload Fakes(string loss) => LossWorkload.Of(loss, new() { ["fakeLogits"] = randn(16, 1, 62, 62) }, "fakeLogits");

    private static LossWorkload Noised(string loss) =>
        LossWorkload.Of(
            loss,
            Pairs()
                .With(
                    ("noise", randn(4, 3, 256, 256)),
                    ("timesteps", randint(1000, [4], ScalarType.Int64)),
                    ("alphasCumprod", linspace(0.999, 0.01, 1000))
                ),
            "predictions"
        );

    private static LossWorkload Scored(string loss) =>
        LossWorkload.Of(
            loss,
            new()
            {
                ["predictions"] = randn(4, 3, 256, 256),
                ["noise"] = randn(4, 3, 256, 256),
                ["sigmas"] = rand(4) + 0.1,
            },
            "predictions"
        );

    private static LossWorkload Latents(string loss) =>
        LossWorkload.Of(loss, new() { ["means"] = randn(256, 1024), ["logVariances"] = randn(256, 1024) }, "means", "logVariances");

    private static Tensor Difference(PlainState x) => x["predictions"] - x["targets"];

    private static Tensor CycleConsistency(PlainState x) =>
        10 * (F.l1_loss(x["predictions"], x["targets"]) + F.l1_loss(x["predictionsB"], x["targetsB"]));

    private static (Tensor All, Tensor Contrast) Similarity(Tensor a, Tensor b)
    {
        const double c1 = 0.01 * 0.01;
        const double c2 = 0.03 * 0.03;
        var channels = a.shape[1];
        var line = (-(arange(11, PlainState.Number) - 5).pow(2) / (2 * 1.5 * 1.5)).exp();
        line = line / line.sum();
        var window = line.unsqueeze(1).mm(line.unsqueeze(0)).expand(channels, 1, 11, 11).contiguous();
        Tensor Mean(Tensor t) => F.conv2d(t, window, groups: channels);
        var (meanA, meanB) = (Mean(a), Mean(b));
        var varianceA = Mean(a * a) - meanA.pow(2);
        var varianceB = Mean(b * b) - meanB.pow(2);
        var covariance = Mean(a * b) - meanA * meanB;
        var contrast = (2 * covariance + c2) / (varianceA + varianceB + c2);
        return ((2 * meanA * meanB + c1) / (meanA.pow(2) + meanB.pow(2) + c1) * contrast, contrast);
    }

    private static Tensor MultiScale(PlainState x)
    {
        double[] weights = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];
        var (a, b) = (x["predictions"], x["targets"]);
        var product = ones(4, 3);
        for (var scale = 0; scale < weights.Length; scale++)
        {
            var (all, contrast) = Similarity(a, b);
            var isLast = scale == weights.Length - 1;
            product = product * F.relu((isLast ? all : contrast).mean([2, 3])).pow(weights[scale]);
            if (!isLast)
                (a, b) = (F.avg_pool2d(a, 2), F.avg_pool2d(b, 2));
        }
        return 1 - product.mean();
    }

    private static (Tensor Down, Tensor Right) Steps(Tensor t) =>
        (t.narrow(2, 1, t.shape[2] - 1) - t.narrow(2, 0, t.shape[2] - 1), t.narrow(3, 1, t.shape[3] - 1) - t.narrow(3, 0, t.shape[3] - 1));

    private static Tensor TotalVariation(PlainState x)
    {
        var (down, right) = Steps(x["predictions"]);
        return (down.abs().sum() + right.abs().sum()) / x["predictions"].shape[0];
    }

    private static Tensor GradientDifference(PlainState x)
    {
        var (down, right) = Steps(x["predictions"]);
        var (targetDown, targetRight) = Steps(x["targets"]);
        return (down.abs() - targetDown.abs()).abs().mean() + (right.abs() - targetRight.abs()).abs().mean();
    }

    private static Tensor Edge(PlainState x)
    {
        return F.l1_loss(Sobel(x["predictions"]), Sobel(x["targets"]));

        static Tensor Sobel(Tensor t)
        {
            var channels = t.shape[1];
            var right = tensor(new[] { -1f, 0, 1, -2, 0, 2, -1, 0, 1 }).to(PlainState.Number).view(1, 3, 3) / 8;
            var kernels = stack([right, right.transpose(1, 2)]).repeat(channels, 1, 1, 1);
            return F.conv2d(F.pad(t, [1L, 1L, 1L, 1L], PaddingModes.Replicate), kernels, groups: channels);
        }
    }

    private static Tensor FocalFrequency(PlainState x)
    {
        var apart = fft.fft2(x["predictions"], norm: FFTNormType.Ortho) - fft.fft2(x["targets"], norm: FFTNormType.Ortho);
        var squares = apart.real.pow(2) + apart.imag.pow(2);
        var weights = squares.detach().sqrt();
        weights = (weights / weights.amax([2, 3], keepdim: true)).clamp(0, 1);
        return (weights * squares).mean();
    }

    private static Tensor Layered(PlainState x, Func<Tensor, Tensor, nn.Reduction, Tensor> distance) =>
        distance(x["predictedFeatures0"], x["targetFeatures0"], nn.Reduction.Mean)
        + distance(x["predictedFeatures1"], x["targetFeatures1"], nn.Reduction.Mean);

    private static Tensor Gram(Tensor features)
    {
        var flat = features.flatten(2);
        return flat.bmm(flat.transpose(1, 2)) / (flat.shape[1] * flat.shape[2]);
    }

    private static Tensor Perceptual(PlainState x)
    {
        return Layered(x, (p, t, _) => (Unit(p) - Unit(t)).pow(2).sum(1).mean());

        static Tensor Unit(Tensor t) => t / (t.pow(2).sum(1, keepdim: true).sqrt() + 1e-10);
    }

    private static Tensor Judge(Tensor logits, double label) => F.binary_cross_entropy_with_logits(logits, full_like(logits, label));

    private static Tensor LeastSquares(PlainState x) => 0.5 * ((x["realLogits"] - 1).pow(2).mean() + x["fakeLogits"].pow(2).mean());

    private static Tensor Hinge(PlainState x) => F.relu(1 - x["realLogits"]).mean() + F.relu(1 + x["fakeLogits"]).mean();

    private static Tensor Relativistic(PlainState x) =>
        Judge(x["realLogits"] - x["fakeLogits"].mean(), 1) + Judge(x["fakeLogits"] - x["realLogits"].mean(), 0);

    private static Tensor Velocity(PlainState x)
    {
        var kept = x["alphasCumprod"][x["timesteps"]].view(-1, 1, 1, 1);
        var targets = kept.sqrt() * x["noise"] - (1 - kept).sqrt() * x["targets"];
        var ratio = (kept / (1 - kept)).view(-1);
        var weights = ratio.clamp(max: 5) / (ratio + 1);
        return (weights * F.mse_loss(x["predictions"], targets, nn.Reduction.None).mean([1, 2, 3])).mean();
    }

    private static Tensor ScoreMatching(PlainState x)
    {
        var sigmas = x["sigmas"].view(-1, 1, 1, 1);
        var targets = -x["noise"] / sigmas;
        return (0.5 * (x["predictions"] - targets).pow(2).sum([1, 2, 3]) * x["sigmas"].pow(2)).mean();
    }

    private static Tensor LatentDivergence(PlainState x) =>
        (-0.5 * (1 + x["logVariances"] - x["means"].pow(2) - x["logVariances"].exp()).sum(1)).mean();
}
