using Microsoft.ML;

namespace MLNetLosses.Interop;

/// <summary>Makes ML.NET's results of cross-validation, which it makes for its own trainers only.</summary>
internal static class CrossValidation
{
    public static TrainCatalogBase.CrossValidationResult<TMetrics> Result<TMetrics>(
        ITransformer model,
        TMetrics metrics,
        IDataView scoredHoldOutSet,
        int fold
    )
        where TMetrics : class => new(model, metrics, scoredHoldOutSet, fold);
}
