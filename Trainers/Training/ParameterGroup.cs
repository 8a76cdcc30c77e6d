using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MLNetLosses.Training;

/// <summary>Parameters of a network that learn at the same pace: the layers of a head, of a backbone's stage, ...</summary>
/// <param name="Name">For logs and errors.</param>
/// <param name="Parameters">Parameters of the network; all must require a gradient.</param>
public sealed record ParameterGroup(string Name, IReadOnlyList<Parameter> Parameters)
{
    /// <summary>Multiplies the learning rate. Default 1; 0: the parameters stay as they are.</summary>
    public double LearningRateFactor { get; init; } = 1;

    /// <summary>Multiplies the weight decay. Default 1; 0: not decayed, as is common for biases and normalisation layers.</summary>
    public double WeightDecayFactor { get; init; } = 1;

    /// <summary>The parameters of a network that require a gradient, in groups of equal factors.</summary>
    /// <param name="network">The network.</param>
    /// <param name="factors">
    /// The factors of learning rate and weight decay for a parameter, by its name in <c>named_parameters()</c>:
    /// <c>(name, p) => (name.StartsWith("fc.") ? 10 : 1, p.dim() &lt; 2 ? 0 : 1)</c>.
    /// </param>
    public static IReadOnlyList<ParameterGroup> From(
        nn.Module network,
        Func<string, Parameter, (double LearningRate, double WeightDecay)> factors
    )
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(factors);
        return
        [
            .. network
                .named_parameters()
                .Where(p => p.parameter.requires_grad)
                .GroupBy(p => factors(p.name, p.parameter), p => p.parameter)
                .Select(group => new ParameterGroup(
                    $"learning rate x {group.Key.LearningRate}, weight decay x {group.Key.WeightDecay}",
                    [.. group]
                )
                {
                    LearningRateFactor = group.Key.LearningRate,
                    WeightDecayFactor = group.Key.WeightDecay,
                }),
        ];
    }

    internal void Check()
    {
        foreach (var (name, factor) in new[] { ("LearningRateFactor", LearningRateFactor), ("WeightDecayFactor", WeightDecayFactor) })
            if (!(factor >= 0 && double.IsFinite(factor)))
                throw new ArgumentException($"The {name} of the parameter group '{Name}' must lie in [0, inf); it is {factor}.", name);
    }
}
