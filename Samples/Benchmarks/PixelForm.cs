namespace MLNetLosses.Benchmarks;

/// <summary>What targets a pixel loss is given.</summary>
internal enum PixelForm
{
    /// <summary>A class a pixel.</summary>
    MultiClass,

    /// <summary>Shares of the classes, where a class a pixel is refused.</summary>
    Probabilities,

    /// <summary>One output, yes or no.</summary>
    Binary,

    /// <summary>Each class yes or no.</summary>
    MultiLabel,
}
