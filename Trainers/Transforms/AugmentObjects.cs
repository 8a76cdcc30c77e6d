using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetLosses.Data;
using MLNetLosses.Interop;
using MLNetLosses.Scoring;

namespace MLNetLosses.Transforms;

/// <summary>Changes images at random and moves their boxes with them. The augmentation is in its text form.</summary>
internal sealed record AugmentObjects(
    string Augmentation,
    string Output,
    string Image,
    string Labels,
    string Boxes,
    string? Ignored,
    string? Area,
    long Seed
) : IRowTransform<AugmentObjects>
{
    public static ModelFormat Format { get; } =
        new("MLLAUGOB", "MLNetLossesAugmentObj", "Images and boxes changed at random (MLNetLosses)");

    public SchemaShape.Column[] Promise(SchemaShape input, IExceptionContext environment)
    {
        ImageColumn.Check(input, Image, environment);
        return [SchemaShapes.Scalar(Output, MLImages.ColumnType)];
    }

    public BoundTransform Bind(DataViewSchema input, IExceptionContext environment)
    {
        var labels = ClassVectorColumn.Find(input, Labels, "classes", environment).Column;
        return ((VectorDataViewType)labels.Type).ItemType is TextDataViewType
            ? new Scorer<ReadOnlyMemory<char>>(input, labels, this, environment)
            : new Scorer<uint>(input, labels, this, environment);
    }

    private sealed record Item<TLabel>(RowImage Image, DataViewRowId Id, float[] Boxes, TLabel[] Labels, bool[]? Ignored, float[]? Areas);

    private sealed record Result<TLabel>(RgbaPixels Image, float[] Boxes, TLabel[] Labels, bool[] Ignored, float[] Areas);

    private sealed class Scorer<TLabel>(
        DataViewSchema input,
        DataViewSchema.Column labels,
        AugmentObjects settings,
        IExceptionContext environment
    ) : RowScorer<Item<TLabel>, Result<TLabel>>(input, Outputs(input, settings))
    {
        // Less than half a pixel left along a side: nothing to learn from.
        private const double LeastSide = 0.5;

        private readonly Augmentation augmentation = Data.Augmentation.Parse(settings.Augmentation);
        private readonly ImageColumn image = ImageColumn.Find(input, settings.Image, environment);
        private readonly DataViewSchema.Column boxes = VectorColumns.Find<float>(input, settings.Boxes, "boxes", environment);
        private readonly DataViewSchema.Column? ignored = Optional(input, settings.Ignored) is not null
            ? VectorColumns.Find<bool>(input, settings.Ignored!, "ignored objects", environment)
            : null;
        private readonly DataViewSchema.Column? areas = Optional(input, settings.Area) is not null
            ? VectorColumns.Find<float>(input, settings.Area!, "areas of objects", environment)
            : null;

        public override IReadOnlyList<DataViewSchema.Column> Inputs =>
            [.. new[] { image.Column, labels, boxes, ignored, areas }.OfType<DataViewSchema.Column>()];

        public override Func<Item<TLabel>> CreateReader(DataViewRow row)
        {
            var (readImage, readId) = (image.CreateReader(row), row.GetIdGetter());
            var (readBoxes, readLabels) = (VectorColumns.CreateReader<float>(row, boxes), VectorColumns.CreateReader<TLabel>(row, labels));
            var readIgnored = ignored is { } flags ? VectorColumns.CreateReader<bool>(row, flags) : null;
            var readAreas = areas is { } sizes ? VectorColumns.CreateReader<float>(row, sizes) : null;
            return () =>
            {
                DataViewRowId id = default;
                readId(ref id);
                return new(readImage(), id, readBoxes(), readLabels(), readIgnored?.Invoke(), readAreas?.Invoke());
            };
        }

        protected override Result<TLabel> Compute(Item<TLabel> item)
        {
            var count = item.Labels.Length;
            if (item.Boxes.Length != 4 * count || (item.Ignored?.Length ?? count) != count || (item.Areas?.Length ?? count) != count)
                throw new ArgumentException(
                    $"Row {item.Image.Row} has {count} labels, {item.Boxes.Length} numbers in the column '{settings.Boxes}' {item.Ignored?.Length ?? count} flags and {item.Areas?.Length ?? count} areas: there must be 4 numbers a label, x0 y0 x1 y1, one flag and one area."
                );
            var source = UprightImage.Decode(item.Image);
            var (epoch, draw) = ((int)(item.Id.High & int.MaxValue), (int)(item.Id.Low & int.MaxValue));
            var plan = AugmentationPlan.Sample(augmentation, 1, source.Width, source.Height, settings.Seed, epoch, draw);
            var (moved, kept, left) = (new List<float>(), new List<int>(), new List<float>());
            for (var i = 0; i < count; i++)
            {
                var box = new PixelBox(item.Boxes[4 * i], item.Boxes[4 * i + 1], item.Boxes[4 * i + 2], item.Boxes[4 * i + 3]);
                if (plan.Geometry[0].Apply([box], out _) is not [var place])
                    continue;
                if (place.X1 - place.X0 < LeastSide || place.Y1 - place.Y0 < LeastSide)
                    continue;
                moved.AddRange([(float)place.X0, (float)place.Y0, (float)place.X1, (float)place.Y1]);
                kept.Add(i);
                if (item.Areas is not null)
                    left.Add((float)(item.Areas[i] * (place.Area / box.Area)));
            }
            return new(source.Change(plan), [.. moved], Kept(item.Labels), item.Ignored is null ? [] : Kept(item.Ignored), [.. left]);

            T[] Kept<T>(T[] all) => [.. kept.Select(i => all[i])];
        }

        public override Delegate CreateGetter(int output, Func<Result<TLabel>> current) =>
            output switch
            {
                0 => (ValueGetter<MLImage>)((ref MLImage value) => value = current().Image.ToImage()),
                1 => (ValueGetter<VBuffer<TLabel>>)((ref VBuffer<TLabel> value) => Set(ref value, current().Labels)),
                2 => (ValueGetter<VBuffer<float>>)((ref VBuffer<float> value) => Set(ref value, current().Boxes)),
                3 when ignored is not null => (ValueGetter<VBuffer<bool>>)((ref VBuffer<bool> value) => Set(ref value, current().Ignored)),
                _ => (ValueGetter<VBuffer<float>>)((ref VBuffer<float> value) => Set(ref value, current().Areas)),
            };

        private static DataViewSchema.Column? Optional(DataViewSchema input, string? name) =>
            name is null ? null : input.GetColumnOrNull(name);

        private static DataViewSchema.DetachedColumn[] Outputs(DataViewSchema input, AugmentObjects settings)
        {
            var objects = new[]
            {
                input.GetColumnOrNull(settings.Labels),
                input.GetColumnOrNull(settings.Boxes),
                Optional(input, settings.Ignored),
                Optional(input, settings.Area),
            };
            return [new(settings.Output, MLImages.ColumnType), .. objects.OfType<DataViewSchema.Column>().Select(Same)];
        }

        /// <summary>The column under its own name; rows keep any number of objects.</summary>
        private static DataViewSchema.DetachedColumn Same(DataViewSchema.Column column) =>
            new(
                column.Name,
                column.Type is VectorDataViewType vector ? new VectorDataViewType(vector.ItemType) : column.Type,
                column.Annotations
            );

        private static void Set<T>(ref VBuffer<T> value, T[] items)
        {
            var editor = VBufferEditor.Create(ref value, items.Length);
            items.CopyTo(editor.Values);
            value = editor.Commit();
        }
    }
}
