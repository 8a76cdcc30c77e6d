using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetLosses.Interop;
using MLNetLosses.Losses;
using MLNetLosses.Scoring;
using static TorchSharp.torch;

namespace MLNetLosses.Transforms;

/// <summary>The loss of every row by itself, from pairs of boxes.</summary>
internal sealed record ScoreBoxLoss(string Output, string Boxes, string Predicted, string Loss) : IRowTransform<ScoreBoxLoss>
{
    private const string Wanted = "Vector<Single>: x0, y0, x1, y1 of each object";

    public static ModelFormat Format { get; } = new("MLLSBOXL", "MLNetLossesScoreBoxLoss", "Loss of boxes of rows (MLNetLosses)");

    public SchemaShape.Column[] Promise(SchemaShape input, IExceptionContext environment)
    {
        foreach (var name in new[] { Boxes, Predicted })
        {
            if (!input.TryFind(name, out var column))
                throw Missing(name, input.Select(c => c.Name), environment);
            if (column.IsKey || column.Kind == SchemaShape.Column.VectorKind.Scalar || column.ItemType != NumberDataViewType.Single)
                throw Hosts.SchemaMismatch(environment, nameof(input), "bounding box", name, Wanted, column.TypeName());
        }
        return [SchemaShapes.Scalar(Output, NumberDataViewType.Single)];
    }

    public BoundTransform Bind(DataViewSchema input, IExceptionContext environment) =>
        new Scorer(input, Find(input, Boxes, environment), Find(input, Predicted, environment), Output, Losses.Loss.Parse<BoxLoss>(Loss));

    private static DataViewSchema.Column Find(DataViewSchema input, string name, IExceptionContext environment)
    {
        var column = input.GetColumnOrNull(name) ?? throw Missing(name, input.Select(c => c.Name), environment);
        return (column.Type as VectorDataViewType)?.ItemType == NumberDataViewType.Single
            ? column
            : throw Hosts.SchemaMismatch(environment, nameof(input), "bounding box", name, Wanted, column.Type.ToString()!);
    }

    private static ArgumentException Missing(string name, IEnumerable<string> columns, IExceptionContext environment) =>
        environment.Process(
            new ArgumentException($"There is no column '{name}'. The columns are {string.Join(", ", columns.Select(c => $"'{c}'"))}.")
        );

    private sealed record Item(float[] Boxes, float[] Predicted, long Row);

    private sealed class Scorer(
        DataViewSchema input,
        DataViewSchema.Column boxes,
        DataViewSchema.Column predicted,
        string output,
        BoxLoss loss
    ) : RowScorer<Item, float>(input, [new(output, NumberDataViewType.Single)])
    {
        public override IReadOnlyList<DataViewSchema.Column> Inputs => [boxes, predicted];

        public override Func<Item> CreateReader(DataViewRow row)
        {
            var (own, others) = (row.GetGetter<VBuffer<float>>(boxes), row.GetGetter<VBuffer<float>>(predicted));
            VBuffer<float> first = default,
                second = default;
            return () =>
            {
                own(ref first);
                others(ref second);
                return new([.. first.DenseValues()], [.. second.DenseValues()], row.Position);
            };
        }

        public override Delegate CreateGetter(int output, Func<float> current) =>
            (ValueGetter<float>)((ref float value) => value = current());

        protected override float Compute(Item item)
        {
            Check(item.Boxes, boxes.Name, item.Row);
            Check(item.Predicted, predicted.Name, item.Row);
            if (item.Boxes.Length != item.Predicted.Length)
                throw new ArgumentException(
                    Invariant(
                        $"Row {item.Row} has {item.Boxes.Length / 4} boxes in the column '{boxes.Name}' and {item.Predicted.Length / 4} in the column '{predicted.Name}': a box loss compares them pair by pair. For what a detector finds, give ScoreLoss the detector itself."
                    )
                );
            if (item.Boxes.Length == 0)
                return float.NaN;
            using var scope = NewDisposeScope();
            using var frozen = no_grad();
            return loss.Compute(tensor(item.Predicted).reshape(-1, 4), tensor(item.Boxes).reshape(-1, 4)).item<float>();
        }

        private static void Check(float[] numbers, string column, long row)
        {
            if (numbers.Length % 4 != 0)
                throw new ArgumentException(
                    Invariant($"Row {row} has {numbers.Length} numbers in the column '{column}': there must be 4 a box, x0 y0 x1 y1.")
                );
            for (var i = 0; i < numbers.Length; i += 4)
            {
                var box = numbers.AsSpan(i, 4);
                if (!(box[2] >= box[0] && box[3] >= box[1] && float.IsFinite(box[2] - box[0]) && float.IsFinite(box[3] - box[1])))
                    throw new ArgumentException(
                        Invariant(
                            $"The box of object {i / 4} of row {row} in the column '{column}' is [{box[0]}, {box[1]}, {box[2]}, {box[3]}]: boxes are four finite numbers x0, y0, x1, y1 with x0 not above x1 and y0 not above y1."
                        )
                    );
            }
        }

        private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
    }
}
