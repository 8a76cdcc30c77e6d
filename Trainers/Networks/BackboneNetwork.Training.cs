using TorchSharp;

namespace MLNetLosses.Networks;

public abstract partial class BackboneNetwork
{
    /// <summary>
    /// Freezes the first groups of <see cref="LayerGroups"/> and thaws the others. Frozen parameters take no gradient, and frozen batch
    /// normalisation uses its running statistics, and leaves them alone, also while the network trains.
    /// </summary>
    /// <param name="groupCount">How many groups from the input on: 0 thaws everything, <c>LayerGroups.Count - 1</c> leaves the head only.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are not so many groups, or it is negative.</exception>
    public void Freeze(int groupCount)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(groupCount);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(groupCount, groups.Count);
        ThrowIfFolded("be frozen or thawed");
        FrozenGroups = groupCount;
        foreach (var (name, parameter) in named_parameters())
            parameter.requires_grad = GroupOf(name) >= groupCount;
        foreach (var (name, module) in named_modules())
            if (module is BatchNorm norm)
                norm.Frozen = GroupOf(name + ".weight") < groupCount;
    }

    /// <summary>The index in <see cref="LayerGroups"/> of the group that holds this parameter or buffer.</summary>
    /// <exception cref="ArgumentException">The network has no such parameter.</exception>
    public int GroupOf(string parameterName)
    {
        var index = groups.FindIndex(group => group.Contains(parameterName));
        return index >= 0 ? index : throw new ArgumentException($"{Backbone} has no parameter '{parameterName}'.", nameof(parameterName));
    }

    /// <summary>Training mode or not. A folded copy stays in evaluation mode.</summary>
    public override void train(bool train = true)
    {
        if (train)
            ThrowIfFolded("train");
        base.train(train);
    }

    private void ThrowIfFolded(string what)
    {
        if (folded)
            throw new InvalidOperationException($"This copy was folded for inference and cannot {what}. Use the network it was made from.");
    }
}
