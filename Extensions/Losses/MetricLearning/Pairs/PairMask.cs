using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Some of the pairs [N, M], in the forms that formulas need, each made once. Arithmetic with numbers takes the place of choosing by the mask, which costs
/// thirty times as much on a CPU.
/// </summary>
internal sealed class PairMask(Tensor members, ScalarType type)
{
    private const double Far = 1e30; // beyond every value, with room for sums in single precision
    private Tensor? numbers;
    private Tensor? penalties;
    private Tensor? any;

    /// <summary>bool [N, M].</summary>
    public Tensor Members => members;

    /// <summary>1 for a member, else 0, [N, M].</summary>
    public Tensor Numbers => numbers ??= members.to(type);

    /// <summary>0 for a member, else -1e30, [N, M]: added, it takes the others out of a maximum or a sum of exponentials.</summary>
    public Tensor Penalties => penalties ??= (Numbers - 1).mul_(Far);

    /// <summary>1 for a row with a member, else 0, [N].</summary>
    public Tensor Any => any ??= Numbers.amax([1]);
}
