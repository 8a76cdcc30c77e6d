using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>log(1 + exp x), exact everywhere: torch's own turns into x at 20, where it is off by 2e-9.</summary>
internal static class Softplus
{
    /// <summary>softplus(x), finite for every finite x.</summary>
    public static Tensor Of(Tensor x) => -nn.functional.logsigmoid(-x);

    /// <summary>log softplus(x), finite for every finite x: below -40 it is x to the last digit, where softplus itself underflows.</summary>
    public static Tensor LogOf(Tensor x) => where(x.lt(-40), x, Of(x.clamp_min(-40)).log());
}
