using MLNetLosses.Losses;
using static TorchSharp.torch;

namespace MLNetLosses.Training;

/// <summary>The gradients of the terms of a sum, each by a backward pass of its own: their norms, and the cosines between them.</summary>
/// <param name="Norms">Of the terms before weighing, over all trained parameters.</param>
/// <param name="Cosines">Of each pair of terms, by their indices; NaN where a gradient is 0.</param>
internal sealed record TermGradients(double[] Norms, IReadOnlyList<(int First, int Second, double Cosine)> Cosines)
{
    // All gradients are held at once for the cosines.
    private const long MostBytes = 1L << 30;

    /// <summary>Measures; the gradients at the parameters must be empty and are so again afterwards, and the graph is kept.</summary>
    public static TermGradients Measure(LossValue value, Gradients gradients)
    {
        using var scope = NewDisposeScope();
        var terms = value.Terms;
        var norms = new double[terms.Count];
        var lines = new List<(int Term, Tensor Gradient)>();
        var pairs = gradients.Length * sizeof(float) * terms.Count <= MostBytes;
        for (var i = 0; i < terms.Count; i++)
        {
            if (terms[i].Weight == 0 || !terms[i].Value.requires_grad)
                continue;
            terms[i].Value.backward(retain_graph: true);
            using (no_grad())
            {
                var line = gradients.Flat();
                gradients.Clear();
                norms[i] = line.norm().to(ScalarType.Float64).item<double>();
                if (pairs)
                    lines.Add((i, line));
                else
                    line.Dispose();
            }
        }
        using var frozen = no_grad();
        var cosines = new List<(int, int, double)>();
        for (var a = 0; a < lines.Count; a++)
        for (var b = a + 1; b < lines.Count; b++)
        {
            var (first, second) = (lines[a].Term, lines[b].Term);
            var dot = lines[a].Gradient.dot(lines[b].Gradient).to(ScalarType.Float64).item<double>();
            cosines.Add(
                (first, second, norms[first] * norms[second] > 0 ? Math.Clamp(dot / norms[first] / norms[second], -1, 1) : double.NaN)
            );
        }
        return new(norms, cosines);
    }
}
