using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>log(1 + exp x), exact everywhere: torch's default turns into x at 20, where it is off by 2e-9.</summary>
internal static class Softplus
{
    // From here log(1 + exp x) is x to the last digit of double precision, and exp x is still finite in single precision.
    private const double Linear = 50;

    /// <summary>softplus(x), finite for every finite x.</summary>
    public static Tensor Of(Tensor x) => x.softplus(1, Linear);
}
