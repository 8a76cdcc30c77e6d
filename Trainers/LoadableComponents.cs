using MLNetLosses;
using MLNetLosses.Interop;

// What mlContext.Model.Load finds by itself.
[assembly: Loadable<ImageClassificationTransformer>]
[assembly: Loadable<SemanticSegmentationTransformer>]
[assembly: Loadable<ObjectDetectionTransformer>]
