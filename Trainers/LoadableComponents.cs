using MLNetLosses;
using MLNetLosses.Interop;
using MLNetLosses.Transforms;

// What mlContext.Model.Load finds by itself.
[assembly: Loadable<ImageClassificationTransformer>]
[assembly: Loadable<SemanticSegmentationTransformer>]
[assembly: Loadable<ObjectDetectionTransformer>]
[assembly: Loadable<RowTransformer<DrawBoxes>>]
[assembly: Loadable<RowTransformer<ScoreLoss>>]
[assembly: Loadable<RowTransformer<ScoreBoxLoss>>]
[assembly: Loadable<DetectionLossTransformer>]
[assembly: Loadable<RowTransformer<AugmentObjects>>]
[assembly: Loadable<RowTransformer<OverlayMask>>]
[assembly: Loadable<RowTransformer<AugmentMask>>]
