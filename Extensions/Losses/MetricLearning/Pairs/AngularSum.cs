using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// The sum of <see cref="AngularLoss"/> over positive pairs with its gradient, by blocks of pairs (a, p) against the partners: no tensor of all pairs and
/// partners, which with few classes would hold N^3 / 2 numbers.
/// </summary>
internal static class AngularSum
{
    private const long BlockElements = 1 << 20;

    /// <summary>Sum of log(1 + sum_n exp(4 s (a + p) . n - 2 (1 + s) a . p)).</summary>
    /// <param name="anchors">[N, D], unit vectors on the graph.</param>
    /// <param name="partners">[M, D]; the anchors themselves within a batch.</param>
    /// <param name="mined">Which pairs are positive and negative.</param>
    /// <param name="square">s, the squared tangent of the angle.</param>
    public static Tensor Compute(Tensor anchors, Tensor partners, MinedPairs mined, double square)
    {
        var (toNegative, toPositive) = (4 * square, 2 * (1 + square));
        var inBatch = ReferenceEquals(anchors, partners);
        var (learns, partnersLearn) = (KnownGradient.IsWanted(anchors), !inBatch && KnownGradient.IsWanted(partners));
        Tensor sum;
        Tensor? slopes,
            partnerSlopes;
        using (no_grad())
        {
            var (a, b) = (anchors.detach(), partners.detach());
            sum = tensor(0.0, dtype: ScalarType.Float64, device: a.device);
            slopes = learns || partnersLearn ? zeros_like(a) : null;
            partnerSlopes =
                inBatch ? slopes
                : partnersLearn ? zeros_like(b)
                : null;
            var penalties = mined.Negatives.Penalties; // made once, outside the scope of a block
            // Waits for the device once: without the list every pair would take its place, N^3 work where N^3 / classes is needed.
            var list = mined.Positives.Members.nonzero();
            var step = Math.Max(1, BlockElements / b.shape[0]);
            for (var start = 0L; start < list.shape[0]; start += step)
            {
                using var scope = NewDisposeScope();
                var places = list.narrow(0, start, Math.Min(step, list.shape[0] - start)).unbind(1);
                var (x, y) = (a.index_select(0, places[0]), b.index_select(0, places[1]));
                var both = (x + y).mul_(toNegative);
                var exponents = both.mm(b.t()).sub_((x * y).sum([1], keepdim: true).mul_(toPositive));
                exponents.add_(penalties.index_select(0, places[0]));
                var costs = Softplus.Of(exponents.logsumexp(1));
                sum.add_(costs.sum(ScalarType.Float64));
                if (slopes is null)
                    continue;
                var shares = exponents.sub_(costs.unsqueeze(1)).exp_(); // d cost / d exponent
                var ofPair = shares.sum([1], keepdim: true).mul_(toPositive);
                var ofBoth = shares.mm(b).mul_(toNegative);
                slopes.index_add_(0, places[0], ofBoth - y * ofPair, 1);
                if (partnerSlopes is null)
                    continue;
                partnerSlopes.index_add_(0, places[1], ofBoth - x * ofPair, 1);
                partnerSlopes.add_(shares.t().mm(both));
            }
            sum = sum.to(a.dtype);
        }
        var value = KnownGradient.AttachSum(sum, anchors, slopes);
        return inBatch ? value : KnownGradient.AttachSum(value, partners, partnerSlopes);
    }
}
