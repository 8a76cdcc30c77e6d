using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace MLNetLosses.Benchmarks;

/// <summary>Losses on embeddings: a matrix of all pairs of the batch with masks, lists of triplets, or cosines with one weight a class.</summary>
internal static class MetricLearningFormulas
{
    private const string Size = "[256,128]";
    private const int PerClass = 8;

    public static IEnumerable<PlainRow> Rows =>
        [
            new("Contrastive(negativeMargin: 1.5)", Size, Pairs, x => Contrast(Distances(x), x, 1.5)),
            new("Triplet(margin: 0.2)", Size, Pairs, AllTriplets),
            new("Triplet(margin: 0.2, miner: BatchHard)", Size, Pairs, HardTriplets),
            new("Margin", Size, Pairs, Margin),
            new("NPair", Size, Pairs, NPair),
            new("LiftedStructure", Size, Pairs, LiftedStructure),
            new("LiftedStructure(generalized: true)", Size, Pairs, GeneralizedLiftedStructure),
            new("Angular", Size, Pairs, Angular),
            new("TupletMargin", Size, Pairs, TupletMargin),
            new("FastAP", Size, Pairs, FastAP),
            new("MultiSimilarity", Size, Pairs, MultiSimilarity),
            new("Circle", Size, Pairs, Circle),
            new("SupervisedContrastive", Size, Pairs, SupervisedContrastive),
            new("SignalToNoiseRatioContrastive(negativeMargin: 2)", Size, Pairs, x => Contrast(NoiseRatios(x), x, 2)),
            new("CrossBatchMemory(inner: Contrastive(negativeMargin: 1.5))", Size + ", 1024 remembered", Pairs, CrossBatchMemory),
            new("Center", Size + ", 10000 classes", Many, x => 0.5 * (x["embeddings"] - x["centers"][x["labels"]]).pow(2).sum(1).mean()),
            new("ArcFace", Size + ", 10000 classes", Many, x => ArcFace(x, Cosines(x))),
            new("CosFace", Size + ", 10000 classes", Many, x => Classify(x, 64 * (Cosines(x) - 0.35 * OneHot(x)))),
            new("SphereFace", Size + ", 10000 classes", Many, SphereFace),
            new("SubCenterArcFace", Size + ", 3 x 10000 classes", Many, x => ArcFace(x, Cosines(x).view(256, -1, 3).amax([2]))),
            new("NormalizedSoftmax", Size + ", 10000 classes", Many, x => Classify(x, Cosines(x) / 0.05)),
            new("AdaFace", Size + ", 10000 classes", Many, AdaFace),
            new("MagFace", Size + ", 10000 classes", Many, MagFace),
            new("ProxyNCA", Size + ", 1000 classes", Some, ProxyNCA),
            new("ProxyAnchor", Size + ", 1000 classes", Some, ProxyAnchor),
            new("SoftTriple", Size + ", 10 x 1000 classes", Some, SoftTriple),
        ];

    private static LossWorkload Pairs(string loss) => LossWorkload.Embeddings(loss, perClass: PerClass);

    private static LossWorkload Many(string loss) => LossWorkload.Embeddings(loss, classes: 10_000);

    private static LossWorkload Some(string loss) => LossWorkload.Embeddings(loss, classes: 1000);

    private static Tensor Unit(PlainState x) => F.normalize(x["embeddings"]);

    private static Tensor Distances(PlainState x)
    {
        var unit = Unit(x);
        return cdist(unit, unit);
    }

    private static Tensor Similarities(PlainState x)
    {
        var unit = Unit(x);
        return unit.mm(unit.t());
    }

    private static (Tensor Positive, Tensor Negative) Masks(PlainState x)
    {
        var labels = x["labels"];
        var same = labels.unsqueeze(0).eq(labels.unsqueeze(1));
        return (same & eye(labels.shape[0], dtype: ScalarType.Bool).logical_not(), same.logical_not());
    }

    private static Tensor MeanNonZero(Tensor values) => values.sum() / values.gt(0).sum().clamp(min: 1);

    // log of the sum of exponentials where the mask is set, and of one more 1 if wanted
    private static Tensor LogSum(Tensor values, Tensor mask, bool withOne)
    {
        var masked = values.masked_fill(mask.logical_not(), double.NegativeInfinity);
        return (withOne ? cat([masked, zeros(masked.shape[0], 1)], 1) : masked).logsumexp(1);
    }

    private static Tensor Contrast(Tensor distances, PlainState x, double margin)
    {
        var (positive, negative) = Masks(x);
        return MeanNonZero(F.relu(distances[positive])) + MeanNonZero(F.relu(margin - distances[negative]));
    }

    private static (Tensor Anchor, Tensor Positive, Tensor Negative) Triplets(PlainState x)
    {
        var (positive, negative) = Masks(x);
        var all = (positive.unsqueeze(2) & negative.unsqueeze(1)).nonzero();
        return (all.select(1, 0), all.select(1, 1), all.select(1, 2));
    }

    private static Tensor AllTriplets(PlainState x)
    {
        var distances = Distances(x);
        var (a, p, n) = Triplets(x);
        return MeanNonZero(F.relu(distances[a, p] - distances[a, n] + 0.2));
    }

    private static Tensor HardTriplets(PlainState x)
    {
        var distances = Distances(x);
        var (positive, negative) = Masks(x);
        var far = distances.masked_fill(positive.logical_not(), double.NegativeInfinity).amax([1]);
        var near = distances.masked_fill(negative.logical_not(), double.PositiveInfinity).amin([1]);
        return MeanNonZero(F.relu(far - near + 0.2));
    }

    private static Tensor Margin(PlainState x)
    {
        var distances = Distances(x);
        var (a, p, n) = Triplets(x);
        var (far, near) = (F.relu(distances[a, p] - 1.2 + 0.2), F.relu(1.2 - distances[a, n] + 0.2));
        return (far.sum() + near.sum()) / (far.gt(0).sum() + near.gt(0).sum()).clamp(min: 1);
    }

    private static Tensor NPair(PlainState x)
    {
        var groups = x["embeddings"].view(-1, PerClass, x["embeddings"].shape[1]); // the batch is sorted by class
        var (anchors, positives) = (groups.select(1, 0), groups.select(1, 1));
        return F.cross_entropy(anchors.mm(positives.t()), arange(anchors.shape[0], ScalarType.Int64));
    }

    private static Tensor LiftedStructure(PlainState x)
    {
        var distances = Distances(x);
        var (positive, negative) = Masks(x);
        var pushes = ((1 - distances).exp() * negative).sum(1);
        var costs = F.relu((pushes.unsqueeze(0) + pushes.unsqueeze(1)).log() + distances).pow(2) / 2;
        return costs[positive].mean();
    }

    private static Tensor GeneralizedLiftedStructure(PlainState x)
    {
        var distances = Distances(x);
        var (positive, negative) = Masks(x);
        return F.relu(LogSum(distances, positive, withOne: false) + LogSum(1 - distances, negative, withOne: false)).mean();
    }

    private static Tensor Angular(PlainState x)
    {
        var square = Math.Pow(Math.Tan(2 * Math.PI / 9), 2);
        var unit = Unit(x);
        var (positive, negative) = Masks(x);
        var pairs = positive.nonzero();
        var (a, p) = (pairs.select(1, 0), pairs.select(1, 1));
        var (anchors, positives) = (unit[a], unit[p]);
        var terms = 4 * square * (anchors + positives).mm(unit.t()) - 2 * (1 + square) * (anchors * positives).sum(1, keepdim: true);
        return LogSum(terms, negative[a], withOne: true).mean();
    }

    private static Tensor TupletMargin(PlainState x)
    {
        var similarities = Similarities(x);
        var (positive, negative) = Masks(x);
        var pairs = positive.nonzero();
        var (a, p) = (pairs.select(1, 0), pairs.select(1, 1));
        var near = (similarities[a, p].clamp(-1, 1).acos() - 0.1).cos();
        return LogSum(64 * (similarities[a] - near.unsqueeze(1)), negative[a], withOne: true).mean();
    }

    private static Tensor FastAP(PlainState x)
    {
        const int bins = 10;
        var (positive, negative) = Masks(x);
        var squares = Distances(x).pow(2);
        var centres = linspace(0, 4, bins + 1);
        var pulses = F.relu(1 - (squares.unsqueeze(2) - centres).abs() / (4.0 / bins));
        var hits = (pulses * positive.unsqueeze(2)).sum(1);
        var misses = (pulses * negative.unsqueeze(2)).sum(1);
        var (allHits, all) = (hits.cumsum(1), (hits + misses).cumsum(1));
        var precision = where(all.gt(0), hits * allHits / where(all.gt(0), all, ones_like(all)), zeros_like(all)).sum(1);
        return (1 - precision / positive.sum(1)).mean();
    }

    private static Tensor MultiSimilarity(PlainState x)
    {
        var similarities = Similarities(x);
        var (positive, negative) = Masks(x);
        return (
            LogSum(-2 * (similarities - 0.5), positive, withOne: true) / 2 + LogSum(50 * (similarities - 0.5), negative, withOne: true) / 50
        ).mean();
    }

    private static Tensor Circle(PlainState x)
    {
        const double margin = 0.4;
        const double scale = 80;
        var s = Similarities(x);
        var (positive, negative) = Masks(x);
        var pull = -scale * F.relu(1 + margin - s.detach()) * (s - (1 - margin));
        var push = scale * F.relu(s.detach() + margin) * (s - margin);
        return F.softplus(LogSum(pull, positive, withOne: false) + LogSum(push, negative, withOne: false)).mean();
    }

    private static Tensor SupervisedContrastive(PlainState x)
    {
        var logits = Similarities(x) / 0.1;
        var (positive, negative) = Masks(x);
        var logs = logits - LogSum(logits, positive | negative, withOne: false).unsqueeze(1);
        return -((logs * positive).sum(1) / positive.sum(1)).mean();
    }

    private static Tensor NoiseRatios(PlainState x)
    {
        var unit = Unit(x);
        return (unit.unsqueeze(1) - unit.unsqueeze(0)).var(2) / unit.var(1).unsqueeze(1);
    }

    private static Tensor CrossBatchMemory(PlainState x)
    {
        const int size = 1024;
        var (embeddings, labels) = (x["embeddings"], x["labels"]);
        var rows = embeddings.shape[0];
        var memory = cat([x["memoryEmbeddings"], embeddings.detach()]).narrow(0, rows, size);
        var memoryLabels = cat([x["memoryLabels"], labels]).narrow(0, rows, size);
        var count = (x["memoryCount"] + rows).clamp(max: size);
        x.Remember("memoryEmbeddings", memory.clone());
        x.Remember("memoryLabels", memoryLabels.clone());
        x.Remember("memoryCount", count.clone());
        var known = arange(size, ScalarType.Int64).ge(size - count);
        var own = cat([zeros(rows, size - rows), eye(rows)], 1).gt(0);
        var same = labels.unsqueeze(1).eq(memoryLabels.unsqueeze(0));
        var distances = cdist(F.normalize(embeddings), F.normalize(memory));
        var (positive, negative) = (same & known & own.logical_not(), same.logical_not() & known);
        return MeanNonZero(F.relu(distances[positive])) + MeanNonZero(F.relu(1.5 - distances[negative]));
    }

    private static Tensor Cosines(PlainState x) => F.linear(Unit(x), F.normalize(x["weight"]));

    private static Tensor OneHot(PlainState x, long classes = 10_000) => PlainRow.OneHot(x["labels"], classes);

    private static Tensor Classify(PlainState x, Tensor logits) => F.cross_entropy(logits, x["labels"]);

    private static Tensor ArcFace(PlainState x, Tensor cosines)
    {
        const double margin = 0.5;
        var sines = (1 - cosines.pow(2)).clamp(0, 1).sqrt();
        var turned = cosines * Math.Cos(margin) - sines * Math.Sin(margin);
        turned = where(cosines.gt(-Math.Cos(margin)), turned, cosines - margin * Math.Sin(margin));
        var target = OneHot(x);
        return Classify(x, 64 * (target * turned + (1 - target) * cosines));
    }

    private static Tensor SphereFace(PlainState x)
    {
        var cosines = Cosines(x).clamp(-1, 1);
        var fourfold = 8 * cosines.pow(4) - 8 * cosines.pow(2) + 1;
        var sector = (4 * cosines.detach().acos() / Math.PI).floor();
        var turned = (1 - 2 * sector.remainder(2)) * fourfold - 2 * sector;
        var logits = cosines + OneHot(x) * (turned - cosines);
        return Classify(x, logits * x["embeddings"].norm(1, keepdim: true));
    }

    private static Tensor AdaFace(PlainState x)
    {
        const double edge = 1e-3;
        var lengths = x["embeddings"].norm(1, keepdim: true).detach().clamp(0.001, 100);
        x.Remember("batchMean", 0.01 * lengths.mean() + 0.99 * x["batchMean"]);
        x.Remember("batchStd", 0.01 * lengths.std() + 0.99 * x["batchStd"]);
        var quality = (0.333 * (lengths - x["batchMean"]) / (x["batchStd"] + 0.001)).clamp(-1, 1);
        var target = OneHot(x);
        var cosines = Cosines(x).clamp(-1 + edge, 1 - edge);
        var turned = (cosines.acos() - target * 0.4 * quality).clamp(edge, Math.PI - edge).cos();
        return Classify(x, 64 * (turned - target * (0.4 + 0.4 * quality)));
    }

    private static Tensor MagFace(PlainState x)
    {
        var lengths = x["embeddings"].norm(1, keepdim: true).clamp(10, 110);
        var margins = (0.8 - 0.45) / (110 - 10) * (lengths - 10) + 0.45;
        var cosines = Cosines(x);
        var turned = cosines * margins.cos() - (1 - cosines.pow(2)).clamp(0, 1).sqrt() * margins.sin();
        turned = where(cosines.gt(0), turned, cosines);
        var target = OneHot(x);
        return Classify(x, 64 * (target * turned + (1 - target) * cosines)) + (35 * (lengths / (110 * 110) + 1 / lengths)).mean();
    }

    private static Tensor ProxyNCA(PlainState x) => Classify(x, -cdist(Unit(x), F.normalize(x["proxies"])).pow(2));

    private static Tensor ProxyAnchor(PlainState x)
    {
        var cosines = F.linear(Unit(x), F.normalize(x["proxies"]));
        var target = OneHot(x, 1000);
        var pulls = ((-32 * (cosines - 0.1)).exp() * target).sum([0]);
        var pushes = ((32 * (cosines + 0.1)).exp() * (1 - target)).sum([0]);
        var present = target.sum([0]).gt(0).sum();
        return (1 + pulls).log().sum() / present + (1 + pushes).log().sum() / 1000;
    }

    private static Tensor SoftTriple(PlainState x)
    {
        var cosines = F.linear(Unit(x), F.normalize(x["centers"])).view(256, 1000, 10);
        var soft = (F.softmax(cosines / 0.1, 2) * cosines).sum(2);
        return Classify(x, 20 * (soft - 0.01 * OneHot(x, 1000)));
    }
}
