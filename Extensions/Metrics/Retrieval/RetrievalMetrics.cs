using System.Collections.ObjectModel;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses;

/// <summary>
/// How well embeddings find others of their class: each query ranks a gallery, nearest first, and R is the number of rows of its class there. Queries
/// with R = 0 are left out. Means over queries.
/// </summary>
public sealed class RetrievalMetrics
{
    private const long BlockCells = 1 << 24;
    private static readonly int[] DefaultRanks = [1, 2, 4, 8];

    private RetrievalMetrics(int queries, ReadOnlyDictionary<int, double> recallAt, double precisionAt1, double atR, double precisionR) =>
        (Queries, RecallAt, PrecisionAt1, MeanAveragePrecisionAtR, RPrecision) = (queries, recallAt, precisionAt1, atR, precisionR);

    /// <summary>The queries that count: those with R of at least 1.</summary>
    public int Queries { get; }

    /// <summary>For each k the share of queries with at least one row of their class among the first k (the Recall@k of the retrieval literature).</summary>
    public IReadOnlyDictionary<int, double> RecallAt { get; }

    /// <summary>The share of queries whose nearest row is of their class.</summary>
    public double PrecisionAt1 { get; }

    /// <summary>1/R times the sum over the ranks i of at most R that hold a row of the class of the precision among the first i: MAP@R (Musgrave et al., 2020).</summary>
    public double MeanAveragePrecisionAtR { get; }

    /// <summary>The share of rows of the class among the first R.</summary>
    public double RPrecision { get; }

    /// <summary>Searches for each embedding among the others.</summary>
    /// <param name="embeddings">[N, D].</param>
    /// <param name="labels">[N], of an integer type.</param>
    /// <param name="distance">How embeddings are compared. Default: cosine similarity.</param>
    /// <param name="ks">The k of <see cref="RecallAt"/>, at least 1; a k beyond the gallery takes all of it. Default 1, 2, 4, 8.</param>
    /// <exception cref="ArgumentException">Shapes do not fit, a number is not finite, or no query has a row of its class to find.</exception>
    public static RetrievalMetrics Evaluate(Tensor embeddings, Tensor labels, Distance? distance = null, IReadOnlyList<int>? ks = null) =>
        Evaluate(embeddings, labels, embeddings, labels, distance, ks, own: true);

    /// <summary>Searches for each embedding in a gallery.</summary>
    /// <param name="embeddings">[N, D].</param>
    /// <param name="labels">[N], of an integer type.</param>
    /// <param name="referenceEmbeddings">[M, D], the gallery.</param>
    /// <param name="referenceLabels">[M].</param>
    /// <param name="distance">How embeddings are compared. Default: cosine similarity.</param>
    /// <param name="ks">The k of <see cref="RecallAt"/>, at least 1; a k beyond the gallery takes all of it. Default 1, 2, 4, 8.</param>
    /// <exception cref="ArgumentException">Shapes do not fit, a number is not finite, or no query has a row of its class to find.</exception>
    public static RetrievalMetrics Evaluate(
        Tensor embeddings,
        Tensor labels,
        Tensor referenceEmbeddings,
        Tensor referenceLabels,
        Distance? distance = null,
        IReadOnlyList<int>? ks = null
    ) => Evaluate(embeddings, labels, referenceEmbeddings, referenceLabels, distance, ks, own: false);

    private static RetrievalMetrics Evaluate(
        Tensor embeddings,
        Tensor labels,
        Tensor gallery,
        Tensor galleryLabels,
        Distance? distance,
        IReadOnlyList<int>? ks,
        bool own
    )
    {
        var classes = EmbeddingInputs.Labels(embeddings, labels, nameof(embeddings), nameof(labels));
        var galleryClasses = own ? classes : EmbeddingInputs.Labels(gallery, galleryLabels, "referenceEmbeddings", "referenceLabels");
        if (embeddings.shape[1] != gallery.shape[1])
            throw new ArgumentException(
                $"The embeddings have {embeddings.shape[1]} features, those of the gallery {gallery.shape[1]}.",
                nameof(embeddings)
            );
        ks ??= DefaultRanks;
        if (ks.Any(k => k < 1))
            throw new ArgumentOutOfRangeException(nameof(ks), ks.Min(), "Every k must be at least 1.");
        distance ??= new CosineSimilarity();
        var relevant = galleryClasses.GroupBy(label => label).ToDictionary(group => group.Key, group => group.Count() - (own ? 1 : 0));
        var counts = classes.Select(label => relevant.GetValueOrDefault(label)).ToArray();
        var depth = Math.Min(Math.Max(counts.DefaultIfEmpty(0).Max(), ks.DefaultIfEmpty(1).Max()), galleryClasses.Length - (own ? 1 : 0));
        var queries = counts.Count(count => count > 0);
        if (queries == 0)
            throw new ArgumentException("No query has a row of its class to find: nothing is defined.", nameof(labels));

        var first = new int[classes.Length];
        var (precisionR, atR) = (0.0, 0.0);
        using var frozen = no_grad();
        using var scope = NewDisposeScope();
        var (from, to) = (distance.Prepare(EmbeddingInputs.Real(embeddings)), distance.Prepare(EmbeddingInputs.Real(gallery)));
        var block = (int)Math.Clamp(BlockCells / galleryClasses.Length, 1, classes.Length);
        for (var start = 0; start < classes.Length; start += block)
        {
            var rows = Math.Min(block, classes.Length - start);
            var nearest = Nearest(distance, from.narrow(0, start, rows), to, own ? start : -1, depth);
            for (var row = 0; row < rows; row++)
            {
                var (query, found) = (start + row, 0);
                var (r, sum) = (counts[query], 0.0);
                first[query] = int.MaxValue;
                for (var rank = 1; rank <= depth; rank++)
                {
                    if (galleryClasses[nearest[row * depth + rank - 1]] != classes[query])
                        continue;
                    first[query] = Math.Min(first[query], rank);
                    if (rank > r)
                        break;
                    sum += ++found / (double)rank;
                }
                if (r > 0)
                    (precisionR, atR) = (precisionR + found / (double)r, atR + sum / r);
            }
        }
        var recall = ks.Distinct().ToDictionary(k => k, k => Share(k));
        return new(queries, recall.AsReadOnly(), Share(1), atR / queries, precisionR / queries);

        double Share(int k) => Enumerable.Range(0, counts.Length).Count(query => counts[query] > 0 && first[query] <= k) / (double)queries;
    }

    /// <summary>The rows of the gallery that are nearest to each query, nearest first; without the query's own row where it starts at one.</summary>
    private static long[] Nearest(Distance distance, Tensor queries, Tensor gallery, int ownStart, int depth)
    {
        using var scope = NewDisposeScope();
        var between = distance.All(queries, gallery);
        if (!distance.IsSimilarity)
            between = between.neg();
        if (ownStart >= 0)
            between.diagonal(ownStart).fill_(double.NegativeInfinity);
        return between.topk(depth, dim: 1, largest: true, sorted: true).indexes.cpu().contiguous().data<long>().ToArray();
    }
}
