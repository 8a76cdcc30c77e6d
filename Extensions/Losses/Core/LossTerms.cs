using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// What a loss computes: values a term and, where it has them, weights of terms. The library reduces them, in one place: <c>mean</c> is
/// sum(w l) / sum(w), <c>sum</c> is sum(w l), <c>none</c> is w l. A value whose weight is 0 must still be finite.
/// </summary>
public sealed record LossTerms
{
    /// <summary>Terms of weight 1, or weighed.</summary>
    /// <param name="values">l, of any shape.</param>
    /// <param name="weights">w &gt;= 0, broadcastable to the shape of the values; null: 1.</param>
    public LossTerms(Tensor values, Tensor? weights = null) => (Values, Weights) = (values, weights);

    /// <summary>l, or w l when <see cref="Weighted"/>.</summary>
    public Tensor Values { get; }

    /// <summary>w; null: 1.</summary>
    public Tensor? Weights { get; }

    /// <summary>True when <see cref="Values"/> are already multiplied by the weights, which then only divide.</summary>
    public bool Weighted { get; init; }

    /// <summary>What <c>mean</c> divides by instead of the sum of weights, one number; 0 counts as 1.</summary>
    public Tensor? Divisor { get; init; }

    /// <summary>Whether axis 0 of the values runs over the rows of the batch, so that row weights can apply.</summary>
    public bool ByRow { get; init; } = true;

    /// <summary>
    /// Whether <c>none</c> has a meaning; false where terms belong to pairs or triplets of samples, or only their sums are computed. Default true.
    /// </summary>
    public bool HasNone { get; init; } = true;

    /// <summary>One number that is added once to <c>mean</c> and <c>sum</c>, such as a regulariser; null: nothing.</summary>
    public Tensor? Constant { get; init; }

    /// <summary>Further groups of terms; each is reduced by itself and added. <c>none</c> is then refused.</summary>
    public IReadOnlyList<LossTerms> More { get; init; } = [];

    /// <summary>Whether <c>sum</c> has a meaning; false where the value is a mean by its definition. Default true.</summary>
    public bool HasSum { get; init; } = true;

    /// <summary>Further named results, detached, such as the weights that a weighting chose.</summary>
    public IReadOnlyList<(string Name, Tensor Value)> Details { get; init; } = [];

    /// <summary>Whether the value is one number that no reduction changes.</summary>
    public bool IsSingle { get; private init; }

    /// <summary>One value that no reduction changes; <c>none</c> gives it too.</summary>
    /// <param name="value">A scalar, or what <c>none</c> shall return.</param>
    public static LossTerms Single(Tensor value) => new(value) { IsSingle = true, ByRow = false };

    /// <summary>One value with further named results.</summary>
    /// <param name="value">A scalar.</param>
    /// <param name="details">Name and tensor.</param>
    public static LossTerms Single(Tensor value, params (string Name, Tensor Value)[] details) =>
        new(value)
        {
            IsSingle = true,
            ByRow = false,
            Details = details,
        };
}
