using MLNetLosses.Losses;
using MLNetLosses.Networks;
using MLNetLosses.Training;
using static TorchSharp.torch;

namespace MLNetLosses;

/// <summary>
/// What a step of a detector tells of its images: how far the outputs of the head are from each image's objects, and how well the boxes of the anchors with objects lie. One measure for
/// all losses, so that images are comparable: focal terms of the classes over all anchors (Lin et al. 2017, with the exponent 2 and no balance), and 1 - IoU of the boxes, both a mean over
/// the image's anchors with objects.
/// </summary>
/// <param name="shape">The network.</param>
/// <param name="isAlone">Whether each place of a batch shows one image: a mosaic's loss is that of several.</param>
internal sealed class DetectionTrainedRows(DetectionNetworkShape shape, bool isAlone)
{
    public const string MatchedIoU = "matchedIoU";

    public TrainedRows Describe(TrainingBatch batch, LossInputs inputs)
    {
        var targets = AnchorTargets.From(batch.Targets);
        var overlaps = DetectionLossInputs.Overlaps(Boxes(inputs, targets), targets.Boxes);
        var metric = new TrainedMetric(MatchedIoU, overlaps.sum(), tensor((double)overlaps.numel()));
        if (!isAlone)
            return TrainedRows.None(metric);
        var logits = inputs[$"{DetectionObjective.Classification}.logits"].detach().to(ScalarType.Float32);
        logits = logits.reshape(batch.RowCount, -1, logits.shape[^1]);
        var losses = shape.HasBackground ? Exclusive(logits, targets) : Independent(logits, targets);
        losses = losses.index_add(0, targets.Images, 1 - overlaps, 1) / targets.Counts.clamp(min: 1);
        return new(batch.Rows, losses) { Metrics = [metric] };
    }

    private Tensor Boxes(LossInputs inputs, AnchorTargets targets) =>
        inputs.Find($"{DetectionObjective.Boxes}.predictedBoxes")
        ?? shape.Head.Coder.Decode(inputs[$"{DetectionObjective.Boxes}.predictions"].detach(), targets.Anchors);

    /// <summary>A sigmoid a class.</summary>
    private static Tensor Independent(Tensor logits, AnchorTargets targets)
    {
        var (anchors, outputs) = (logits.shape[1], logits.shape[2]);
        var absent = logits.sigmoid().pow_(2).mul_(nn.functional.softplus(logits));
        var places = targets.Places * outputs + targets.Classes;
        var found = logits.reshape(-1).index_select(0, places).neg();
        var present = found.sigmoid().pow_(2).mul_(nn.functional.softplus(found));
        return absent
            .sum([1, 2])
            .index_add(0, targets.Images, present - absent.reshape(-1).index_select(0, places), 1)
            .index_add(0, Image(targets.Ignored, anchors), absent.reshape(-1, outputs).index_select(0, targets.Ignored).sum(1), -1);
    }

    /// <summary>A softmax over the classes and the background, which is the last.</summary>
    private Tensor Exclusive(Tensor logits, AnchorTargets targets)
    {
        var (images, anchors) = (logits.shape[0], logits.shape[1]);
        var classes = full([images * anchors], shape.ClassCount, ScalarType.Int64, logits.device);
        classes.index_copy_(0, targets.Places, targets.Classes);
        var logarithm = nn.functional.log_softmax(logits.reshape(images * anchors, -1), 1).gather(1, classes.unsqueeze(1)).squeeze(1);
        var each = (1 - logarithm.exp()).pow_(2).mul_(logarithm.neg());
        return each.reshape(images, anchors)
            .sum(1)
            .index_add(0, Image(targets.Ignored, anchors), each.index_select(0, targets.Ignored), -1);
    }

    private static Tensor Image(Tensor places, long anchors) => places.div(anchors, RoundingMode.floor);
}
