using System.Numerics;

namespace MLNetLosses.Data;

/// <summary>
/// A small random generator that is a pure function of the keys it is made from, the same on every platform and for every version of .NET, and apart
/// from the process-wide ones: xoshiro256++ (Blackman and Vigna, 2019) seeded by SplitMix64.
/// </summary>
internal struct RandomStream
{
    private ulong _a;
    private ulong _b;
    private ulong _c;
    private ulong _d;

    public RandomStream(params ReadOnlySpan<long> keys)
    {
        var state = 0x9E3779B97F4A7C15UL;
        foreach (var key in keys)
            state = Mix(state ^ Mix((ulong)key + 0x9E3779B97F4A7C15UL));
        _a = Mix(state += 0x9E3779B97F4A7C15UL);
        _b = Mix(state += 0x9E3779B97F4A7C15UL);
        _c = Mix(state += 0x9E3779B97F4A7C15UL);
        _d = Mix(state + 0x9E3779B97F4A7C15UL);
    }

    public ulong Next()
    {
        var result = BitOperations.RotateLeft(_a + _d, 23) + _a;
        var t = _b << 17;
        _c ^= _a;
        _d ^= _b;
        _b ^= _c;
        _a ^= _d;
        _c ^= t;
        _d = BitOperations.RotateLeft(_d, 45);
        return result;
    }

    /// <summary>Uniform in [0, 1).</summary>
    public double Uniform() => (Next() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform in [from, to).</summary>
    public double Uniform(double from, double to) => from + (to - from) * Uniform();

    /// <summary>Uniform among 0 to <paramref name="count"/> - 1.</summary>
    public int Below(int count) => (int)Math.BigMul(Next(), (ulong)count, out _);

    /// <summary>True with the given probability; takes one number even when the answer is certain.</summary>
    public bool Chance(double probability) => Uniform() < probability;

    /// <summary>1 or -1.</summary>
    public int Sign() => (Next() >> 63) == 0 ? 1 : -1;

    /// <summary>Standard normal (Box and Muller's method).</summary>
    public double Normal() => Math.Sqrt(-2 * Math.Log(1 - Uniform())) * Math.Cos(2 * Math.PI * Uniform());

    /// <summary>Beta(alpha, alpha) for alpha above 0.</summary>
    public double Beta(double alpha)
    {
        var (x, y) = (LogGamma(alpha), LogGamma(alpha));
        return 1 / (1 + Math.Exp(y - x));
    }

    public void Shuffle<T>(Span<T> values)
    {
        for (var i = values.Length - 1; i > 0; i--)
        {
            var j = Below(i + 1);
            (values[i], values[j]) = (values[j], values[i]);
        }
    }

    /// <summary>Logarithm of a Gamma(shape, 1) number (Marsaglia and Tsang, 2000), which does not underflow for small shapes.</summary>
    private double LogGamma(double shape)
    {
        var boost = shape < 1 ? Math.Log(1 - Uniform()) / shape : 0;
        var d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3;
        while (true)
        {
            var x = Normal();
            var v = 1 + x / Math.Sqrt(9 * d);
            if (v <= 0)
                continue;
            v = v * v * v;
            if (Math.Log(1 - Uniform()) < 0.5 * x * x + d - d * v + d * Math.Log(v))
                return Math.Log(d * v) + boost;
        }
    }

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
