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
    [DataRow(0.5)]
    [DataRow(0.75)]
    [DataRow(2.0)]
    [DataRow(1.4)]
    [DataRow(-0.3)]
    public void PowersOfManyNumbersAreThoseOfEach(double power)
    {
        float[] x = [0, 1e-38f, 1e-30f, 1e-8f, 0.1f, 0.5f, 1 - 6e-8f, 1, 1.5f, 7, 1e5f];
        var result = new float[x.Length];
        FormulaNumbers.Power<float>(x, power, result);
        for (var i = 0; i < x.Length; i++)
            Assert.AreEqual((float)Math.Pow(x[i], power), result[i], 2e-7f * (float)Math.Pow(x[i], power), $"{x[i]}");
        var same = x.Select(number => (double)number).ToArray();
        FormulaNumbers.Power<double>(same, power, same);
        for (var i = 0; i < x.Length; i++)
            Assert.AreEqual(Math.Pow(x[i], power), same[i], 1e-14 * Math.Pow(x[i], power), $"{x[i]}");
    }

    [TestMethod]
    public void SigmoidsOfManyNumbersAreThoseOfEach()
    {
        float[] x = [.. Numbers().Where((_, i) => i % 31 == 0), -1e4f, 1e4f, float.NegativeInfinity];
        var result = new float[x.Length + 3];
        SinglePrecision.Sigmoid<float>(x, result);
        for (var i = 0; i < x.Length; i++)
        {
            var expected = 1 / (1 + Math.Exp(-(double)x[i]));
            Assert.AreEqual(expected, result[i], Math.Max(3e-7 * expected, 2e-38), $"{x[i]}");
        }
        Assert.AreEqual(0f, result[x.Length], "Behind the last nothing is written.");
    }
}
