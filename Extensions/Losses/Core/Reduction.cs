namespace MLNetLosses.Losses;

/// <summary>How the terms of a loss become its value.</summary>
public enum Reduction
{
    /// <summary>The weighted mean sum(w l) / sum(w); ignored elements weigh 0. Nothing left: 0, connected to the graph.</summary>
    Mean,

    /// <summary>sum(w l).</summary>
    Sum,

    /// <summary>w l, one value a term.</summary>
    None,
}
