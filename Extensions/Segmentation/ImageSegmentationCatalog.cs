using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML;

/// <summary>Semantic segmentation, a class for every pixel of an image: <c>mlContext.ImageSegmentation</c>.</summary>
public sealed partial class ImageSegmentationCatalog : IInternalCatalog
{
    private readonly MLContext environment;

    internal ImageSegmentationCatalog(MLContext context)
    {
        environment = context;
        Trainers = new(environment);
    }

    /// <summary>Trainers of segmentation networks.</summary>
    public ImageSegmentationTrainers Trainers { get; }

    IHostEnvironment IInternalCatalog.Environment => environment;

    /// <summary>The catalog of trainers; other assemblies add to it by extension methods.</summary>
    public sealed class ImageSegmentationTrainers : IInternalCatalog
    {
        private readonly IHostEnvironment environment;

        internal ImageSegmentationTrainers(IHostEnvironment environment) => this.environment = environment;

        IHostEnvironment IInternalCatalog.Environment => environment;
    }
}

/// <summary>Brings segmentation to <see cref="MLContext"/>.</summary>
public static class ImageSegmentationContextExtensions
{
    extension(MLContext mlContext)
    {
        /// <summary>Semantic segmentation: trainers, evaluation and cross-validation.</summary>
        /// <exception cref="ArgumentNullException">The context is null.</exception>
        public ImageSegmentationCatalog ImageSegmentation
        {
            get
            {
                ArgumentNullException.ThrowIfNull(mlContext);
                return new(mlContext);
            }
        }
    }
}
