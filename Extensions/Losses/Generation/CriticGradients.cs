using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>The input of <see cref="GradientPenaltyLoss"/>: a critic's gradients at points, on the graph of the critic's parameters.</summary>
public static class CriticGradients
{
    /// <summary>d(sum of the critic's outputs)/d(points).</summary>
    /// <param name="critic">Gives outputs of any shape whose axis 0 runs over samples; without batch norm, which mixes them.</param>
    /// <param name="points">[N, ...]; detached here.</param>
    /// <returns>[N, ...], in the caller's dispose scope.</returns>
    /// <exception cref="ArgumentException">The critic's output does not depend on its input.</exception>
    public static Tensor At(Func<Tensor, Tensor> critic, Tensor points)
    {
        ArgumentNullException.ThrowIfNull(critic);
        ArgumentNullException.ThrowIfNull(points);
        using var scope = NewDisposeScope();
        var leaf = points.detach().requires_grad_();
        var output = critic(leaf);
        if (!output.requires_grad)
            throw new ArgumentException("The critic's output does not depend on its input: is it computed under no_grad?", nameof(critic));
        return autograd.grad([output.sum()], [leaf], create_graph: true)[0].MoveToOuterDisposeScope();
    }

    /// <summary>Points between real and fake samples, one random place a sample, for WGAN-GP.</summary>
    /// <param name="real">[N, ...].</param>
    /// <param name="fake">Of the same shape.</param>
    /// <param name="seed">Fixes the places; null: the global random state.</param>
    /// <returns>[N, ...], detached, in the caller's dispose scope.</returns>
    /// <exception cref="ArgumentException">The shapes differ.</exception>
    public static Tensor Between(Tensor real, Tensor fake, long? seed = null)
    {
        ArgumentNullException.ThrowIfNull(real);
        ArgumentNullException.ThrowIfNull(fake);
        if (!real.shape.AsSpan().SequenceEqual(fake.shape) || real.dim() == 0)
            throw new ArgumentException(
                $"real is {Shapes.Text(real)}, fake {Shapes.Text(fake)}: they must have one shape [N, ...].",
                nameof(fake)
            );
        using var scope = NewDisposeScope();
        using var generator = seed is { } fixedSeed ? new Generator((ulong)fixedSeed, CPU) : null;
        var places = rand([real.shape[0], .. Enumerable.Repeat(1L, (int)real.dim() - 1)], generator: generator).to(real.dtype, real.device);
        return real.detach().lerp(fake.detach(), places).MoveToOuterDisposeScope();
    }
}
