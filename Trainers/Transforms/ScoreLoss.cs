using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetLosses.Interop;
using MLNetLosses.Losses;
using MLNetLosses.Masks;
using MLNetLosses.Scoring;
using static TorchSharp.torch;

namespace MLNetLosses.Transforms;

/// <summary>The loss of every row by itself, from probabilities and labels: classes or masks.</summary>
internal sealed record ScoreLoss(string Output, string Label, string Score, string Loss) : IRowTransform<ScoreLoss>
{
    /// <summary>A probability of 0 would make an infinite loss; single precision knows none below this.</summary>
    private const double Least = 1e-37;

    public static ModelFormat Format { get; } = new("MLLSCLOS", "MLNetLossesScoreLoss", "Loss of rows (MLNetLosses)");

    public SchemaShape.Column[] Promise(SchemaShape input, IExceptionContext environment)
    {
        foreach (var name in new[] { Label, Score })
            if (!input.TryFind(name, out _))
                throw environment.Process(
                    new ArgumentException(
                        $"There is no column '{name}'. The columns are {string.Join(", ", input.Select(c => $"'{c.Name}'"))}."
                    )
                );
        return [SchemaShapes.Scalar(Output, NumberDataViewType.Single)];
    }

    public BoundTransform Bind(DataViewSchema input, IExceptionContext environment)
    {
        var score =
            input.GetColumnOrNull(Score)
            ?? throw environment.Process(
                new ArgumentException(
                    $"There is no column '{Score}'. The columns are {string.Join(", ", input.Select(c => $"'{c.Name}'"))}."
                )
            );
        if (score.Type is not VectorDataViewType vector || vector.ItemType != NumberDataViewType.Single)
            throw Hosts.SchemaMismatch(
                environment,
                nameof(input),
                "probabilities",
                Score,
                "Vector<Single> of probabilities",
                score.Type.ToString()!
            );
        var loss = Losses.Loss.Parse<SegmentationLoss>(Loss);
        if (input.GetColumnOrNull(Label)?.Type is not KeyDataViewType)
            return new OfMasks(input, Masks.MaskColumn.Find(input, Label, "masks or keys", environment), score, this, loss);
        if (loss is not ClassificationLoss)
            throw environment.Process(
                new ArgumentException(
                    $"{Loss} is a loss of masks, and the column '{Label}' holds classes: take a classification loss, such as CrossEntropyLoss."
                )
            );
        return new OfClasses(input, LabelColumn.Find(input, Label, environment), score, this, loss);
    }

    /// <summary>A row.</summary>
    /// <param name="Target">Its class or mask; null: none.</param>
    /// <param name="Probabilities">What the model says.</param>
    /// <param name="Row">Its number, for messages.</param>
    private sealed record Item<T>(T Target, float[] Probabilities, long Row);

    private abstract class Scorer<T>(
        DataViewSchema input,
        DataViewSchema.Column label,
        DataViewSchema.Column score,
        ScoreLoss settings,
        SegmentationLoss loss
    ) : BlockScorer<Item<T>, IReadOnlyList<Item<T>>, float>(input, [new(settings.Output, NumberDataViewType.Single)])
    {
        private readonly Lock gate = new();
        private readonly Dictionary<int, LossFunction> functions = [];

        public override IReadOnlyList<DataViewSchema.Column> Inputs => [label, score];

        public override int BlockSize => 32;

        public override Func<Item<T>> CreateReader(DataViewRow row)
        {
            var target = CreateTargetReader(row);
            var getter = row.GetGetter<VBuffer<float>>(score);
            VBuffer<float> scores = default;
            return () =>
            {
                getter(ref scores);
                return new(target(), [.. scores.DenseValues()], row.Position);
            };
        }

        public override IReadOnlyList<Item<T>> Prepare(IReadOnlyList<Item<T>> items) => items;

        // A built loss serves one thread at a time.
        public override IReadOnlyList<float> Score(IReadOnlyList<Item<T>> block)
        {
            lock (gate)
            {
                using var frozen = no_grad();
                return [.. block.Select(Of)];
            }
        }

        public override Delegate CreateGetter(int output, Func<float> current) =>
            (ValueGetter<float>)((ref float value) => value = current());

        protected abstract Func<T> CreateTargetReader(DataViewRow row);

        /// <summary>The loss's inputs for a row; null where it has no label or no scores. In the caller's dispose scope.</summary>
        protected abstract (LossInputs Inputs, int Classes)? InputsOf(Item<T> item);

        protected DataViewSchema.Column Probabilities => score;

        private float Of(Item<T> item)
        {
            using var scope = NewDisposeScope();
            if (
                item.Probabilities.Length == 0
                || Array.Exists(item.Probabilities, float.IsNaN)
                || InputsOf(item) is not var (inputs, classes)
            )
                return float.NaN;
            if (!functions.TryGetValue(classes, out var function))
            {
                functions[classes] = function = loss.Build(new() { ClassCount = classes });
                function.eval();
            }
            try
            {
                return function.Evaluate(inputs).to(ScalarType.Float32).item<float>();
            }
            catch (Exception e) when (e is ArgumentException or NotSupportedException)
            {
                throw new ArgumentException(
                    $"Row {item.Row.ToString(CultureInfo.InvariantCulture)}: {loss} cannot be computed: {e.Message}",
                    e
                );
            }
        }
    }

    private sealed class OfClasses(
        DataViewSchema input,
        LabelColumn label,
        DataViewSchema.Column score,
        ScoreLoss settings,
        SegmentationLoss loss
    ) : Scorer<int>(input, label.Column, score, settings, loss)
    {
        private readonly int[] slots = Slots(label, score);

        protected override Func<int> CreateTargetReader(DataViewRow row)
        {
            var read = label.CreateReader(row);
            return () => read() is >= 0 and var found ? slots[found] : -1;
        }

        protected override (LossInputs, int)? InputsOf(Item<int> item)
        {
            if (item.Target < 0)
                return null;
            var classes = item.Probabilities.Length;
            if (item.Target >= classes)
                throw new ArgumentException(
                    $"Row {item.Row} has the class {item.Target} of the label column, and the column '{Probabilities.Name}' has {classes} probabilities."
                );
            // The softmax of logarithms of probabilities is the probabilities.
            var logits = tensor(item.Probabilities).to(ScalarType.Float64).clamp_min(Least).log().to(ScalarType.Float32).unsqueeze(0);
            return (new() { ["logits"] = logits, ["targets"] = tensor(new long[] { item.Target }) }, classes);
        }

        // By name where both columns name their classes, else by number.
        private static int[] Slots(LabelColumn label, DataViewSchema.Column score)
        {
            int[] same = [.. Enumerable.Range(0, label.ClassCount)];
            if (label.Values is null || !score.HasSlotNames())
                return same;
            VBuffer<ReadOnlyMemory<char>> names = default;
            score.GetSlotNames(ref names);
            var places = names
                .DenseValues()
                .Select((name, place) => (name.ToString(), place))
                .DistinctBy(p => p.Item1)
                .ToDictionary(p => p.Item1, p => p.place);
            return label.Names.Any(places.ContainsKey) ? [.. label.Names.Select(name => places.GetValueOrDefault(name, -1))] : same;
        }
    }

    private sealed class OfMasks(
        DataViewSchema input,
        Masks.MaskColumn masks,
        DataViewSchema.Column score,
        ScoreLoss settings,
        SegmentationLoss loss
    ) : Scorer<SegmentationMask?>(input, masks.Column, score, settings, SegmentationLosses.Ignoring(loss, SegmentationMask.Ignored))
    {
        protected override Func<SegmentationMask?> CreateTargetReader(DataViewRow row) => masks.CreateReader(row);

        protected override (LossInputs, int)? InputsOf(Item<SegmentationMask?> item)
        {
            if (item.Target is not { } mask)
                return null;
            var pixels = mask.Width * mask.Height;
            if (
                pixels == 0
                || item.Probabilities.Length % pixels != 0
                || (mask.LayerCount > 0 && item.Probabilities.Length != mask.LayerCount * pixels)
            )
                throw new ArgumentException(
                    $"Row {item.Row}: the mask has {mask.Width} x {mask.Height} pixels{(mask.LayerCount > 0 ? $" and {mask.LayerCount} layers" : "")}, and the column '{Probabilities.Name}' {item.Probabilities.Length} probabilities: one a class and pixel is wanted."
                );
            var classes = item.Probabilities.Length / pixels;
            var probabilities = tensor(item.Probabilities)
                .reshape([1, classes, mask.Height, mask.Width])
                .to(ScalarType.Float64)
                .clamp(Least, 1);
            // One output, or layers that may overlap, are sigmoids; classes that exclude each other a softmax.
            var isSoftmax = mask.LayerCount == 0 && classes > 1;
            var logits = isSoftmax ? probabilities.log() : probabilities.log() - (1 - probabilities).clamp_min(Least).log();
            var values = tensor(mask.Values.ToArray(), ScalarType.Byte);
            var targets =
                mask.LayerCount == 0
                    ? values.reshape([1, mask.Height, mask.Width]).to(ScalarType.Int64)
                    : values.reshape([1, mask.LayerCount, mask.Height, mask.Width]).to(ScalarType.Float32);
            return (new() { ["logits"] = logits.to(ScalarType.Float32), ["targets"] = targets }, classes);
        }
    }
}
