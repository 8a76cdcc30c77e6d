using Microsoft.ML;

namespace MLNetLosses.Interop;

/// <summary>Makes ML.NET's results of cross-validation, which it makes for its own trainers only.</summary>
internal static class CrossValidation
{
    public static TrainCatalogBase.CrossValidationResult<SegmentationMetrics> Result(
        ITransformer model,
        SegmentationMetrics metrics,
        IDataView scoredHoldOutSet,
        int fold
    ) => new(model, metrics, scoredHoldOutSet, fold);
}
