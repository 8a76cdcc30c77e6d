namespace MLNetLosses.Losses;

/// <summary>What the table of losses says of one: its formula in a line and when to use it. Read by <see cref="LossCatalog"/>.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class LossGuideAttribute : Attribute
{
    /// <summary>Describes the loss.</summary>
    /// <param name="formula">The formula in a line of plain symbols.</param>
    public LossGuideAttribute(string formula) => Formula = formula;

    /// <summary>The formula in a line.</summary>
    public string Formula { get; }

    /// <summary>When to use it.</summary>
    public string Use { get; init; } = "";

    /// <summary>When not to use it, or how it is used wrongly.</summary>
    public string Avoid { get; init; } = "";

    /// <summary>What it costs: passes over the data, growth with N, C or pixels.</summary>
    public string Cost { get; init; } = "";

    /// <summary>Where it comes from.</summary>
    public string Paper { get; init; } = "";
}
