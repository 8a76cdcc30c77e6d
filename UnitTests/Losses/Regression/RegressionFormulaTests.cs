using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Losses.Regression;

/// <summary>Each loss against its formula written out for one number, and identities between losses.</summary>
[TestClass]
public class RegressionFormulaTests
{
    private static readonly double[] Residuals = [-40, -10, -3.2, -1, -0.3, -1e-4, 0, 1e-4, 0.2, 0.5, 1, 2.5, 9.99, 10, 55];

    [TestMethod]
    [DynamicData(nameof(Formulas))]
    public void IsItsFormula(string text, Func<double, double> formula)
    {
        using var scope = NewDisposeScope();
        var values = ((RegressionLoss)Loss.Parse(text)).Compute(
            tensor(Residuals) + 2,
            full_like(tensor(Residuals), 2),
            reduction: Reduction.None
        );
        for (var i = 0; i < Residuals.Length; i++)
            Assert.AreEqual(
                formula(Residuals[i]),
                values[i].item<double>(),
                1e-11 * Math.Max(1, formula(Residuals[i])),
                $"at {Residuals[i]}"
            );
    }

    public static IEnumerable<object[]> Formulas()
    {
        static object[] Row(string text, Func<double, double> formula) => [text, formula];
        static double Power(double x, double alpha) =>
            Math.Abs(alpha - 2) / alpha * (Math.Pow(x * x / Math.Abs(alpha - 2) + 1, alpha / 2) - 1);
        static double Wing(double x, double width, double curvature) =>
            Math.Abs(x) < width
                ? width * Math.Log(1 + Math.Abs(x) / curvature)
                : Math.Abs(x) - width + width * Math.Log(1 + width / curvature);
        yield return Row("MeanSquaredError()", x => x * x);
        yield return Row("MeanAbsoluteError()", Math.Abs);
        yield return Row("Huber(delta: 0.5)", x => Math.Abs(x) <= 0.5 ? x * x / 2 : 0.5 * (Math.Abs(x) - 0.25));
        yield return Row("SmoothL1(beta: 2.5)", x => Math.Abs(x) < 2.5 ? x * x / 5 : Math.Abs(x) - 1.25);
        yield return Row("SmoothL1(beta: 0)", Math.Abs);
        yield return Row("LogCosh()", x => Math.Log(Math.Cosh(x)));
        yield return Row("Charbonnier(delta: 0.2)", x => Math.Sqrt(x * x + 0.04));
        yield return Row("Quantile(quantiles: [0.8])", x => Math.Max(0.8 * -x, -0.2 * -x));
        yield return Row("Wing()", x => Wing(x, 10, 2));
        yield return Row("Wing(width: 2.5, curvature: 0.1)", x => Wing(x, 2.5, 0.1));
        yield return Row("Adaptive(alpha: 2, scale: 4)", x => x * x / 32);
        yield return Row("Adaptive(alpha: 0)", x => Math.Log(1 + x * x / 2));
        yield return Row("Adaptive(alpha: 1, scale: 0.5)", x => Math.Sqrt(4 * x * x + 1) - 1);
        yield return Row("Adaptive(alpha: -2)", x => 2 * x * x / (x * x + 4));
        yield return Row("Adaptive(alpha: 0.7)", x => Power(x, 0.7));
        yield return Row("Adaptive(alpha: -5.5)", x => Power(x, -5.5));
        yield return Row("Adaptive(alpha: 3, scale: 10)", x => Power(x / 10, 3));
        yield return Row("Adaptive(alpha: -Infinity)", x => 1 - Math.Exp(-x * x / 2));
        yield return Row("Adaptive(alpha: Infinity, scale: 10)", x => Math.Exp(x * x / 200) - 1);
    }

    [TestMethod]
    [DataRow("SmoothL1(beta: 0.3)", "Huber(delta: 0.3)", 1 / 0.3)]
    [DataRow("Quantile()", "MeanAbsoluteError()", 0.5)]
    [DataRow("Adaptive(alpha: 2)", "MeanSquaredError()", 0.5)]
    [DataRow("Adaptive(alpha: 1.9999999)", "MeanSquaredError()", 0.5)]
    [DataRow("Adaptive(alpha: 1e-9)", "Adaptive(alpha: 0)", 1)]
    [DataRow("Adaptive(alpha: -1e9)", "Adaptive(alpha: -Infinity)", 1)]
    public void IsAMultipleOf(string text, string other, double factor)
    {
        using var scope = NewDisposeScope();
        var (x, y) = (tensor(Residuals[2..^3]), zeros(Residuals.Length - 5, float64));
        var loss = ((RegressionLoss)Loss.Parse(text)).Compute(x, y).item<double>();
        Assert.AreEqual(factor * ((RegressionLoss)Loss.Parse(other)).Compute(x, y).item<double>(), loss, 1e-6 * loss);
    }

    [TestMethod]
    public void AdaptiveWingIsItsFormula()
    {
        using var scope = NewDisposeScope();
        var loss = new AdaptiveWingLoss { Curvature = 0.4, Theta = 0.3 };
        foreach (var target in new[] { 0, 0.25, 1 })
        foreach (var distance in new[] { 0, 1e-3, 0.29, 0.3, 0.31, 1.5 })
        {
            var k = loss.Alpha - target;
            double Near(double d) => loss.Omega * Math.Log(1 + Math.Pow(d / loss.Curvature, k));
            var ratio = Math.Pow(loss.Theta / loss.Curvature, k);
            var slope = loss.Omega * k * Math.Pow(loss.Theta / loss.Curvature, k - 1) / loss.Curvature / (1 + ratio);
            var expected = distance < loss.Theta ? Near(distance) : slope * (distance - loss.Theta) + Near(loss.Theta);
            var value = loss.Compute(tensor(target + distance).reshape(1), tensor(target).to(float64).reshape(1)).item<double>();
            Assert.AreEqual(expected, value, 1e-12, $"target {target}, distance {distance}");
        }
    }

    [TestMethod]
    [DataRow(-30.0)]
    [DataRow(-1.0)]
    [DataRow(0.5)]
    [DataRow(25.0)]
    [DataRow(400.0)]
    public void EvidentialLikelihoodIsAStudentT(double rawAlpha)
    {
        using var scope = NewDisposeScope();
        var (gamma, nu, beta, target) = (0.3, -0.7, 1.2, 2.1);
        static double Softplus(double x) => Math.Log(1 + Math.Exp(-Math.Abs(x))) + Math.Max(x, 0);
        static Tensor One(double x) => tensor(new[] { x });
        var (v, a, b) = (Softplus(nu), Softplus(rawAlpha) + 1, Softplus(beta));
        var scale = b * (1 + v) / (v * a);
        var z = (target - gamma) * (target - gamma) / scale;
        var logGamma = tensor(new[] { a + 0.5, a }).lgamma();
        var density =
            logGamma[0].item<double>()
            - logGamma[1].item<double>()
            - 0.5 * Math.Log(2 * a * Math.PI * scale)
            - (a + 0.5) * Math.Log(1 + z / (2 * a));
        var value = new EvidentialRegressionLoss { RegularizationWeight = 0 }.Compute(
            new LossInputs
            {
                ["gamma"] = One(gamma),
                ["nu"] = One(nu),
                ["alpha"] = One(rawAlpha),
                ["beta"] = One(beta),
                ["targets"] = One(target),
            }
        );
        Assert.AreEqual(-density, value.item<double>(), 1e-11);
    }

    [TestMethod]
    public void LikelihoodsAreDensities()
    {
        using var scope = NewDisposeScope();
        foreach (
            var (text, second) in new[]
            {
                ("GaussianNegativeLogLikelihood(full: true)", "logVariances"),
                ("LaplaceNegativeLogLikelihood(full: true)", "logScales"),
            }
        )
        {
            var x = linspace(-80, 80, 1_600_001, float64);
            var loss = Loss.Parse(text)
                .Compute(
                    new LossInputs
                    {
                        ["predictions"] = x,
                        ["targets"] = zeros_like(x),
                        [second] = full_like(x, 1.3),
                    },
                    Reduction.None
                );
            Assert.AreEqual(1, ((-loss).exp().sum() * 1e-4).item<double>(), 1e-6, text);
        }
    }

    [TestMethod]
    [DataRow(0.6, 0.4)]
    [DataRow(1.0, 2.0)]
    [DataRow(1.9, 1.0)]
    public void ALearnedShapeIsADensity(double alpha, double scale)
    {
        using var scope = NewDisposeScope();
        using var built = new AdaptiveLoss
        {
            Alpha = alpha,
            Scale = scale,
            LearnAlpha = true,
            LearnScale = true,
        }.Build(new LossContext { EmbeddingSize = 1, DType = float64 });
        // Substituting x = sinh t reaches the heavy tails.
        var t = linspace(-40, 40, 80_001, float64);
        var inputs = new LossInputs { ["predictions"] = t.sinh(), ["targets"] = zeros_like(t) };
        var density = (-built.Evaluate(inputs, Reduction.None)).exp();
        Assert.AreEqual(1, ((density * t.cosh()).sum() * 1e-3).item<double>(), 1e-9);
    }

    [TestMethod]
    public void LearningFindsTheScaleOfTheData()
    {
        using var scope = NewDisposeScope();
        using var built = new AdaptiveLoss { LearnAlpha = true, LearnScale = true }.Build(
            new LossContext { EmbeddingSize = 1, DType = float64 }
        );
        using var generator = new Generator(7, CPU);
        var inputs = new LossInputs
        {
            ["predictions"] = randn(4000, dtype: float64, generator: generator) * 0.2,
            ["targets"] = zeros(4000, float64),
        };
        using var optimizer = optim.Adam(built.parameters(), 0.1);
        for (var step = 0; step < 150; step++)
        {
            using var inner = NewDisposeScope();
            optimizer.zero_grad();
            built.Evaluate(inputs).backward();
            optimizer.step();
        }
        var scaleNow = 1e-5 + (1 - 1e-5) * Math.Log(1 + Math.Exp(built.State!["latentScale"].item<double>() + Math.Log(Math.E - 1)));
        var alphaNow = 0.001 + 1.998 / (1 + Math.Exp(-built.State["latentAlpha"].item<double>()));
        Assert.AreEqual(0.2, scaleNow, 0.02);
        Assert.IsGreaterThan(1.7, alphaNow, "normal residuals are best described by squared error");
    }

    [TestMethod]
    public void QuantileColumnsEstimateTheirQuantiles()
    {
        using var scope = NewDisposeScope();
        var loss = new QuantileLoss { Quantiles = [0.1, 0.5, 0.9] };
        var (predictions, targets) = (
            tensor(
                new double[,]
                {
                    { 1, 2, 3 },
                    { -1, 0, 5 },
                }
            ),
            tensor(new double[] { 2.5, -2 })
        );
        var expected = new double[] { 0.1 * 1.5, 0.5 * 0.5, 0.1 * 0.5, 0.9 * 1, 0.5 * 2, 0.1 * 7 };
        var values = loss.Compute(predictions, targets, reduction: Reduction.None);
        CollectionAssert.AreEqual(new long[] { 2, 3 }, values.shape);
        for (var i = 0; i < 6; i++)
            Assert.AreEqual(expected[i], values.flatten()[i].item<double>(), 1e-12);
        var weighted = loss.Compute(
            predictions,
            targets.unsqueeze(1),
            tensor(
                new double[,]
                {
                    { 2 },
                    { 0 },
                }
            )
        );
        Assert.AreEqual((0.15 + 0.25 + 0.05) / 3, weighted.item<double>(), 1e-12, "a row of weight 0 does not count");
    }
}
