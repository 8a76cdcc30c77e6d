using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>A network whose layers can be frozen and trained in groups: what the trainers ask of a network, whatever its task.</summary>
internal interface ILayeredNetwork
{
    /// <summary>All layers in groups from the input to the output.</summary>
    IReadOnlyList<LayerGroup> LayerGroups { get; }

    /// <summary>The index of the group that holds this parameter or buffer.</summary>
    int GroupOf(string parameterName);

    /// <summary>Freezes the first groups and thaws the others.</summary>
    void Freeze(int groupCount);

    /// <summary>Where the network draws from while it trains.</summary>
    Generator Randomness { get; }
}
