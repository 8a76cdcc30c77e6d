using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetLosses.Data;
using MLNetLosses.Interop;
using MLNetLosses.Scoring;

namespace MLNetLosses.Transforms;

/// <summary>Draws boxes with their classes and scores on images.</summary>
internal sealed record DrawBoxes(
    string Output,
    string Image,
    string Boxes,
    string? Labels,
    string? Scores,
    double MinimumScore,
    string? Color,
    int? LineWidth
) : IRowTransform<DrawBoxes>
{
    public static ModelFormat Format { get; } = new("MLLDRBOX", "MLNetLossesDrawBoxes", "Boxes drawn on images (MLNetLosses)");

    public SchemaShape.Column[] Promise(SchemaShape input, IExceptionContext environment)
    {
        ImageColumn.Check(input, Image, environment);
        return [SchemaShapes.Scalar(Output, MLImages.ColumnType)];
    }

    public BoundTransform Bind(DataViewSchema input, IExceptionContext environment) => new Scorer(input, this, environment);

    private sealed record Item(RowImage Image, float[] Boxes, IReadOnlyList<string?>? Names, float[]? Scores);

    private sealed class Scorer(DataViewSchema input, DrawBoxes settings, IExceptionContext environment)
        : RowScorer<Item, RgbaPixels>(input, [new(settings.Output, MLImages.ColumnType)])
    {
        private readonly ImageColumn image = ImageColumn.Find(input, settings.Image, environment);
        private readonly DataViewSchema.Column boxes = VectorColumns.Find<float>(input, settings.Boxes, "boxes", environment);
        private readonly ClassVectorColumn? labels = settings.Labels is { } label
            ? ClassVectorColumn.Find(input, label, "classes", environment)
            : null;
        private readonly DataViewSchema.Column? scores = settings.Scores is { } score
            ? VectorColumns.Find<float>(input, score, "scores", environment)
            : null;

        public override IReadOnlyList<DataViewSchema.Column> Inputs =>
            [.. new[] { image.Column, boxes, labels?.Column, scores }.OfType<DataViewSchema.Column>()];

        public override Func<Item> CreateReader(DataViewRow row)
        {
            var (readImage, readBoxes) = (image.CreateReader(row), VectorColumns.CreateReader<float>(row, boxes));
            var readLabels = labels?.CreateReader(row);
            var readScores = scores is { } column ? VectorColumns.CreateReader<float>(row, column) : null;
            return () => new(readImage(), readBoxes(), readLabels?.Invoke(), readScores?.Invoke());
        }

        protected override RgbaPixels Compute(Item item)
        {
            var position = item.Image.Row;
            var picture = UprightImage.Decode(item.Image).ToPixels();
            var (corners, names, values) = (item.Boxes, item.Names, item.Scores);
            var count = corners.Length / 4;
            if (corners.Length % 4 != 0 || (names?.Count ?? count) != count || (values?.Length ?? count) != count)
                throw new ArgumentException(
                    $"Row {position} has {corners.Length} numbers in the column '{settings.Boxes}', {names?.Count ?? count} classes and {values?.Length ?? count} scores: there must be 4 numbers a box, and one class and score."
                );
            var side = Math.Min(picture.Width, picture.Height);
            var width = settings.LineWidth ?? Math.Clamp(side / 200, 1, 12);
            var shown = Enumerable.Range(0, count).Where(i => values is null || values[i] >= settings.MinimumScore);
            // The best boxes are drawn last, so that they lie on top.
            foreach (var i in shown.OrderBy(i => values?[i] ?? 0))
            {
                var name = names is null ? "" : names[i] ?? "?";
                var color = settings.Color is null ? PixelDrawing.ColorOf(name) : MaskColor.Parse(settings.Color, 0).Rgb;
                picture.Frame(corners[4 * i], corners[4 * i + 1], corners[4 * i + 2], corners[4 * i + 3], width, color);
                var text = values is null ? name : $"{name} {values[i].ToString("0.00", CultureInfo.InvariantCulture)}".Trim();
                if (text.Length > 0)
                    picture.Label(text, corners[4 * i] - width / 2, corners[4 * i + 1] - width / 2, Math.Max(1, side / 350), color);
            }
            return picture;
        }

        public override Delegate CreateGetter(int output, Func<RgbaPixels> current) =>
            (ValueGetter<MLImage>)((ref MLImage value) => value = current().ToImage());
    }
}
