using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetLosses.Interop;
using MLNetLosses.Masks;
using MLNetLosses.Scoring;

namespace MLNetLosses.Transforms;

/// <summary>Reads masks from files.</summary>
internal sealed record LoadMask(string Output, string Input, string Folder, MaskFormat MaskFormat) : IRowTransform<LoadMask>
{
    public static ModelFormat Format { get; } = new("MLLMSKLD", "MLNetLossesMaskLoad", "Loading of masks (MLNetLosses)");

    public SchemaShape.Column[] Promise(SchemaShape input, IExceptionContext environment)
    {
        var found = input.TryFind(Input, out var column);
        if (!found || column is not { Kind: SchemaShape.Column.VectorKind.Scalar, ItemType: TextDataViewType })
            throw Hosts.SchemaMismatch(environment, "inputSchema", "path", Input, "String", found ? column.TypeName() : "missing");
        return [SchemaShapes.Scalar(Output, SegmentationMaskDataViewType.Instance, MaskClasses.Promise(MaskFormat.ClassNames))];
    }

    public BoundTransform Bind(DataViewSchema input, IExceptionContext environment)
    {
        var column = input.GetColumnOrNull(Input);
        return column is { Type: TextDataViewType } text
            ? new Scorer(input, text, this)
            : throw Hosts.SchemaMismatch(environment, nameof(input), "path", Input, "String", column?.Type.ToString() ?? "missing");
    }

    private sealed class Scorer(DataViewSchema input, DataViewSchema.Column path, LoadMask settings)
        : RowScorer<string, SegmentationMask?>(
            input,
            [MaskClasses.Column(settings.Output, SegmentationMaskDataViewType.Instance, settings.MaskFormat.ClassNames)]
        )
    {
        public override IReadOnlyList<DataViewSchema.Column> Inputs => [path];

        public override Func<string> CreateReader(DataViewRow row)
        {
            var getter = row.GetGetter<ReadOnlyMemory<char>>(path);
            return () =>
            {
                ReadOnlyMemory<char> value = default;
                getter(ref value);
                return value.ToString();
            };
        }

        protected override SegmentationMask? Compute(string item) =>
            item.Length == 0 ? null : settings.MaskFormat.Read(Path.Combine(settings.Folder, item));

        public override Delegate CreateGetter(int output, Func<SegmentationMask?> current) =>
            (ValueGetter<SegmentationMask>)((ref SegmentationMask value) => value = current()!);
    }
}
