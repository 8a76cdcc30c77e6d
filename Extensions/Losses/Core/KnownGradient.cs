using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// Puts values whose derivative was computed along with them on the graph, in place of the chain of operations that made them: value + (x - x0) dvalue/dx,
/// with x0 the same numbers as x off the graph. The value stays exact, the backward pass is one multiplication; there is no second derivative.
/// </summary>
internal static class KnownGradient
{
    /// <summary>Whether a derivative is worth computing: someone will ask for it.</summary>
    public static bool IsWanted(Tensor input) => input.requires_grad && is_grad_enabled();

    /// <summary>Values each of which depends on the input's element at its place.</summary>
    /// <param name="values">Of the input's shape, off the graph.</param>
    /// <param name="input">On the graph.</param>
    /// <param name="slopes">dvalue/dinput, of the same shape; null: the values stay as they are.</param>
    public static Tensor Attach(Tensor values, Tensor input, Tensor? slopes) =>
        slopes is null ? values : addcmul(values, input - input.detach(), slopes, 1);

    /// <summary>Values [N] each of which depends on a row of an input [N, K].</summary>
    /// <param name="values">[N], off the graph.</param>
    /// <param name="input">[N, K], on the graph.</param>
    /// <param name="slopes">dvalue/dinput, [N, K]; null: the values stay as they are.</param>
    public static Tensor AttachRows(Tensor values, Tensor input, Tensor? slopes) =>
        slopes is null ? values : values + ((input - input.detach()) * slopes).sum([1]);

    /// <summary>One value that depends on every element of an input.</summary>
    /// <param name="value">A scalar, off the graph.</param>
    /// <param name="input">On the graph.</param>
    /// <param name="slopes">dvalue/dinput, of the input's shape; null: the value stays as it is.</param>
    public static Tensor AttachSum(Tensor value, Tensor input, Tensor? slopes) =>
        slopes is null ? value : value + (input - input.detach()).reshape(-1).dot(slopes.reshape(-1));
}
