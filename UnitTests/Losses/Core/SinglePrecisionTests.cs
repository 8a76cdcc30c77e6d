using System.Numerics;
using MLNetLosses.Losses;

namespace MLNetLosses.UnitTests.Losses.Core;

[TestClass]
public class SinglePrecisionTests
{
    private static IEnumerable<float> Numbers()
    {
        for (var x = -120.0; x < 95; x += 0.00071)
            yield return (float)x;
        foreach (var x in new[] { 0f, -0f, 1e-8f, -1e-8f, 1e-30f, 88.7228f, -87.33f, 1e4f, -1e4f, 3e38f, -3e38f })
            yield return x;
    }

    [TestMethod]
    public void TheExponentialIsRightToTheLastDigits()
    {
        foreach (var x in Numbers())
        {
            var expected = Math.Exp((double)x);
            var actual = SinglePrecision.Exp(new Vector<float>(x))[0];
            // Below the least normal number digits are lost by the type itself.
            Assert.IsTrue(
                (float)expected == actual || Math.Abs(actual - expected) <= Math.Max(1.5e-7 * expected, 3e-45),
                $"exp {x} = {expected}, here {actual}"
            );
        }
        Assert.AreEqual(1f, SinglePrecision.Exp(Vector<float>.Zero)[0]);
        Assert.AreEqual(0f, SinglePrecision.Exp(new Vector<float>(float.NegativeInfinity))[0]);
        Assert.AreEqual(float.PositiveInfinity, SinglePrecision.Exp(new Vector<float>(float.PositiveInfinity))[0]);
        Assert.IsTrue(float.IsNaN(SinglePrecision.Exp(new Vector<float>(float.NaN))[0]));
    }

    [TestMethod]
    public void WhatBinaryCostsAreMadeOfIsRightAtBothEnds()
    {
        // The rounding of 1 + e falls out of log u / (u - 1).
        static double LogOnePlus(double e) => 1 + e is var u && u == 1 ? e : Math.Log(u) * e / (u - 1);
        static double Softplus(double z) => Math.Max(z, 0) + LogOnePlus(Math.Exp(-Math.Abs(z)));
        static void IsNear(double expected, float actual, string what) =>
            Assert.IsTrue(Math.Abs(actual - expected) <= Math.Max(4e-7 * Math.Abs(expected), 3e-45), $"{what}: {expected}, here {actual}");
        foreach (var x in Numbers())
        {
            var of = SinglePrecision.LogisticOf(new Vector<float>(x));
            IsNear(1 / (1 + Math.Exp(-(double)x)), of.Sigmoid[0], $"sigmoid {x}");
            IsNear(1 / (1 + Math.Exp(x)), of.Rest[0], $"1 - sigmoid {x}");
            IsNear(Softplus(x), of.Softplus[0], $"softplus {x}");
            IsNear(Softplus(-(double)x), of.Opposite[0], $"softplus -{x}");
        }
    }

    [TestMethod]
    public void SigmoidsAreRightAndNothingFarBelow()
    {
        foreach (var x in Numbers())
        {
            var (expected, actual) = (1 / (1 + Math.Exp(-(double)x)), SinglePrecision.SigmoidOf(new Vector<float>(x))[0]);
            Assert.AreEqual(expected, actual, Math.Max(3e-7 * expected, 2e-38), $"{x}");
        }
        Assert.AreEqual(0f, SinglePrecision.SigmoidOf(new Vector<float>(-1e4f))[0]);
        Assert.AreEqual(1f, SinglePrecision.SigmoidOf(new Vector<float>(1e4f))[0]);
    }
}
