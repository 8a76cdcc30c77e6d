using MLNetLosses.Losses;
using MLNetLosses.Networks;
using MLNetLosses.Training;
using static TorchSharp.torch;

namespace MLNetLosses;

/// <summary>
/// From the outputs of a head and what the anchors of a batch shall learn to the inputs of the loss. Only anchors with objects are decoded; classes are written into
/// a field of zeros at their places.
/// </summary>
internal sealed class DetectionLossInputs
{
    private const double LeastQuality = 1e-6;
    private readonly DetectionNetworkShape shape;
    private readonly BoxCoder coder;
    private readonly bool softmax;
    private readonly bool labels;
    private readonly bool qualities;
    private readonly bool decoded;
    private readonly bool encoded;
    private readonly bool byImage;
    private readonly long ignoredIndex;

    public DetectionLossInputs(DetectionNetworkShape shape, ObjectDetectionTrainer.Options options)
    {
        (this.shape, coder) = (shape, shape.Head.Coder);
        var classification = DetectorClassificationLoss.Terms(options.ClassificationLoss.Loss);
        softmax = shape.HasBackground;
        labels = options.ClassificationLoss.Loss is ClassificationLoss && !softmax;
        ignoredIndex =
            classification.Select(term => (term.Loss as ClassificationLoss)?.IgnoredTarget).FirstOrDefault(none => none is not null)
            ?? -100;
        qualities = classification.Any(term => DetectionTerm.ComparesQualities(term.Loss));
        decoded = options.BoxLoss.Loss is BoxLoss;
        encoded = !decoded;
        byImage = options.LossNormalization == DetectionNormalization.Image;
    }

    /// <summary>The inputs, in the caller's dispose scope.</summary>
    public LossInputs Make(HeadOutput output, AnchorTargets targets)
    {
        var inputs = new LossInputs();
        var told = output.Codes.reshape(-1, coder.Outputs).index_select(0, targets.Places);
        var codes = coder.Codes(told);
        var boxes = decoded || qualities || shape.Head.Quality == BoxQuality.IoU ? coder.Decode(codes, targets.Anchors) : null;
        var overlaps = qualities || shape.Head.Quality == BoxQuality.IoU ? Overlaps(boxes!, targets.Boxes) : null;
        AddClasses(inputs, output.Logits, targets, overlaps);
        if (decoded)
            Add(inputs, DetectionObjective.Boxes, ("predictedBoxes", boxes!), ("targetBoxes", targets.Boxes));
        var distributions = coder as DistributionCoder;
        var wanted = encoded || distributions is not null ? coder.Encode(targets.Boxes, targets.Anchors) : null;
        if (encoded)
            Add(inputs, DetectionObjective.Boxes, ("predictions", codes), ("targets", wanted!));
        if (distributions is not null)
            Add(inputs, DetectionObjective.Distributions, ("logits", distributions.Logits(told)), ("targets", wanted!));
        if (output.Quality is { } quality)
            Add(
                inputs,
                DetectionObjective.Quality,
                ("logits", quality.reshape(-1, 1).index_select(0, targets.Places)),
                ("targets", (shape.Head.Quality == BoxQuality.IoU ? overlaps! : Centerness(targets)).unsqueeze(1))
            );
        var images = output.Logits.shape[0];
        inputs["scale"] = byImage ? tensor(1f / images) : tensor(1f / Math.Max(1, targets.Places.shape[0]));
        inputs["scale"] = inputs["scale"].to(output.Logits.device);
        if (byImage)
            AddWeights(inputs, targets, images);
        return inputs;
    }

    private void AddClasses(LossInputs inputs, Tensor logits, AnchorTargets targets, Tensor? overlaps)
    {
        var (images, anchors, outputs) = (logits.shape[0], logits.shape[1], logits.shape[2]);
        if (softmax)
        {
            var classes = full([images * anchors], shape.ClassCount, ScalarType.Int64, logits.device);
            classes.index_fill_(0, targets.Ignored, ignoredIndex);
            classes.index_copy_(0, targets.Places, targets.Classes);
            Add(inputs, DetectionObjective.Classification, ("logits", logits.reshape(-1, outputs)), ("targets", classes));
            return;
        }
        var field = zeros([images * anchors, outputs], labels ? ScalarType.Float32 : ScalarType.Int8, logits.device);
        field.index_fill_(0, targets.Ignored, labels ? ignoredIndex : -1);
        var places = targets.Places * outputs + targets.Classes;
        field.view(-1).index_fill_(0, places, 1);
        if (labels)
        {
            Add(inputs, DetectionObjective.Classification, ("logits", logits.reshape(-1, outputs)), ("targets", field));
            return;
        }
        Add(inputs, DetectionObjective.Classification, ("logits", logits), ("targets", field.view(logits.shape)));
        if (!qualities)
            return;
        // Above 0, so that an anchor with an object stays a positive while its box misses it.
        var soft = field.to(ScalarType.Float32);
        soft.view(-1).index_copy_(0, places, overlaps!.clamp(min: LeastQuality));
        Add(inputs, DetectionObjective.Classification, (DetectionTerm.QualityTargets, soft.view(logits.shape)));
    }

    /// <summary>One weight an image, so that the sum over it is divided by its own number of anchors with objects.</summary>
    private void AddWeights(LossInputs inputs, AnchorTargets targets, long images)
    {
        var ofImage = targets.Counts.clamp(min: 1).reciprocal();
        var ofPair = ofImage.index_select(0, targets.Images);
        var rows = softmax || labels;
        var count = inputs[$"{DetectionObjective.Classification}.logits"].shape[0];
        var classWeights = rows ? ofImage.unsqueeze(1).expand(images, count / images).reshape(-1) : ofImage;
        inputs[$"{DetectionObjective.Classification}.weights"] = classWeights;
        inputs[$"{DetectionObjective.Boxes}.weights"] = encoded ? ofPair.unsqueeze(1) : ofPair;
        if (coder is DistributionCoder)
            inputs[$"{DetectionObjective.Distributions}.weights"] = ofPair;
        if (shape.Head.Quality != BoxQuality.None)
            inputs[$"{DetectionObjective.Quality}.weights"] = ofPair;
    }

    /// <summary>Intersection over union, pair by pair.</summary>
    public static Tensor Overlaps(Tensor boxes, Tensor targets)
    {
        using var frozen = no_grad();
        return 1 - new IoULoss().Compute(boxes.detach(), targets, reduction: Reduction.None);
    }

    private static Tensor Centerness(AnchorTargets targets)
    {
        using var scope = NewDisposeScope();
        var distances = DistanceCoder.Instance.Encode(targets.Boxes, targets.Anchors).clamp(min: 0);
        var (low, high) = (distances.narrow(1, 0, 2), distances.narrow(1, 2, 2));
        var ratios = minimum(low, high) / maximum(low, high).clamp(min: 1e-6);
        return scope.MoveToOuter(ratios.prod(1).sqrt());
    }

    private static void Add(LossInputs inputs, string part, params ReadOnlySpan<(string Name, Tensor Tensor)> tensors)
    {
        foreach (var (name, tensor) in tensors)
            inputs[$"{part}.{name}"] = tensor;
    }
}
