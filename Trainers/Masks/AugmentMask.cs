using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetLosses.Data;
using MLNetLosses.Interop;
using MLNetLosses.Masks;
using MLNetLosses.Scoring;

namespace MLNetLosses.Transforms;

/// <summary>Changes images at random, and their masks as their images.</summary>
internal sealed record AugmentMask(
    string OutputImage,
    string OutputMask,
    string ImageColumnName,
    string MaskColumnName,
    string Augmentation,
    long Seed
) : IRowTransform<AugmentMask>
{
    public static ModelFormat Format { get; } = new("MLLMSKAU", "MLNetLossesMaskAugment", "Augmentation with masks (MLNetLosses)");

    public SchemaShape.Column[] Promise(SchemaShape input, IExceptionContext environment)
    {
        ImageColumn.Check(input, ImageColumnName, environment);
        MaskColumn.Check(input, MaskColumnName, "masks", environment);
        return
        [
            SchemaShapes.Scalar(OutputImage, MLImages.ColumnType),
            SchemaShapes.Scalar(OutputMask, SegmentationMaskDataViewType.Instance),
        ];
    }

    public BoundTransform Bind(DataViewSchema input, IExceptionContext environment) =>
        new Scorer(
            input,
            ImageColumn.Find(input, ImageColumnName, environment),
            MaskColumn.Find(input, MaskColumnName, "masks", environment),
            this
        );

    private sealed class Scorer(DataViewSchema input, ImageColumn image, MaskColumn mask, AugmentMask settings)
        : RowScorer<MaskedRow, (RgbaPixels Image, SegmentationMask? Mask)>(
            input,
            [
                new(settings.OutputImage, MLImages.ColumnType),
                MaskClasses.Column(settings.OutputMask, SegmentationMaskDataViewType.Instance, mask.ClassNames),
            ]
        )
    {
        private readonly Augmentation augmentation = Data.Augmentation.Parse(settings.Augmentation);

        public override IReadOnlyList<DataViewSchema.Column> Inputs => [image.Column, mask.Column];

        public override Func<MaskedRow> CreateReader(DataViewRow row) => MaskedRow.CreateReader(row, image, mask);

        protected override (RgbaPixels Image, SegmentationMask? Mask) Compute(MaskedRow item)
        {
            var (planes, width, height) = item.Decode();
            var plan = AugmentationPlan.Sample(augmentation, 1, width, height, settings.Seed, epoch: 0, step: (int)item.Image.Row);
            return (new UprightImage(planes, width, height).Change(plan), item.Mask is { } source ? Move(source, plan.Geometry[0]) : null);
        }

        public override Delegate CreateGetter(int output, Func<(RgbaPixels Image, SegmentationMask? Mask)> current) =>
            output == 0
                ? (ValueGetter<MLImage>)((ref MLImage value) => value = current().Image.ToImage())
                : (ValueGetter<SegmentationMask>)((ref SegmentationMask value) => value = current().Mask!);

        private static SegmentationMask Move(SegmentationMask source, GeometricTransform geometry)
        {
            var values = new byte[Math.Max(1, source.LayerCount) * geometry.Width * geometry.Height];
            MaskGeometry.Move(geometry, source.Values, values, SegmentationMask.Ignored);
            return SegmentationMask.Owning(geometry.Width, geometry.Height, source.LayerCount, values);
        }
    }
}
