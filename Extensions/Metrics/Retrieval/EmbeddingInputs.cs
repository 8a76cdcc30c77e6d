using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses;

/// <summary>Checks embeddings that are evaluated.</summary>
internal static class EmbeddingInputs
{
    /// <summary>The labels of embeddings, on the host.</summary>
    public static long[] Labels(Tensor embeddings, Tensor labels, string embeddingsName, string labelsName)
    {
        Check(embeddings, embeddingsName);
        ArgumentNullException.ThrowIfNull(labels, labelsName);
        if (labels.ndim != 1 || labels.shape[0] != embeddings.shape[0])
            throw new ArgumentException(
                $"{labelsName} must be one a row, [{embeddings.shape[0]}]; they are [{string.Join(", ", labels.shape)}].",
                labelsName
            );
        if (labels.is_floating_point() || labels.is_complex() || labels.dtype == ScalarType.Bool)
            throw new ArgumentException($"{labelsName} must be of an integer type; they are {labels.dtype}.", labelsName);
        using var scope = NewDisposeScope();
        return labels.to(ScalarType.Int64).cpu().contiguous().data<long>().ToArray();
    }

    /// <summary>Refuses what is no finite [N, D].</summary>
    public static void Check(Tensor embeddings, string name)
    {
        ArgumentNullException.ThrowIfNull(embeddings, name);
        if (embeddings.ndim != 2 || embeddings.shape[0] == 0 || embeddings.shape[1] == 0 || !embeddings.is_floating_point())
            throw new ArgumentException(
                $"{name} must be [N, D] real numbers, with N and D of at least 1; they are {embeddings.dtype} [{string.Join(", ", embeddings.shape)}].",
                name
            );
        using var scope = NewDisposeScope();
        if (!embeddings.isfinite().all().item<bool>())
            throw new ArgumentException($"{name} hold a number that is not finite.", name);
    }

    /// <summary>Half precision as single precision.</summary>
    public static Tensor Real(Tensor embeddings) => embeddings.dtype == ScalarType.Float64 ? embeddings : embeddings.to(ScalarType.Float32);
}
