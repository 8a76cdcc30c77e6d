using MLNetLosses.Losses;
using static TorchSharp.torch;

namespace MLNetLosses.Training;

/// <summary>The gradients of the terms of a sum, each by a backward pass of its own: their norms, and the cosines between them.</summary>
/// <param name="Norms">Of the terms before weighing, over all trained parameters.</param>
/// <param name="Cosines">Of each pair of terms, by their indices; NaN where a gradient is 0.</param>
internal sealed record TermGradients(double[] Norms, IReadOnlyList<(int First, int Second, double Cosine)> Cosines)
{
    // The gradients of all terms but the last are held at once for the cosines.
    private const long MostBytes = 1L << 30;

    /// <summary>Measures; the gradients at the parameters must be empty and are so again afterwards, and the graph is kept.</summary>
    public static TermGradients Measure(LossValue value, Gradients gradients)
    {
        using var scope = NewDisposeScope();
        var terms = value.Terms;
        var norms = new double[terms.Count];
        var cosines = new List<(int, int, double)>();
        var earlier = new List<(int Term, Tensor?[] Lines)>();
        var pairs = gradients.Length * sizeof(float) * terms.Count <= MostBytes;
        int[] measured = [.. Enumerable.Range(0, terms.Count).Where(i => terms[i].Weight > 0 && terms[i].Value.requires_grad)];
        foreach (var i in measured)
        {
            terms[i].Value.backward(retain_graph: true);
            using var frozen = no_grad();
            var lines = gradients.Take();
            norms[i] = Math.Sqrt(Product(lines, lines));
            foreach (var (other, theirs) in earlier)
                cosines.Add((other, i, Cosine(Product(theirs, lines), norms[other] * norms[i])));
            if (pairs && i != measured[^1])
                earlier.Add((i, lines));
            else
                foreach (var line in lines)
                    line?.Dispose();
        }
        return new(norms, [.. cosines.Order()]);
    }

    private static double Cosine(double product, double norms) => norms > 0 ? Math.Clamp(product / norms, -1, 1) : double.NaN;

    private static double Product(Tensor?[] a, Tensor?[] b)
    {
        using var scope = NewDisposeScope();
        Tensor[] products =
        [
            .. a.Zip(b)
                .Where(pair => pair.First is not null && pair.Second is not null)
                .Select(pair => pair.First!.dot(pair.Second!).to(ScalarType.Float64)),
        ];
        return products.Length == 0 ? 0 : stack(products).sum().item<double>();
    }
}
