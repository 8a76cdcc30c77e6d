using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetLosses.Interop;
using MLNetLosses.Masks;
using MLNetLosses.Scoring;

namespace MLNetLosses.Transforms;

/// <summary>Finds the connected regions of masks.</summary>
internal sealed record FindRegions(string Output, string Input, int? Background, int MinimumArea) : IRowTransform<FindRegions>
{
    private const string Count = "Count";
    private const string Class = "Class";
    private const string Boxes = "BoundingBoxes";
    private const string Area = "Area";

    public static ModelFormat Format { get; } = new("MLLMSKRG", "MLNetLossesMaskRegions", "Regions of masks (MLNetLosses)");

    public SchemaShape.Column[] Promise(SchemaShape input, IExceptionContext environment)
    {
        MaskColumn.Check(input, Input, "masks", environment);
        return
        [
            SchemaShapes.Scalar(Output + Count, NumberDataViewType.Int32),
            SchemaShapes.VariableVector(Output + Class, NumberDataViewType.Int32),
            SchemaShapes.VariableVector(Output + Boxes, NumberDataViewType.Single),
            SchemaShapes.VariableVector(Output + Area, NumberDataViewType.Int32),
        ];
    }

    public BoundTransform Bind(DataViewSchema input, IExceptionContext environment) =>
        new Scorer(input, MaskColumn.Find(input, Input, "masks", environment), this);

    private static DataViewSchema.DetachedColumn[] Columns(FindRegions settings, IReadOnlyList<string>? names) =>
        [
            new(settings.Output + Count, NumberDataViewType.Int32),
            MaskClasses.Column(settings.Output + Class, new VectorDataViewType(NumberDataViewType.Int32), names),
            new(settings.Output + Boxes, new VectorDataViewType(NumberDataViewType.Single)),
            new(settings.Output + Area, new VectorDataViewType(NumberDataViewType.Int32)),
        ];

    private sealed class Scorer(DataViewSchema input, MaskColumn mask, FindRegions settings)
        : RowScorer<SegmentationMask?, IReadOnlyList<MaskRegion>>(input, Columns(settings, mask.ClassNames))
    {
        public override IReadOnlyList<DataViewSchema.Column> Inputs => [mask.Column];

        public override Func<SegmentationMask?> CreateReader(DataViewRow row) => mask.CreateReader(row);

        protected override IReadOnlyList<MaskRegion> Compute(SegmentationMask? item) =>
            item is null ? [] : MaskRegion.Find(item, settings.Background, settings.MinimumArea);

        public override Delegate CreateGetter(int output, Func<IReadOnlyList<MaskRegion>> current) =>
            output switch
            {
                0 => (ValueGetter<int>)((ref int value) => value = current().Count),
                1 => Vector<int>(current, region => [region.Class]),
                2 => Vector<float>(current, region => [region.Left, region.Top, region.Right, region.Bottom]),
                _ => Vector<int>(current, region => [region.Area]),
            };

        private static ValueGetter<VBuffer<T>> Vector<T>(Func<IReadOnlyList<MaskRegion>> current, Func<MaskRegion, T[]> values) =>
            (ref VBuffer<T> value) =>
            {
                T[] all = [.. current().SelectMany(values)];
                value = new VBuffer<T>(all.Length, all);
            };
    }
}
