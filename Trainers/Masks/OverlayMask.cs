using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetLosses.Data;
using MLNetLosses.Interop;
using MLNetLosses.Losses;
using MLNetLosses.Masks;
using MLNetLosses.Scoring;

namespace MLNetLosses.Transforms;

/// <summary>Paints masks over their images.</summary>
internal sealed record OverlayMask(
    string Output,
    string ImageColumnName,
    string MaskColumnName,
    double Opacity,
    int? Background,
    ValueList<string>? Colors
) : IRowTransform<OverlayMask>
{
    public static ModelFormat Format { get; } = new("MLLMSKOV", "MLNetLossesMaskOverlay", "Masks over images (MLNetLosses)");

    public SchemaShape.Column[] Promise(SchemaShape input, IExceptionContext environment)
    {
        ImageColumn.Check(input, ImageColumnName, environment);
        MaskColumn.Check(input, MaskColumnName, "masks", environment);
        return [SchemaShapes.Scalar(Output, MLImages.ColumnType)];
    }

    public BoundTransform Bind(DataViewSchema input, IExceptionContext environment) =>
        new Scorer(
            input,
            ImageColumn.Find(input, ImageColumnName, environment),
            MaskColumn.Find(input, MaskColumnName, "masks", environment),
            this
        );

    private sealed class Scorer(DataViewSchema input, ImageColumn image, MaskColumn mask, OverlayMask settings)
        : RowScorer<MaskedRow, RgbaPixels>(input, [new(settings.Output, MLImages.ColumnType)])
    {
        private readonly uint[] palette = Palette(settings);

        public override IReadOnlyList<DataViewSchema.Column> Inputs => [image.Column, mask.Column];

        public override Func<MaskedRow> CreateReader(DataViewRow row) => MaskedRow.CreateReader(row, image, mask);

        protected override RgbaPixels Compute(MaskedRow item)
        {
            var (planes, width, height) = item.Decode();
            var picture = RgbaPixels.OfPlanes(width, height, planes);
            if (item.Mask is not null)
                picture.Paint(item.Mask, palette, settings.Opacity);
            return picture;
        }

        public override Delegate CreateGetter(int output, Func<RgbaPixels> current) =>
            (ValueGetter<MLImage>)((ref MLImage value) => value = current().ToImage());

        private static uint[] Palette(OverlayMask settings)
        {
            var palette = MaskPalette.Of(settings.Colors);
            palette[SegmentationMask.Ignored] = uint.MaxValue;
            if (settings.Background is { } background)
                palette[background] = uint.MaxValue;
            return palette;
        }
    }
}
