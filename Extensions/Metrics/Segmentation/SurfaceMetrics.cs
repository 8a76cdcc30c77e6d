using MLNetLosses.Losses;

namespace MLNetLosses;

/// <summary>
/// How well borders are found: averages over the images. In each image and class the edges of both masks are compared; the edge of a mask is its pixels with
/// one of the four neighbours outside it. NaN: no image defines it.
/// </summary>
public sealed class SurfaceMetrics
{
    internal SurfaceMetrics(double tolerance, Sums[] classes)
    {
        Tolerance = tolerance;
        ValueList<double> PerClass(Func<Sums, double> figure) => [.. classes.Select(figure)];
        BoundaryF1 = PerClass(c => c.BoundaryF1 / c.Images);
        SurfaceDice = PerClass(c => c.SurfaceDice / c.Images);
        HausdorffDistance95 = PerClass(c => c.Hausdorff95 / (c.Images - c.OneSided));
        HausdorffDistance = PerClass(c => c.Hausdorff / (c.Images - c.OneSided));
        AverageSurfaceDistance = PerClass(c => c.Average / (c.Images - c.OneSided));
        OneSidedImages = [.. classes.Select(c => c.OneSided)];
        MeanBoundaryF1 = SegmentationMetrics.MeanOfDefined(BoundaryF1);
        MeanSurfaceDice = SegmentationMetrics.MeanOfDefined(SurfaceDice);
        MeanHausdorffDistance95 = SegmentationMetrics.MeanOfDefined(HausdorffDistance95);
    }

    /// <summary>The distance up to which edges count as the same.</summary>
    public double Tolerance { get; }

    /// <summary>
    /// Of each class the mean over the images that have it in target or prediction of 2PR / (P + R): P is the share of predicted edge pixels within the
    /// tolerance of the target's edge, R the reverse; 0 where only one of both has the class.
    /// </summary>
    public IReadOnlyList<double> BoundaryF1 { get; }

    /// <summary>Of each class the mean over the same images of the share of all edge pixels that are within the tolerance of the other edge.</summary>
    public IReadOnlyList<double> SurfaceDice { get; }

    /// <summary>
    /// Of each class the mean over the images that have it in both masks of the larger of the 95th percentiles of the distances from one edge to the other.
    /// The images that have it in one only, where it is infinite, are counted in <see cref="OneSidedImages"/>.
    /// </summary>
    public IReadOnlyList<double> HausdorffDistance95 { get; }

    /// <summary>As <see cref="HausdorffDistance95"/>, of the largest distance.</summary>
    public IReadOnlyList<double> HausdorffDistance { get; }

    /// <summary>As <see cref="HausdorffDistance95"/>, of the mean of the mean distances of both directions.</summary>
    public IReadOnlyList<double> AverageSurfaceDistance { get; }

    /// <summary>Of each class the number of images in which only one of target and prediction has it.</summary>
    public IReadOnlyList<long> OneSidedImages { get; }

    /// <summary>The mean of <see cref="BoundaryF1"/> over the classes that define it.</summary>
    public double MeanBoundaryF1 { get; }

    /// <summary>The mean of <see cref="SurfaceDice"/> over the classes that define it.</summary>
    public double MeanSurfaceDice { get; }

    /// <summary>The mean of <see cref="HausdorffDistance95"/> over the classes that define it.</summary>
    public double MeanHausdorffDistance95 { get; }

    /// <summary>The sums of one class.</summary>
    internal struct Sums
    {
        public long Images;
        public long OneSided;
        public double BoundaryF1;
        public double SurfaceDice;
        public double Hausdorff;
        public double Hausdorff95;
        public double Average;

        public void Add(SurfaceDistances found)
        {
            if (double.IsNaN(found.BoundaryF1))
                return;
            Images++;
            BoundaryF1 += found.BoundaryF1;
            SurfaceDice += found.SurfaceDice;
            if (double.IsPositiveInfinity(found.HausdorffDistance))
            {
                OneSided++;
                return;
            }
            Hausdorff += found.HausdorffDistance;
            Hausdorff95 += found.HausdorffDistance95;
            Average += found.AverageSurfaceDistance;
        }
    }
}
