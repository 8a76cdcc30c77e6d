using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetLosses.Data;
using MLNetLosses.Interop;
using MLNetLosses.Losses;
using MLNetLosses.Masks;
using MLNetLosses.Scoring;

namespace MLNetLosses.Transforms;

/// <summary>Paints masks in colours.</summary>
internal sealed record MaskToImage(string Output, string Input, ValueList<string>? Colors) : IRowTransform<MaskToImage>
{
    public static ModelFormat Format { get; } = new("MLLMSKIM", "MLNetLossesMaskToImage", "Pictures of masks (MLNetLosses)");

    public SchemaShape.Column[] Promise(SchemaShape input, IExceptionContext environment)
    {
        MaskColumn.Check(input, Input, "masks", environment);
        return [SchemaShapes.Scalar(Output, MLImages.ColumnType)];
    }

    public BoundTransform Bind(DataViewSchema input, IExceptionContext environment) =>
        new Scorer(input, MaskColumn.Find(input, Input, "masks", environment), this);

    private sealed class Scorer(DataViewSchema input, MaskColumn mask, MaskToImage settings)
        : RowScorer<SegmentationMask?, RgbaPixels?>(input, [new(settings.Output, MLImages.ColumnType)])
    {
        private readonly uint[] palette = MaskPalette.Of(settings.Colors);

        public override IReadOnlyList<DataViewSchema.Column> Inputs => [mask.Column];

        public override Func<SegmentationMask?> CreateReader(DataViewRow row) => mask.CreateReader(row);

        protected override RgbaPixels? Compute(SegmentationMask? item)
        {
            if (item is null)
                return null;
            var picture = RgbaPixels.Filled(item.Width, item.Height, palette[0]);
            picture.Paint(item, palette, 1);
            return picture;
        }

        public override Delegate CreateGetter(int output, Func<RgbaPixels?> current) =>
            (ValueGetter<MLImage>)((ref MLImage value) => value = current()?.ToImage()!);
    }
}
