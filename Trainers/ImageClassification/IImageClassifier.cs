namespace MLNetLosses;

/// <summary>The network of a transformer: bytes of images in, probabilities of classes out. Several threads may use one at once.</summary>
internal interface IImageClassifier : IDisposable
{
    /// <summary>The number of classes.</summary>
    int ClassCount { get; }

    /// <summary>Computes the probabilities of a block of images.</summary>
    /// <param name="images">[count, channels, height, width], 0 to 255, of the size that the preprocessing makes.</param>
    /// <param name="count">Number of images.</param>
    /// <param name="probabilities">[count, classes]; filled, each row sums to 1.</param>
    void Score(ReadOnlySpan<byte> images, int count, Span<float> probabilities);

    /// <summary>Writes the network so that it can be made again from the stream.</summary>
    void Save(Stream stream);
}
