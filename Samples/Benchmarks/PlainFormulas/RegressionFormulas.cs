using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace MLNetLosses.Benchmarks;

/// <summary>Losses on numbers, on as many as the logits of classification.</summary>
internal static class RegressionFormulas
{
    private const string Size = "[256,1000]";

    public static IEnumerable<PlainRow> Rows =>
        [
            PlainRow.Torch("MeanSquaredError", Size, Numbers, x => F.mse_loss(x["predictions"], x["targets"])),
            PlainRow.Torch("MeanAbsoluteError", Size, Numbers, x => F.l1_loss(x["predictions"], x["targets"])),
            PlainRow.Torch("Huber", Size, Numbers, x => F.huber_loss(x["predictions"], x["targets"])),
            PlainRow.Torch("SmoothL1", Size, Numbers, x => F.smooth_l1_loss(x["predictions"], x["targets"])),
            new("LogCosh", Size, Numbers, LogCosh),
            new("Charbonnier", Size, Numbers, x => ((x["predictions"] - x["targets"]).pow(2) + 1e-6).sqrt().mean()),
            new("Adaptive", Size, Numbers, x => Adaptive(x, alpha: 1)),
            new("Adaptive(alpha: 0.5)", Size, Numbers, x => Adaptive(x, alpha: 0.5)),
            new("AdaptiveWing", Size, HeatMaps, AdaptiveWing),
            new("EvidentialRegression", Size, Evidence, EvidentialRegression),
            new("GaussianNegativeLogLikelihood", Size, text => Uncertain(text, "logVariances"), Gaussian),
            new("LaplaceNegativeLogLikelihood", Size, text => Uncertain(text, "logScales"), Laplace),
            new("Quantile(quantiles: [0.9])", Size, Columns, Quantile),
            new("Wing", Size, Numbers, Wing),
        ];

    private static Tensor Draw() => randn(256, 1000);

    private static LossWorkload Numbers(string loss) =>
        LossWorkload.Of(loss, new() { ["predictions"] = 5 * Draw(), ["targets"] = 5 * Draw() }, "predictions");

    private static LossWorkload HeatMaps(string loss) =>
        LossWorkload.Of(loss, new() { ["predictions"] = Draw(), ["targets"] = rand(256, 1000) }, "predictions");

    private static LossWorkload Columns(string loss) =>
        LossWorkload.Of(loss, new() { ["predictions"] = randn(256_000, 1), ["targets"] = randn(256_000, 1) }, "predictions");

    private static LossWorkload Uncertain(string loss, string spread) =>
        LossWorkload.Of(
            loss,
            new()
            {
                ["predictions"] = Draw(),
                ["targets"] = Draw(),
                [spread] = Draw(),
            },
            "predictions",
            spread
        );

    private static LossWorkload Evidence(string loss) =>
        LossWorkload.Of(
            loss,
            new()
            {
                ["gamma"] = Draw(),
                ["nu"] = Draw(),
                ["alpha"] = Draw(),
                ["beta"] = Draw(),
                ["targets"] = Draw(),
            },
            "gamma",
            "nu",
            "alpha",
            "beta"
        );

    private static Tensor LogCosh(PlainState x)
    {
        var d = x["predictions"] - x["targets"];
        return (d + F.softplus(-2 * d) - Math.Log(2)).mean();
    }

    private static Tensor Adaptive(PlainState x, double alpha)
    {
        var b = Math.Abs(alpha - 2);
        var z = (x["predictions"] - x["targets"]).pow(2);
        return (b / alpha * ((z / b + 1).pow(alpha / 2) - 1)).mean();
    }

    private static Tensor AdaptiveWing(PlainState x)
    {
        const double omega = 14;
        const double theta = 0.5;
        var exponent = 2.1 - x["targets"];
        var d = (x["targets"] - x["predictions"]).abs();
        var bend = pow(full_like(exponent, theta), exponent);
        var slope = omega / (1 + bend) * exponent * pow(full_like(exponent, theta), exponent - 1);
        var offset = theta * slope - omega * log(1 + bend);
        return where(d.lt(theta), omega * log(1 + pow(d, exponent)), slope * d - offset).mean();
    }

    private static Tensor EvidentialRegression(PlainState x)
    {
        var (v, a, b) = (F.softplus(x["nu"]), F.softplus(x["alpha"]) + 1, F.softplus(x["beta"]));
        var d = x["targets"] - x["gamma"];
        var w = 2 * b * (1 + v);
        var likelihood = 0.5 * log(Math.PI / v) - a * log(w) + (a + 0.5) * log(v * d.pow(2) + w) + lgamma(a) - lgamma(a + 0.5);
        return (likelihood + 0.01 * d.abs() * (2 * v + a)).mean();
    }

    private static Tensor Gaussian(PlainState x)
    {
        var variance = x["logVariances"].exp().clamp(min: 1e-6);
        return (0.5 * (variance.log() + (x["predictions"] - x["targets"]).pow(2) / variance)).mean();
    }

    private static Tensor Laplace(PlainState x)
    {
        var scale = x["logScales"].exp().clamp(min: 1e-6);
        return ((x["predictions"] - x["targets"]).abs() / scale + scale.log()).mean();
    }

    private static Tensor Quantile(PlainState x)
    {
        var d = x["targets"] - x["predictions"];
        return maximum(0.9 * d, -0.1 * d).mean();
    }

    private static Tensor Wing(PlainState x)
    {
        const double width = 10;
        const double curvature = 2;
        var d = (x["predictions"] - x["targets"]).abs();
        var offset = width - width * Math.Log(1 + width / curvature);
        return where(d.lt(width), width * log(1 + d / curvature), d - offset).mean();
    }
}
